/*
 * The stray guard without Node, for valgrind and the sanitizers: scripts/check-native.mjs.
 *
 * stray_guard_test LIST_FDS: prints a line for what is wrong and fails, or is silent.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../native/stray_guard.h"

#define ROUNDS 10
#define THREADS 3

static const char *list_fds;
static int failures;

static void check(bool holds, const char *what) {
  if (holds) return;
  (void)fprintf(stderr, "not so: %s\n", what);
  failures++;
}

static struct fd_list only(const int *fd) { return (struct fd_list){fd, 1}; }
static const struct fd_list nothing = {NULL, 0};

static int open_at(int least) {
  int low = open("/dev/zero", O_RDWR | O_CLOEXEC);
  int fd = fcntl(low, F_DUPFD, least);
  (void)close(low);
  return fd;
}

/* The two ways of libuv: fork() and, without its handlers, the system call. */
static pid_t with_handlers(void) { return fork(); }
static pid_t without_handlers(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL); }

/* What a child of exec has, as list-fds prints it. */
static void fds_of_child(pid_t (*make)(void), char *text, size_t room) {
  int pair[2];
  if (pipe2(pair, O_CLOEXEC) != 0) abort();
  pid_t child = make();
  if (child == 0) {
    if (dup2(pair[1], 1) == 1) execl(list_fds, list_fds, "1", "1000", (char *)NULL);
    _exit(127);
  }
  (void)close(pair[1]);
  size_t length = 0;
  ssize_t size;
  while ((size = read(pair[0], text + length, room - length - 1)) > 0) length += (size_t)size;
  text[length] = '\0';
  (void)close(pair[0]);
  (void)waitpid(child, NULL, 0);
}

static void guarded_spawns(pid_t (*make)(void), const char *name) {
  char text[4096], expected[64];
  int stray = open_at(40), kept = open_at(300), source = open_at(310);
  (void)snprintf(expected, sizeof expected, "[0,1,2,%d]\n", kept);

  for (int i = 0; i < 3; i++) {
    check(stray_guard_begin(only(&kept), only(&source)) > 0, "begin finds a way");
    fds_of_child(make, text, sizeof text);
    stray_guard_end(true);
    if (strcmp(text, expected) != 0) (void)fprintf(stderr, "%s: %s", name, text);
    check(strcmp(text, expected) == 0, "a child has stdio and what is kept");
    check(fcntl(stray, F_GETFD) == FD_CLOEXEC, "a stray is marked");
    check(fcntl(kept, F_GETFD) == 0 && fcntl(source, F_GETFD) == 0, "flags are as before");
  }

  (void)fcntl(kept, F_SETFD, FD_CLOEXEC);
  check(stray_guard_begin(only(&kept), nothing) > 0, "begin finds a way");
  fds_of_child(make, text, sizeof text);
  check(stray_guard_begin(nothing, only(&source)) > 0, "a spawn that was not ended is replaced");
  check(fcntl(kept, F_GETFD) == FD_CLOEXEC, "and its flags are put back");
  check(strcmp(text, expected) == 0, "a kept FD arrives though it is marked here");
  stray_guard_end(false);
  stray_guard_end(false);

  check(stray_guard_replace(only(&kept)) > 0, "replace finds a way");
  check(fcntl(kept, F_GETFD) == 0 && fcntl(source, F_GETFD) == FD_CLOEXEC, "only what is kept is unmarked");
  (void)close(stray);
  (void)close(kept);
  (void)close(source);
}

static bool is_listed(int fd, bool at_start) {
  struct stray *strays;
  size_t count;
  bool found = false;
  check(stray_guard_list(&strays, &count) == 0, "listing works");
  for (size_t i = 0; i < count; i++) found = found || (strays[i].fd == fd && strays[i].at_start == at_start);
  free(strays);
  return found;
}

static void listing(int inherited) {
  check(is_listed(inherited, true), "what was open at start is listed as that");
  int fd = open_at(500);
  check(is_listed(fd, false), "what was opened since is listed");
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  check(is_listed(fd, false), "and still after it was marked");
  int other = open("/dev/null", O_RDWR | O_CLOEXEC);
  (void)dup3(other, fd, O_CLOEXEC);
  check(!is_listed(fd, false), "but not another file of its number");
  (void)close(other);
  (void)close(fd);
  (void)fcntl(inherited, F_SETFD, FD_CLOEXEC);
  stray_guard_forget_marked();
  check(!is_listed(inherited, true), "what is marked can be forgotten");

  /* Enough to make the registry grow. */
  int many[40];
  for (int i = 0; i < 40; i++) many[i] = open_at(600);
  check(is_listed(many[39], false), "many are listed");
  for (int i = 0; i < 40; i++) (void)close(many[i]);
  check(!is_listed(many[39], false), "none that is closed");
}

static void *fork_all_the_time(void *unused) {
  (void)unused;
  char text[4096];
  for (int i = 0; i < ROUNDS; i++) {
    int mine = open_at(700);
    struct stray *strays;
    size_t count;
    if (stray_guard_list(&strays, &count) == 0) free(strays);
    (void)stray_guard_begin(i % 2 == 0 ? nothing : only(&mine), nothing);
    fds_of_child(with_handlers, text, sizeof text);
    stray_guard_end(true);
    char expected[64] = "[0,1,2]\n";
    if (i % 2 != 0) (void)snprintf(expected, sizeof expected, "[0,1,2,%d]\n", mine);
    check(strcmp(text, expected) == 0, "each thread's child has its own");

    fds_of_child(with_handlers, text, sizeof text);
    check(strcmp(text, "[0,1,2]\n") == 0, "a child outside a guarded spawn has stdio only");
    (void)close(mine);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  list_fds = argv[1];
  int inherited = open_at(30);
  check(stray_guard_arm() == 0 && stray_guard_arm() == 0, "arming works, and once more");
  check(stray_guard_spawning() == STRAY_GUARD_UNKNOWN, "nothing is known before a spawn");
  listing(inherited);

  guarded_spawns(with_handlers, "fork");
  check(stray_guard_spawning() == STRAY_GUARD_FORK, "fork is noticed");
  stray_guard_by_default(true);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    if (pthread_create(&threads[i], NULL, fork_all_the_time, NULL) != 0) return 1;
  }
  for (int i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);

  guarded_spawns(without_handlers, "clone");
  check(stray_guard_spawning() == STRAY_GUARD_OTHER, "so is what runs no handlers");
  guarded_spawns(with_handlers, "fork, after the other way was seen");
  (void)close(inherited);
  return failures == 0 ? 0 : 1;
}
