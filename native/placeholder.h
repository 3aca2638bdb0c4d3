/*
 * The placeholder: a file descriptor that takes the number of one that a child is denied.
 *
 * Without it the child's own next open() gets that number, and what the child writes to "its FD 3"
 * lands in that file.
 */
#ifndef CLOSEFDS_PLACEHOLDER_H
#define CLOSEFDS_PLACEHOLDER_H

#include <stdbool.h>

/*
 * Returns this process's placeholder, close-on-exec, or a negative errno code. Opened by the first
 * call and again if the program closed it. Any thread; in the parent only.
 */
int placeholder_fd(void);

/*
 * For a process that becomes another program: puts the placeholder over `fd`, inheritable. Returns a
 * close-on-exec duplicate of what was there, for placeholder_remove(), or a negative errno code.
 */
int placeholder_put(int fd);

/* Puts back what was there, close-on-exec: the process did not become another program. */
void placeholder_remove(int fd, int before);

/* Whether an FD is a placeholder, most likely one that this process inherited. */
bool is_placeholder(int fd);

#endif
