#define _GNU_SOURCE
#include "fork_calls.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <unistd.h>

#include "stray_guard.h"

struct real_fork_calls real_forks;

#define CALLER __builtin_return_address(0)

/* Whether the child of this call marks; else the atfork handler must not. */
static bool begin_fork(struct native_call *call, enum record_kind kind, const void *caller) {
  *call = native_call_begin(kind, caller, NULL);
  return call->policy == NATIVE_GUARD;
}

static int end_fork(struct native_call *call, int pid) {
  const int error = errno;
  native_call_end(call, pid > 0 ? pid : 0);
  errno = error;
  return pid;
}

/* A function that runs the atfork handlers. In the child, both the handler and the wrapper see the policy. */
#define FORK(kind, call_real)                                                       \
  do {                                                                              \
    struct native_call call;                                                        \
    const bool guards = begin_fork(&call, kind, CALLER);                            \
    const bool left = call.is_javascript ? false : stray_guard_leave_children(!guards); \
    const int pid = (call_real);                                                    \
    if (!call.is_javascript) (void)stray_guard_leave_children(left);                \
    if (pid != 0) return end_fork(&call, pid);                                      \
    if (guards) native_call_in_child(&call);                                        \
    return 0;                                                                       \
  } while (0)

int fork_wrapper(void) { FORK(RECORD_FORK, real_forks.fork()); }

int forkpty_wrapper(int *terminal, char *name, const struct termios *mode, const struct winsize *size) {
  FORK(RECORD_FORKPTY, real_forks.forkpty(terminal, name, mode, size));
}

/* No handler runs. */
int bare_fork_wrapper(void) {
  struct native_call call;
  const bool guards = begin_fork(&call, RECORD_FORK, CALLER);
  const int pid = real_forks.bare_fork();
  if (pid != 0) return end_fork(&call, pid);
  if (guards) native_call_in_child(&call);
  return 0;
}

/* ------------------------------------------------------------------------------------------
 * clone()
 * ---------------------------------------------------------------------------------------- */

/* What the child runs, at the top of its stack. */
struct clone_start {
  int (*function)(void *);
  void *argument;
  struct native_call call;
};

static int start_clone(void *data) {
  const struct clone_start *start = data;
  native_call_in_child(&start->call);
  return start->function(start->argument);
}

/* The child shares the FD table, or has a thread pointer that the C library may not know. */
static bool is_out_of_reach(int flags, const void *stack) {
  return (flags & (CLONE_FILES | CLONE_SETTLS)) != 0 || stack == NULL;
}

int clone_wrapper(int (*function)(void *), void *stack, int flags, void *argument, ...) {
  va_list rest;
  va_start(rest, argument);
  void *parent_tid = va_arg(rest, void *), *tls = va_arg(rest, void *), *child_tid = va_arg(rest, void *);
  va_end(rest);
  if (is_out_of_reach(flags, stack))
    return real_forks.clone(function, stack, flags, argument, parent_tid, tls, child_tid);

  struct native_call call;
  int pid;
  if (begin_fork(&call, RECORD_CLONE, CALLER)) {
    const uintptr_t top = ((uintptr_t)stack - sizeof(struct clone_start)) & ~(uintptr_t)15;
    struct clone_start *start = (struct clone_start *)top;
    *start = (struct clone_start){function, argument, call};
    pid = real_forks.clone(start_clone, start, flags, start, parent_tid, tls, child_tid);
  } else {
    pid = real_forks.clone(function, stack, flags, argument, parent_tid, tls, child_tid);
  }
  return end_fork(&call, pid);
}

/* ------------------------------------------------------------------------------------------
 * vfork(). The child runs on the parent's memory while the parent's thread waits.
 * ---------------------------------------------------------------------------------------- */

static _Thread_local struct native_call vfork_call;

int vfork_begin(const void *caller) {
  struct native_call call;
  (void)begin_fork(&call, RECORD_VFORK, caller);
  (void)native_call_was_marked(); /* so that the child does not allocate the thread's variable */
  vfork_call = call;
  /* What passes and is reported is made here, too: the child knows its pid. */
  return !call.is_javascript && call.policy != NATIVE_LEAVE;
}

void vfork_in_child(void) {
  /* A copy: the child may call vfork() itself. */
  struct native_call call = vfork_call;
  if (call.policy == NATIVE_GUARD) native_call_in_child(&call);
  native_call_end(&call, getpid());
}

int vfork_failed(long error) {
  native_call_end(&vfork_call, 0);
  errno = (int)-error;
  return -1;
}

#endif
