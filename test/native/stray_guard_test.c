/*
 * The stray guard without Node, for valgrind and the sanitizers: scripts/verify/native.mjs.
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
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../native/environment.h"
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
static const struct fd_list no_sources = {NULL, 0};
static const struct file_list nothing = {NULL, 0};
static struct file_list keeping(const struct open_file *file) { return (struct file_list){file, 1}; }

/* A stray as it is listed; an FD of -1 if it is not. */
static struct open_file find(int fd) {
  struct open_file found = {.fd = -1};
  struct stray *strays;
  size_t count;
  if (stray_guard_list(&strays, &count) != 0) return found;
  for (size_t i = 0; i < count; i++)
    if (strays[i].file.fd == fd) found = strays[i].file;
  free(strays);
  return found;
}

static struct open_file listed(int fd) {
  struct open_file found = find(fd);
  check(found.fd == fd, "a stray is listed");
  return found;
}

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

/* Whether a child has stdio and `fd`, or stdio alone if that is -1. */
static bool child_has(pid_t (*make)(void), int fd) {
  char text[4096], expected[64] = "[0,1,2]\n";
  if (fd >= 0) (void)snprintf(expected, sizeof expected, "[0,1,2,%d]\n", fd);
  fds_of_child(make, text, sizeof text);
  if (strcmp(text, expected) != 0) (void)fprintf(stderr, "expected %sfound %s", expected, text);
  return strcmp(text, expected) == 0;
}

static void guarded_spawns(pid_t (*make)(void)) {
  int stray = open_at(40), kept = open_at(300), source = open_at(310);
  struct open_file file = listed(kept);

  for (int i = 0; i < 3; i++) {
    check(stray_guard_begin(keeping(&file), only(&source)) > 0, "begin finds a way");
    check(child_has(make, kept), "a child has stdio and what is kept");
    stray_guard_end(true);
    check(fcntl(stray, F_GETFD) == FD_CLOEXEC, "a stray is marked");
    check(fcntl(kept, F_GETFD) == 0 && fcntl(source, F_GETFD) == 0, "flags are as before");
  }

  (void)fcntl(kept, F_SETFD, FD_CLOEXEC);
  check(stray_guard_begin(keeping(&file), no_sources) > 0, "begin finds a way");
  check(child_has(make, kept), "a kept FD arrives though it is marked here");
  stray_guard_end(false);
  check(fcntl(kept, F_GETFD) == FD_CLOEXEC, "its flag is put back");
  stray_guard_end(false);

  check(stray_guard_replace(keeping(&file)) > 0, "replace finds a way");
  check(fcntl(kept, F_GETFD) == 0 && fcntl(source, F_GETFD) == FD_CLOEXEC, "only what is kept is unmarked");
  (void)close(stray);
  (void)close(kept);
  (void)close(source);
}

/* A spawn inside a spawn, as a getter makes one that Node reads late. */
static void nested_spawns(pid_t (*make)(void)) {
  int first = open_at(300), second = open_at(310), marked = open_at(320), source = open_at(330);
  struct open_file outer = listed(first), inner = listed(second), both = listed(marked);
  (void)fcntl(marked, F_SETFD, FD_CLOEXEC);

  check(stray_guard_begin(keeping(&outer), only(&source)) > 0, "an outer spawn finds a way");
  check(stray_guard_begin(keeping(&inner), no_sources) > 0, "an inner spawn finds a way");
  check(child_has(make, second), "an inner child has what the inner spawn keeps");
  check(stray_guard_begin(nothing, no_sources) > 0, "an innermost spawn finds a way");
  check(child_has(make, -1), "an innermost child has stdio only");
  stray_guard_end(true);
  check(child_has(make, second), "the inner spawn keeps what it kept");
  stray_guard_end(true);
  check(child_has(make, first), "an outer child has what the outer spawn keeps");
  check(fcntl(source, F_GETFD) == FD_CLOEXEC, "the outer spawn's source is marked until it ends");
  stray_guard_end(true);
  check(fcntl(source, F_GETFD) == 0, "and then as before");

  check(stray_guard_begin(keeping(&both), no_sources) > 0, "an outer spawn finds a way");
  check(stray_guard_begin(nothing, no_sources) > 0, "an inner spawn finds a way");
  check(child_has(make, -1), "an inner child has stdio only");
  stray_guard_end(true);
  check(child_has(make, marked), "a marked FD arrives after an inner spawn");
  stray_guard_end(true);
  check(fcntl(marked, F_GETFD) == FD_CLOEXEC, "and is marked at the end");

  check(stray_guard_begin(keeping(&outer), no_sources) > 0, "an outer spawn finds a way");
  check(stray_guard_begin(keeping(&both), no_sources) > 0, "an inner spawn finds a way");
  stray_guard_end_thread();
  check(fcntl(marked, F_GETFD) == FD_CLOEXEC, "the end of a thread puts flags back");
  stray_guard_by_default(true);
  check(child_has(make, -1), "and ends all spawns");
  (void)close(first);
  (void)close(second);
  (void)close(marked);
  (void)close(source);
}

