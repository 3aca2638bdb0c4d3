/*
 * The wrappers of posix_spawn(), system(), popen() and pclose(), for the import slots of other objects.
 * They have the signatures and the behaviour of the C library's functions, which are in `real`.
 */
#ifndef CLOSEFDS_SPAWN_CALLS_H
#define CLOSEFDS_SPAWN_CALLS_H

#include "native_call.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <stdio.h>

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                           char *const[], char *const[]);

/* The C library's functions. NULL where it has none. Constant after deep_arm(). */
struct real_spawn_calls {
  spawn_function *posix_spawn, *posix_spawnp, *pidfd_spawn, *pidfd_spawnp;
  int (*system)(const char *);
  FILE *(*popen)(const char *, const char *);
  int (*pclose)(FILE *);
  int (*add_closefrom)(posix_spawn_file_actions_t *, int);
  bool can_close;  /* a child of posix_spawn() can close a range of FDs */
  bool ends_options; /* glibc 2.38: a shell gets "--" before the text */
  const _Atomic int *missed_pcloses; /* slots of pclose() that hold another function */
};
extern struct real_spawn_calls real_spawn;

spawn_function spawn_wrapper, spawnp_wrapper, pidfd_spawn_wrapper, pidfd_spawnp_wrapper;
int system_wrapper(const char *text);
FILE *popen_wrapper(const char *text, const char *mode);
int pclose_wrapper(FILE *stream);

/* Once, before the first call of system_wrapper(). */
void shell_calls_init(const struct elf_object *libc);

#endif
#endif
