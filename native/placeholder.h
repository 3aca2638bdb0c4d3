/*
 * The placeholder: an FD that a child gets under the number of a denied FD.
 *
 * Without a placeholder, the child's next open() gets that number, and the child's output for "FD 3"
 * overwrites that file.
 */
#ifndef CLOSEFDS_PLACEHOLDER_H
#define CLOSEFDS_PLACEHOLDER_H

#include <stdbool.h>

#include "file_identity.h"

/*
 * Returns this process's placeholder, close-on-exec, or a negative errno code. The first call opens
 * it; a later call opens it again if user code closed it. Call from any thread, in the parent only.
 */
int placeholder_fd(void);

/*
 * Replaces `fd` by an inheritable placeholder, before process.execve(). Returns a close-on-exec
 * duplicate of the replaced FD, for placeholder_remove(), or a negative errno code.
 */
int placeholder_put(int fd);

/* Undoes placeholder_put() after a failed process.execve(). `fd` is close-on-exec afterwards. */
void placeholder_remove(int fd, int before);

/* Whether a file is a placeholder: this process's own, or one that it inherited. */
bool is_placeholder_file(const struct file_identity *file);

/* The same for the file that an FD refers to. */
bool is_placeholder(int fd);

#endif
