/*
 * The stray guard: keeps file descriptors that were not designated from crossing exec.
 *
 * "Mark" means: set close-on-exec. A "stray" is an inheritable FD from 3 up.
 *
 * System calls only: no Node-API, no policy. binding.c translates for JavaScript. src/policy and
 * src/spawn decide which files a child keeps, and pass them as lists.
 */
#ifndef CLOSEFDS_STRAY_GUARD_H
#define CLOSEFDS_STRAY_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "file_identity.h"

/* The mechanism that marked FDs. Functions that return one return a negative errno code on failure. */
enum stray_guard_way {
  STRAY_GUARD_NOTHING = 0,     /* not Linux: no marking */
  STRAY_GUARD_CLOSE_RANGE = 1, /* close_range(CLOSE_RANGE_CLOEXEC) */
  STRAY_GUARD_TABLE = 2,       /* every number of the kernel's FD table */
  STRAY_GUARD_PROC = 3,        /* the entries of /proc/self/fd */
};

/* How this process creates processes, as far as guarded spawns have shown. */
enum stray_guard_spawning {
  STRAY_GUARD_UNKNOWN = 0, /* no guarded spawn has created a process yet */
  STRAY_GUARD_FORK = 1,    /* each spawn ran the atfork handlers */
  STRAY_GUARD_OTHER = 2,   /* at least one spawn did not: posix_spawn, vfork */
};

/* A sorted list of distinct file descriptors. */
struct fd_list {
  const int *fds;
  size_t count;
};

/* A list of files, sorted by fd; each fd occurs once. */
struct file_list {
  const struct open_file *files;
  size_t count;
};

/* One file descriptor that would cross exec without the guard. */
struct stray {
  struct open_file file;
  bool at_start; /* the FD was open when the guard was armed */
};

/*
 * Registers the atfork handlers, once in a process and permanently. May be called from any thread,
 * any number of times. Returns 0 or an errno code.
 */
int stray_guard_arm(void);

/*
 * Sets whether the child of a thread without a guarded spawn marks too. Process-wide. Returns the
 * previous value.
 */
bool stray_guard_by_default(bool on);

/*
 * Marks all FDs from 3 up in the parent, for a spawn that keeps no stray, if children are guarded by
 * default. Do not call it inside a guarded spawn of this thread: the child would get the files that
 * the guarded spawn keeps. `before_spawn`: Node creates a process next, so the process may create one to
 * probe its seccomp filter. Returns a stray_guard_way or a negative errno code.
 */
int stray_guard_mark(bool before_spawn);

/*
 * Begins a guarded spawn on this thread. Marks all FDs from 3 up in the parent, and in a forked child,
 * except `keep`. The child gets a kept FD even if the FD is marked here, if its number still refers to
 * the listed file: the child compares. `sources` are FDs that the caller designated; their flags are
 * restored at the end. Both lists are copied. Returns a stray_guard_way or a negative errno code; the
 * spawn has begun in both cases.
 *
 * Guarded spawns nest. Until the inner spawn ends, children of this thread get what it keeps, and not
 * what the outer spawn keeps.
 */
int stray_guard_begin(struct file_list keep, struct fd_list sources);

/*
 * Begins a spawn of which only `deny` is kept from the child, and marks nothing in the parent: other
 * threads share its flags, and their children get these files. A forked child marks the files whose
 * numbers still refer to them. Without a fork, the child gets them. The list is copied. Returns
 * STRAY_GUARD_NOTHING, or -ENOMEM; the spawn has begun in both cases. It nests like the other spawns.
 */
int stray_guard_begin_denial(struct file_list deny);

/*
 * Ends the innermost guarded spawn of this thread, and applies the outer one again. `started`: Node
 * created a process, which shows how it does that. Returns whether a fork ran the handlers meanwhile.
 */
bool stray_guard_end(bool started);

/* Ends all guarded spawns of this thread. Called before the thread ends. */
void stray_guard_end_thread(void);

/*
 * Prepares process.execve(): marks all FDs from 3 up except `keep`, and unmarks each kept FD whose
 * number still refers to the listed file. Returns a stray_guard_way or a negative errno code.
 */
int stray_guard_replace(struct file_list keep);

/*
 * Marks or unmarks files in this process, if their numbers still refer to them. For process.execve(),
 * which denies single files.
 */
void stray_guard_mark_files(struct file_list files, bool marked);

/*
 * For processes that native code makes (native/spawners.c).
 *
 * stray_guard_is_open(): whether this thread is in a guarded spawn. stray_guard_guards_children(): whether
 * its next child marks. stray_guard_leave_children(): children of this thread do not mark unless a guarded
 * spawn is open; returns the previous value. All are async-signal-safe.
 */
bool stray_guard_is_open(void);
bool stray_guard_guards_children(void);
bool stray_guard_leave_children(bool leave);

/* Copies the numbers that the innermost guarded spawn of this thread keeps. Returns how many there are. */
size_t stray_guard_kept(int *fds, size_t room);

/*
 * In a child that shares no FD table with its parent: marks what the atfork handler marks. Does nothing in
 * the parent. Async-signal-safe; the child may share the parent's memory.
 */
void stray_guard_mark_child(void);

/* In such a child: clears close-on-exec, for an FD that a rule allows or that was designated. */
void stray_guard_unmark_child(int fd);

/* Returns how this process creates processes. */
enum stray_guard_spawning stray_guard_spawning(void);

/*
 * Lists the strays: FDs that are inheritable now, and FDs that were inheritable at an earlier call and
 * have been marked since. The caller frees `*strays`. Returns 0 or an errno code. Makes one fcntl()
 * call for each number of the FD table.
 */
int stray_guard_list(struct stray **strays, size_t *count);

/* Removes FDs that are close-on-exec by now from later listings. For processes that never mark. */
void stray_guard_forget_marked(void);

#endif
