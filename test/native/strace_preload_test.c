/*
 * native/strace_preload.c without strace, for valgrind and the sanitizers: scripts/verify/native.mjs.
 *
 * Linked with it, started with FDs 5 and 7 and CLOSEFDS_LD_PRELOAD=before. Prints a line for what is
 * wrong and fails, or is silent.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;
static int reports; /* where stderr was */

static void check(bool holds, const char *what) {
  if (holds) return;
  (void)dprintf(reports, "not so: %s\n", what);
  failures++;
}

static bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

static bool is_null_device(int fd) {
  struct stat file;
  return fstat(fd, &file) == 0 && S_ISCHR(file.st_mode) && file.st_rdev == makedev(1, 3);
}

/* Runs `look` in a child, and counts what is wrong there. */
static void in_child(void (*look)(void)) {
  pid_t child = fork();
  if (child == 0) {
    failures = 0;
    look();
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  check(child > 0 && waitpid(child, &status, 0) == child && status == 0, "all holds in the child");
}

static int own; /* opened by the program itself */

static void look_again(void) {
  check(is_open(5), "what took a free number is the child's own, and stays in its children");
}

static void look(void) {
  check(!is_open(5) && !is_open(7), "what was given is closed");
  check(is_null_device(0) && is_null_device(1) && is_null_device(2), "stdio is the null device");
  check(is_open(own) && is_open(reports), "what was opened later stays");
  check(dup2(own, 5) == 5, "a free number can be taken");
  in_child(look_again);
}

int main(void) {
  own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  reports = fcntl(2, F_DUPFD_CLOEXEC, 100);
  const char *preload = getenv("LD_PRELOAD");
  check(preload != NULL && strcmp(preload, "before") == 0, "LD_PRELOAD is what it was");
  check(getenv("CLOSEFDS_LD_PRELOAD") == NULL, "what kept it is gone");
  check(is_open(5) && is_open(7), "the program keeps what it was given");
  in_child(look);
  check(is_open(5) && is_open(7) && !is_null_device(2), "the program has all of it afterwards");
  return failures == 0 ? 0 : 1;
}
