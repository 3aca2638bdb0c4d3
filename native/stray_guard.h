/*
 * The stray guard: keeps undesignated file descriptors from crossing exec.
 *
 * System code only: no N-API, no policy. binding.c translates for JavaScript. src/policy and
 * src/spawn decide what a child may keep; the decision arrives here as lists of files.
 */
#ifndef CLOSEFDS_STRAY_GUARD_H
#define CLOSEFDS_STRAY_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* How FDs were marked. Negative values of the same type are errno codes. */
enum stray_guard_way {
  STRAY_GUARD_NOTHING = 0,     /* this system needs no marking (not Linux) */
  STRAY_GUARD_CLOSE_RANGE = 1, /* close_range(CLOSE_RANGE_CLOEXEC) */
  STRAY_GUARD_TABLE = 2,       /* every number of the kernel's FD table */
  STRAY_GUARD_PROC = 3,        /* the entries of /proc/self/fd */
};

/* How this process is known to create processes, as far as guarded spawns have shown. */
enum stray_guard_spawning {
  STRAY_GUARD_UNKNOWN = 0, /* no spawn between begin and end has started yet */
  STRAY_GUARD_FORK = 1,    /* every one of them ran the atfork handlers */
  STRAY_GUARD_OTHER = 2,   /* at least one did not: posix_spawn, vfork */
};

/* A sorted list of distinct file descriptors. */
struct fd_list {
  const int *fds;
  size_t count;
};

/*
 * Tells a file from another that gets its number later. It cannot tell two that differ in nothing
 * of this: the same file opened again with the same access, two eventfds.
 */
struct file_identity {
  unsigned long long dev;
  unsigned long long ino;
  unsigned long long kind; /* the file type and the access it was opened with */
  unsigned long long rdev; /* of a device; of a file without a type, a hash of its link in /proc */
  unsigned long long born; /* the inode's birth time; 0 where the file system or the kernel has none */
};

/* A file descriptor and the file that it referred to when it was listed. */
struct open_file {
  int fd;
  struct file_identity identity;
};

/* Sorted by fd, which are distinct. */
struct file_list {
  const struct open_file *files;
  size_t count;
};

/* One file descriptor that would cross exec without the guard. */
struct stray {
  struct open_file file;
  bool at_start; /* it was open when the guard was armed */
};

/*
 * Registers the atfork handlers, once for the process and for good: any thread, any number of
 * times. Returns 0 or an errno code.
 */
int stray_guard_arm(void);

/* Whether children of threads that are in no guarded spawn are marked too. Process-wide. */
bool stray_guard_by_default(bool on);

/*
 * For a spawn of which nothing is kept, where children are guarded by default: everything is
 * marked in the parent. Not while a guarded spawn is open on this thread: the child would get what
 * that one keeps. Returns a way, or a negative errno code.
 */
int stray_guard_mark(void);

/*
 * Opens a guarded spawn on this thread. Everything is marked in the parent, and what a fork
 * makes is marked in the child, except `keep`: those reach the child even if they are marked
 * here, provided that the number still means the file that was listed; the child compares.
 * `sources` are FDs the caller designated; their own flags are the same afterwards.
 * Both lists are copied. Returns a way, or a negative errno code (the spawn is open all the same).
 *
 * Inside an open spawn it opens another one: until that ends, what is made here is a child of the
 * inner one and gets nothing of what the outer one keeps.
 */
int stray_guard_begin(struct file_list keep, struct fd_list sources);

/*
 * Ends the innermost guarded spawn of this thread; `started` tells whether it made a process. The
 * one around it is in force again.
 */
void stray_guard_end(bool started);

/* Ends all guarded spawns of this thread, which is about to end without having ended them. */
void stray_guard_end_thread(void);

/*
 * For a process that becomes another program without making one: everything is marked except
 * `keep`, which is unmarked where the number still means the file that was listed. Returns a way,
 * or a negative errno code.
 */
int stray_guard_replace(struct file_list keep);

/* What the guarded spawns so far have shown. */
enum stray_guard_spawning stray_guard_spawning(void);

/*
 * Lists the strays: what is inheritable now, and what was when an earlier call looked and has
 * been marked since. The caller frees `*strays`. Returns 0 or an errno code. One fcntl() for
 * each number of the FD table.
 */
int stray_guard_list(struct stray **strays, size_t *count);

/* Forgets what earlier listings saw that is close-on-exec by now; for hosts that never mark. */
void stray_guard_forget_marked(void);

#endif