/* As in `warn`: the child loses single files, and the parent's flags stay. */
static void denied_files(void) {
  int first = open_at(40), second = open_at(300);
  const char *both = "[0,1,2,40,300]\n";
  char text[4096];
  struct open_file file = listed(second), other = listed(first);

  stray_guard_by_default(false);
  check(stray_guard_begin_denial(keeping(&file)) == STRAY_GUARD_NOTHING, "a denial begins");
  check(child_has(with_handlers, first), "a child has all but what is denied");
  check(stray_guard_begin_denial(nothing) == STRAY_GUARD_NOTHING, "an inner spawn begins");
  fds_of_child(with_handlers, text, sizeof text);
  check(strcmp(text, both) == 0, "an inner child has what the inner spawn is not denied");
  check(stray_guard_end(true), "the inner spawn forked");
  check(child_has(with_handlers, first), "the outer denial is in force again");
  fds_of_child(without_handlers, text, sizeof text);
  check(strcmp(text, both) == 0, "without the handlers nothing is denied");
  check(fcntl(first, F_GETFD) == 0 && fcntl(second, F_GETFD) == 0, "no flag has changed");
  check(stray_guard_end(true), "the outer spawn forked");

  (void)close(first);
  first = open("/dev/null", O_RDWR);
  if (dup2(first, 40) != 40) abort();
  (void)close(first);
  check(stray_guard_begin_denial(keeping(&other)) == STRAY_GUARD_NOTHING, "a denial begins");
  fds_of_child(with_handlers, text, sizeof text);
  check(strcmp(text, both) == 0, "another file of the number passes");
  check(stray_guard_end(false), "the spawn forked");
  check(stray_guard_begin_denial(nothing) == STRAY_GUARD_NOTHING && !stray_guard_end(false), "no fork is seen");

  stray_guard_mark_files(keeping(&file), true);
  stray_guard_mark_files(keeping(&other), true);
  check(fcntl(second, F_GETFD) == FD_CLOEXEC && fcntl(40, F_GETFD) == 0, "only the same file is marked");
  stray_guard_mark_files(keeping(&file), false);
  check(fcntl(second, F_GETFD) == 0, "and unmarked");
  stray_guard_by_default(true);
  (void)close(40);
  (void)close(second);
}

/* Ways to have another file under the number of `fd`: private, as Node opens files. */
typedef int opener(void);

static int another_file(void) { return open("/dev/null", O_RDWR | O_CLOEXEC); }
static int another_access(void) { return open("/dev/zero", O_RDONLY | O_CLOEXEC); }
static int an_eventfd(void) { return eventfd(0, EFD_CLOEXEC); }
static int an_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }
static int a_zero(void) { return open("/dev/zero", O_RDWR | O_CLOEXEC); }

