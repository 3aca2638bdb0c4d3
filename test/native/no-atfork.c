/*
 * An LD_PRELOAD library that stands for the coming libuv: processes are made without fork()'s
 * atfork handlers, as by posix_spawn(). What Node does in the child is unchanged, so every route
 * can be tested with the real Node of every version.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t fork(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL); }
