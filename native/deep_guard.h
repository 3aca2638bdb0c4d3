/*
 * The deep guard: processes that native code makes get no strays.
 *
 * Replaces the imports of process-making functions in every loaded object by wrappers (imports.h,
 * spawn_calls.h, fork_calls.h). With glibc 2.34 or newer only; elsewhere only what `enum deep_stage` says.
 * docs/dev/how-it-works.md has the rules.
 */
#ifndef CLOSEFDS_DEEP_GUARD_H
#define CLOSEFDS_DEEP_GUARD_H

#include "imports.h"

#ifdef DEEP_GUARD_SUPPORTED

enum deep_stage {
  DEEP_OFF = 0,
  /* Node's libuv forks, so that the atfork handler runs; posix_spawn() of others is marked at the call. */
  DEEP_MARKS = 1,
  /* Every function has a wrapper. */
  DEEP_WRAPS = 2,
};

struct deep_state {
  enum deep_stage stage;
  struct import_counts imports; /* of the last walk */
  bool can_close;               /* children can close a range of FDs */
  bool knows_actions;           /* the layout of posix_spawn()'s file actions is known */
  bool leaves_vfork;            /* a shadow stack is in use, so vfork() has no wrapper */
  unsigned marked_calls;        /* calls for which this process marked instead */
  unsigned lost_records;
};

/*
 * Arms the deep guard, once in a process, and prepares this thread, which runs JavaScript. Call
 * stray_guard_arm() before. `host` is the address of a function of Node. Returns false if nothing of it
 * works here: no C library was found, or no memory.
 */
bool deep_arm(enum native_policy policy, const void *host);

/* Walks again if objects came or went, or `always`. Returns whether it walked. Never in a forked child. */
bool deep_walk(bool always);

struct deep_state deep_state(void);

/* The assembler refers to these by their distance. */
#pragma GCC visibility push(hidden)

/* For spawn_stubs.c: dlopen() and dlsym() depend on their caller, so the stubs jump to the real ones. */
int deep_opens_path(const char *path);                   /* 1: call deep_dlopen() */
void *deep_dlopen(const char *path, int flags);          /* opens, and walks */
int deep_finds_hook(void *handle, const char *name);     /* 1: call deep_dlsym() */
void *deep_dlsym(void *handle, const char *name);        /* finds a wrapper */
extern void *(*deep_real_dlopen)(const char *, int);
extern void *(*deep_real_dlsym)(void *, const char *);
extern int (*deep_real_vfork)(void);
void *dlopen_stub(const char *path, int flags);
void *dlsym_stub(void *handle, const char *name);
int vfork_stub(void);

#pragma GCC visibility pop

#endif
#endif
