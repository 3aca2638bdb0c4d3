/*
 * The wrappers of fork(), _Fork(), forkpty(), vfork(), clone() and the exec functions, for the import slots of
 * other objects. They have the signatures and the behaviour of the C library's functions.
 */
#ifndef CLOSEFDS_FORK_CALLS_H
#define CLOSEFDS_FORK_CALLS_H

#include "native_call.h"

#ifdef DEEP_GUARD_SUPPORTED

struct termios;
struct winsize;

/* The C library's functions. NULL where it has none. Constant after deep_arm(). */
struct real_fork_calls {
  int (*fork)(void);
  int (*bare_fork)(void); /* _Fork() */
  int (*forkpty)(int *, char *, const struct termios *, const struct winsize *);
  int (*clone)(int (*)(void *), void *, int, void *, ...);
  int (*execve)(const char *, char *const[], char *const[]);
  int (*execv)(const char *, char *const[]);
  int (*execvp)(const char *, char *const[]);
  int (*execvpe)(const char *, char *const[], char *const[]);
  int (*fexecve)(int, char *const[], char *const[]);
  int (*execveat)(int, const char *, char *const[], char *const[], int);
};
extern struct real_fork_calls real_forks;

int fork_wrapper(void);
int bare_fork_wrapper(void);
int forkpty_wrapper(int *terminal, char *name, const struct termios *mode, const struct winsize *size);
int clone_wrapper(int (*function)(void *), void *stack, int flags, void *argument, ...);
int execve_wrapper(const char *path, char *const argv[], char *const envp[]);
int execv_wrapper(const char *path, char *const argv[]);
int execvp_wrapper(const char *file, char *const argv[]);
int execvpe_wrapper(const char *file, char *const argv[], char *const envp[]);
int execl_wrapper(const char *path, const char *argument, ...);
int execlp_wrapper(const char *file, const char *argument, ...);
int execle_wrapper(const char *path, const char *argument, ...);
int fexecve_wrapper(int fd, char *const argv[], char *const envp[]);
int execveat_wrapper(int folder, const char *path, char *const argv[], char *const envp[], int flags);

#pragma GCC visibility push(hidden)

/* vfork() returns twice, so its wrapper is in assembler: spawn_stubs.c. It calls these. */
int vfork_begin(const void *caller); /* 1: the wrapper makes the process; 0: the C library does */
void vfork_in_child(void);
int vfork_failed(long error); /* sets errno, returns -1 */

#pragma GCC visibility pop

#endif
#endif
