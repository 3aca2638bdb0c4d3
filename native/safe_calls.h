/*
 * The system calls that a seccomp filter may kill the process for.
 *
 * A filter can kill the process for a call that it does not list: systemd's SystemCallFilter= does by
 * default. The guard makes some calls that Node does not make. Before it makes one of them, it asks here.
 */
#ifndef CLOSEFDS_SAFE_CALLS_H
#define CLOSEFDS_SAFE_CALLS_H

#include <stdbool.h>

/* Calls of the guard that Node does not make by itself, at start or to create a process. */
enum safe_call {
  SAFE_CLOSE_RANGE = 1,
  SAFE_PSELECT6 = 2,
  SAFE_FSTATFS = 4,
  SAFE_GETDENTS64 = 8,
  SAFE_FSTAT = 16, /* the C library may use newfstatat() in its place */
};

/*
 * Whether the process survives the call; the call can still fail. Until the filter is known, false for
 * each call. Runs in the parent and in the child: the async-signal-safety rule applies.
 */
bool is_safe_call(enum safe_call call);

/*
 * Reads from /proc/self/status whether this process has a filter. Without one, each call is safe. Makes
 * only calls that Node makes, except where that file cannot be read: there it probes. Without the size of
 * the FD table, the other calls would take a second. Called once, before other threads start processes.
 */
void safe_calls_init(void);

/*
 * If the process has a filter, tries the calls in a child process, once; the filter kills the child and
 * not this process. Call it in the parent right before Node creates a process: then the filter allows
 * to create one. A failure to create the child is not remembered, and the next call tries again.
 */
void safe_calls_probe(void);

/*
 * The size of this process's FD table, from /proc/self/status. Returns -1 if it cannot be read, or if
 * the file is not this process's. The async-signal-safety rule applies.
 */
int fd_table_size(void);

#endif
