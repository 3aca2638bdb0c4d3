/*
 * The FD table of this process: which numbers it can have, and which of them are inheritable.
 *
 * Every function runs in the parent, and in a child between fork and exec: the async-signal-safety rule
 * of stray_guard.c applies. Linux only.
 */
#ifndef CLOSEFDS_FD_TABLE_H
#define CLOSEFDS_FD_TABLE_H

#include <stdbool.h>

/* The first FD after stdio. */
#define FIRST_FD 3

/* If the table is larger, /proc/self/fd is likely to have fewer entries than the table. */
#define LARGE_TABLE 65536

/* Visits a number that may be an open FD. Returns 0 or a negative errno code. */
typedef int fd_visitor(int fd, const void *data);

/* Returns a number that is greater than each open FD. */
int fd_table_bound(void);

/* Visits every number from FIRST_FD up to `bound`. Returns 0 or the last error of a visit. */
int visit_fd_table(int bound, fd_visitor *visit, const void *data);

/*
 * Visits the entries of /proc/self/fd from FIRST_FD up. Returns 0, the last error of a visit, or a
 * negative errno code if the folder cannot be read or is not procfs.
 */
int visit_proc_fds(fd_visitor *visit, const void *data);

/* Whether the FD is open and not close-on-exec. */
bool is_inheritable(int fd);

/* Whether the FD is open and close-on-exec. */
bool is_marked(int fd);

#endif