/* Birth times are taken from a clock with few ticks: this waits for the next one. */
static void wait_for_tick(void) {
  struct timespec start, now;
  (void)clock_gettime(CLOCK_REALTIME_COARSE, &start);
  do (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
  while (now.tv_nsec == start.tv_nsec);
}

/* Without a name, so that the next one is likely to get its inode number. */
static int a_temporary_file(void) {
  wait_for_tick();
  char path[] = "/tmp/closefds-test-XXXXXX";
  int fd = mkostemp(path, O_CLOEXEC);
  (void)unlink(path);
  return fd;
}

static const struct {
  const char *what;
  opener *allowed, *other;
} CHANGES[] = {
    {"another file", a_zero, another_file},
    {"the file with another access", a_zero, another_access},
    {"another kind of file without an inode of its own", an_eventfd, an_epoll},
    {"a file with the inode number of a deleted one", a_temporary_file, a_temporary_file},
};

/* The other file is private; what the guard does must not make it inheritable. */
static void put(opener *open_one, int fd, int flags) {
  (void)close(fd);
  int low = open_one();
  if (low < 0 || dup3(low, fd, flags) != fd) abort();
  (void)close(low);
}

static void changed_files(pid_t (*make)(void)) {
  for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++) {
    const int fd = 300;
    int before = failures;

    /* Between the look and the spawn; once private and once not. */
    for (int flags = 0; flags <= O_CLOEXEC; flags += O_CLOEXEC) {
      put(CHANGES[i].allowed, fd, 0);
      struct open_file file = listed(fd);
      check(stray_guard_begin(keeping(&file), no_sources) > 0, "begin finds a way");
      check(child_has(make, fd), "the control: what is kept arrives");
      stray_guard_end(true);

      put(CHANGES[i].other, fd, flags);
      check(stray_guard_begin(keeping(&file), no_sources) > 0, "begin finds a way");
      check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "it is marked while the process is made");
      check(child_has(make, -1), "it does not arrive");
      stray_guard_end(true);
      check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "it is marked at the end");

      put(CHANGES[i].other, fd, flags);
      check(stray_guard_replace(keeping(&file)) > 0, "replace finds a way");
      check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "replace marks it");
    }

    /* Between the marking and the new process. */
    put(CHANGES[i].allowed, fd, 0);
    struct open_file file = listed(fd);
    check(stray_guard_begin(keeping(&file), no_sources) > 0, "begin finds a way");
    put(CHANGES[i].other, fd, O_CLOEXEC);
    check(child_has(make, -1), "what got its number during the spawn does not arrive");
    check(stray_guard_begin(nothing, no_sources) > 0, "an inner spawn finds a way");
    stray_guard_end(false);
    check(child_has(make, -1), "not after an inner spawn either");
    stray_guard_end(true);

    /* A source is unmarked at the end only if it is the same file. */
    put(CHANGES[i].allowed, fd, 0);
    check(stray_guard_begin(nothing, only(&fd)) > 0, "begin finds a way");
    put(CHANGES[i].other, fd, O_CLOEXEC);
    stray_guard_end(false);
    check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "a source's number stays marked");
    (void)close(fd);
    if (failures > before) (void)fprintf(stderr, "the above with %s\n", CHANGES[i].what);
  }
}

static bool is_listed(int fd, bool at_start) {
  struct stray *strays;
  size_t count;
  bool found = false;
  check(stray_guard_list(&strays, &count) == 0, "listing works");
  for (size_t i = 0; i < count; i++) found = found || (strays[i].file.fd == fd && strays[i].at_start == at_start);
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
    struct open_file file = find(mine);
    /* Another thread may have marked it before the first look at it. */
    for (; file.fd != mine; file = find(mine)) (void)fcntl(mine, F_SETFD, 0);
    (void)stray_guard_begin(i % 2 == 0 ? nothing : keeping(&file), no_sources);
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

static void changed_environment(void) {
  extern char **environ;
  char *none[] = {NULL};
  check(environment_changed(), "nothing is known of the environment before the first call");
  check(!environment_changed(), "an environment that stayed as it was has not changed");
  check(setenv("CLOSEFDS_TEST", "1", 1) == 0 && environment_changed(), "a new variable is a change");
  check(setenv("CLOSEFDS_TEST", "2", 1) == 0 && environment_changed(), "so is a new value");
  check(!environment_changed(), "a change is told once");
  check(unsetenv("CLOSEFDS_TEST") == 0 && environment_changed(), "a variable that is gone is a change");
  char **all = environ;
  environ = none;
  check(environment_changed() && !environment_changed(), "an empty environment is known, too");
  environ = NULL;
  check(!environment_changed(), "so is one that clearenv() left");
  environ = all;
  check(environment_changed() && !environment_changed(), "and one that is back");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  list_fds = argv[1];
  int inherited = open_at(30);
  check(stray_guard_arm() == 0 && stray_guard_arm() == 0, "arming works, and once more");
  check(stray_guard_spawning() == STRAY_GUARD_UNKNOWN, "nothing is known before a spawn");
  listing(inherited);
  changed_environment();

  guarded_spawns(with_handlers);
  check(stray_guard_spawning() == STRAY_GUARD_FORK, "fork is noticed");
  nested_spawns(with_handlers);
  changed_files(with_handlers);
  denied_files();
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    if (pthread_create(&threads[i], NULL, fork_all_the_time, NULL) != 0) return 1;
  }
  for (int i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);

  guarded_spawns(without_handlers);
  check(stray_guard_spawning() == STRAY_GUARD_OTHER, "so is what runs no handlers");
  nested_spawns(without_handlers);
  changed_files(without_handlers);
  guarded_spawns(with_handlers);
  nested_spawns(with_handlers);
  changed_files(with_handlers);
  (void)close(inherited);
  return failures == 0 ? 0 : 1;
}
