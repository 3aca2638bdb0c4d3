/*
 * The design of docs/dev/upstream.md as a program: starts LIST_FDS with a table of slots, in the way of
 * libuv's fork path or of its posix_spawn path, without or with the flag that closes all others.
 *
 *   upstream fork|posix_spawn inherit|close LIST_FDS
 *
 * Open before: 4, 9 and 200, inheritable. Slots: 3 = FD 200, 4 ignored (and taken by a stray),
 * 5 ignored (and free), 6 = FD 9 marked close-on-exec.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STDIO_COUNT 7
#define IGNORED -1
#define CLOEXEC_FLAG 4u /* CLOSE_RANGE_CLOEXEC */

extern char **environ;

static const int slots[STDIO_COUNT] = {0, 1, 2, 200, IGNORED, IGNORED, 9};

static int by_fork(char *const *args, bool close_others) {
  pid_t pid = fork();
  if (pid != 0) return pid;

  for (int fd = 0; fd < STDIO_COUNT; fd++) {
    if (slots[fd] == IGNORED) {
      /* Not open is as good as closed. */
      if (close_others) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    } else if (slots[fd] == fd) {
      (void)fcntl(fd, F_SETFD, 0);
    } else if (dup2(slots[fd], fd) != fd) {
      _exit(127);
    }
  }
  /* Behind the dup2()s: their sources lie in this range. Marked, not closed: so does the pipe
   * that tells the parent whether exec() worked. */
  if (close_others && syscall(SYS_close_range, STDIO_COUNT, ~0u, CLOEXEC_FLAG) != 0) _exit(127);
  execv(args[0], args);
  _exit(127);
}

static int by_posix_spawn(char *const *args, bool close_others) {
  posix_spawn_file_actions_t actions;
  pid_t pid;
  int error = posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd < STDIO_COUNT && error == 0; fd++) {
    if (slots[fd] != IGNORED)
      error = posix_spawn_file_actions_adddup2(&actions, slots[fd], fd);
    else if (close_others)
      error = posix_spawn_file_actions_addclose(&actions, fd);
  }
#if __GLIBC_PREREQ(2, 34)
  if (close_others && error == 0)
    error = posix_spawn_file_actions_addclosefrom_np(&actions, STDIO_COUNT);
#else
  if (close_others && error == 0) error = ENOSYS; /* libuv would take the other path */
#endif
  if (error == 0) error = posix_spawn(&pid, args[0], &actions, NULL, args, environ);
  (void)posix_spawn_file_actions_destroy(&actions);
  errno = error;
  return error == 0 ? pid : -1;
}

static void open_at(int fd, int flags) {
  int opened = open("/dev/null", O_RDWR);
  if (opened < 0 || dup3(opened, fd, flags) != fd || close(opened) != 0) exit(3);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  bool close_others = strcmp(argv[2], "close") == 0;
  open_at(4, 0);
  open_at(9, O_CLOEXEC);
  open_at(200, 0);

  char *args[] = {argv[3], "1", "1000", NULL};
  bool forks = strcmp(argv[1], "fork") == 0;
  int pid = forks ? by_fork(args, close_others) : by_posix_spawn(args, close_others);
  int status;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) {
    perror(argv[1]);
    return 1;
  }
  return status == 0 ? 0 : 1;
}
