/*
 * The deep guard without Node, for valgrind, the sanitizers and other processors: scripts/verify/deep.mjs.
 *
 * deep_guard_test LIST_FDS LIBRARY [no-mprotect|emulated|marks]: prints a line for what is wrong and fails, or is silent. The
 * program itself is the object whose imports are replaced; the guard is in a library beside it. LIBRARY is
 * native_library.c, compiled, with no slash in its name if it is to be found by RUNPATH.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../native/deep_guard.h"
#include "../../native/records.h"
#include "../../native/stray_guard.h"

#define STRAY 77

extern char **environ;
static const char *list_fds;
static int failures;
/* valgrind and qemu know fewer flags of clone(), and kill no thread that waits. */
static bool is_emulated;

static void check(bool holds, const char *what) {
  if (holds) return;
  (void)fprintf(stderr, "not so: %s\n", what);
  failures++;
}

static void check_text(const char *found, const char *expected, const char *what) {
  if (strcmp(found, expected) == 0) return;
  (void)fprintf(stderr, "not so: %s: expected %s, found %s\n", what, expected, found);
  failures++;
}

static int open_at(int fd) {
  const int low = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  const int high = fcntl(low, F_DUPFD, fd);
  (void)close(low);
  return high;
}

/* Reads to the end of a pipe, without the line feed at the end. */
static void read_all(int fd, char *text, size_t room) {
  size_t length = 0;
  ssize_t size;
  while (length + 1 < room && (size = read(fd, text + length, room - 1 - length)) > 0) length += (size_t)size;
  while (length > 0 && text[length - 1] == '\n') length--;
  text[length] = '\0';
}

/* ------------------------------------------------------------------------------------------
 * posix_spawn(): what its actions give to the child
 * ---------------------------------------------------------------------------------------- */

typedef posix_spawn_file_actions_t actions_t;

/* The FDs of a child that is made with these actions, as list-fds prints them. The stray is open meanwhile. */
static int spawn_listing(actions_t *actions, char *text, size_t room) {
  int ends[2];
  char *argv[] = {(char *)list_fds, "1", "1100", NULL};
  pid_t pid;
  if (pipe2(ends, O_CLOEXEC) != 0) abort();
  (void)posix_spawn_file_actions_adddup2(actions, ends[1], 1);
  const int stray = open_at(STRAY);
  const int error = posix_spawn(&pid, list_fds, actions, NULL, argv, environ);
  (void)close(stray);
  (void)close(ends[1]);
  read_all(ends[0], text, room);
  (void)close(ends[0]);
  if (error == 0) (void)waitpid(pid, NULL, 0);
  return error;
}

struct action_case {
  const char *name;
  void (*add)(actions_t *);
  const char *expected;
};

static int zero; /* an open FD, close-on-exec */
static void add_nothing(actions_t *actions) { (void)actions; }
static void add_dup(actions_t *actions) { (void)posix_spawn_file_actions_adddup2(actions, zero, 5); }
static void add_same(actions_t *actions) { (void)posix_spawn_file_actions_adddup2(actions, zero, zero); }
static void add_open(actions_t *actions) {
  (void)posix_spawn_file_actions_addopen(actions, 9, "/dev/null", O_RDONLY, 0);
}
static void add_gap(actions_t *actions) {
  add_dup(actions);
  (void)posix_spawn_file_actions_adddup2(actions, zero, 12);
}
static void add_swap(actions_t *actions) {
  (void)posix_spawn_file_actions_adddup2(actions, zero, 6);
  (void)posix_spawn_file_actions_adddup2(actions, 6, 7);
  (void)posix_spawn_file_actions_addclose(actions, 6);
}
static void add_closed(actions_t *actions) {
  add_gap(actions);
  (void)posix_spawn_file_actions_addclosefrom_np(actions, 6);
}
static void add_stray(actions_t *actions) { (void)posix_spawn_file_actions_adddup2(actions, STRAY, STRAY); }
static void add_folder(actions_t *actions) {
  add_dup(actions);
  (void)posix_spawn_file_actions_addchdir_np(actions, "/");
}
static void add_beyond_stray(actions_t *actions) {
  (void)posix_spawn_file_actions_adddup2(actions, zero, STRAY + 3);
}

static const struct action_case ACTION_CASES[] = {
    {"no action", add_nothing, "[0,1,2]"},
    {"dup2 to 5", add_dup, "[0,1,2,5]"},
    {"dup2 of a number to itself", add_same, "[0,1,2,40]"},
    {"open at 9", add_open, "[0,1,2,9]"},
    {"two with a gap", add_gap, "[0,1,2,5,12]"},
    {"a chain with a close", add_swap, "[0,1,2,7]"},
    {"closefrom of the caller", add_closed, "[0,1,2,5]"},
    {"a stray that is designated", add_stray, "[0,1,2,77]"},
    {"another folder", add_folder, "[0,1,2,5]"},
    {"a number beyond the stray", add_beyond_stray, "[0,1,2,80]"},
};

static void test_actions(void) {
  char text[8192];
  for (size_t i = 0; i < sizeof ACTION_CASES / sizeof *ACTION_CASES; i++) {
    actions_t actions, before;
    (void)posix_spawn_file_actions_init(&actions);
    ACTION_CASES[i].add(&actions);
    /* Twice: the wrapper must leave the caller's object as it was. */
    for (int round = 0; round < 2; round++) {
      check(spawn_listing(&actions, text, sizeof text) == 0, ACTION_CASES[i].name);
      check_text(text, ACTION_CASES[i].expected, ACTION_CASES[i].name);
      memcpy(&before, &actions, sizeof before);
    }
    check(memcmp(&before, &actions, sizeof before) == 0, "the caller's actions are unchanged");
    (void)posix_spawn_file_actions_destroy(&actions);
  }
}

/* 300 slots, and the numbers up to 1,000 closed: more than fits the stack. */
static void test_many_actions(void) {
  static char text[8192], expected[8192];
  actions_t actions;
  size_t length = (size_t)snprintf(expected, sizeof expected, "[0,1,2");
  (void)posix_spawn_file_actions_init(&actions);
  for (int fd = 101; fd <= 699; fd += 2) {
    (void)posix_spawn_file_actions_adddup2(&actions, zero, fd);
    length += (size_t)snprintf(expected + length, sizeof expected - length, ",%d", fd);
  }
  (void)snprintf(expected + length, sizeof expected - length, "]");
  check(spawn_listing(&actions, text, sizeof text) == 0, "300 slots");
  check_text(text, expected, "300 slots");
  (void)posix_spawn_file_actions_destroy(&actions);
}

/* An action that the guard does not know: the call is marked in this process instead, and counted. */
static void test_unknown_action(void) {
  char text[8192];
  actions_t actions;
  (void)posix_spawn_file_actions_init(&actions);
  (void)posix_spawn_file_actions_addclose(&actions, 50);
  int **entries = (int **)((char *)&actions + 2 * sizeof(int));
  **entries = 1234;
  const unsigned before = deep_state().marked_calls;
  check(spawn_listing(&actions, text, sizeof text) == 0, "an unknown action");
  check_text(text, "[0,1,2]", "an unknown action");
  check(deep_state().marked_calls == before + 1, "a call that was marked instead is counted");
  (void)posix_spawn_file_actions_destroy(&actions);
}

typedef int spawn_function_t(pid_t *, const char *, const actions_t *, const posix_spawnattr_t *, char *const[],
                             char *const[]);

/* valgrind and qemu run the child on memory of its own, so there the C library's own function sees no error. */
static void test_errors(void) {
  spawn_function_t *real = (spawn_function_t *)dlsym(RTLD_NEXT, "posix_spawn");
  pid_t pid = -5;
  char *argv[] = {"x", NULL};
  const char *const files[] = {"/no/such/file", "/dev/null"};
  for (size_t i = 0; i < 2; i++) {
    const int expected = real(&pid, files[i], NULL, NULL, argv, environ);
    check(posix_spawn(&pid, files[i], NULL, NULL, argv, environ) == expected, files[i]);
    check(posix_spawnp(&pid, files[i], NULL, NULL, argv, environ) == expected, files[i]);
  }
  while (waitpid(-1, NULL, 0) > 0) continue;
}

static actions_t shared;
static void *spawn_shared(void *data) {
  for (int i = 0; i < 30; i++) {
    pid_t pid;
    char *argv[] = {"sh", "-c", "exit 7", NULL};
    int status = 0;
    const bool started = posix_spawn(&pid, "/bin/sh", &shared, NULL, argv, environ) == 0;
    if (!started || waitpid(pid, &status, 0) != pid || status != W_EXITCODE(7, 0)) *(bool *)data = false;
  }
  return NULL;
}

static void test_shared_actions(void) {
  pthread_t threads[3];
  bool good[3] = {true, true, true};
  (void)posix_spawn_file_actions_init(&shared);
  (void)posix_spawn_file_actions_adddup2(&shared, zero, 5);
  for (int i = 0; i < 3; i++) (void)pthread_create(&threads[i], NULL, spawn_shared, &good[i]);
  for (int i = 0; i < 3; i++) (void)pthread_join(threads[i], NULL);
  check(good[0] && good[1] && good[2], "threads share an object of actions");
  (void)posix_spawn_file_actions_destroy(&shared);
}

/* ------------------------------------------------------------------------------------------
 * system() and popen(): the same as the C library's own
 * ---------------------------------------------------------------------------------------- */

struct shell {
  int (*system)(const char *);
  FILE *(*popen)(const char *, const char *);
  int (*pclose)(FILE *);
};

static void on_signal(int number) { (void)number; }
static bool ignores(int number) {
  struct sigaction now;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static bool handler_is(int number, void (*handler)(int)) {
  struct sigaction now;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == handler;
}

/* What a shell says of its own signals: bits of /proc. */
static int status_field(const struct shell *shell, const char *field, unsigned long long *value) {
  char command[128], text[256] = "";
  (void)snprintf(command, sizeof command, "grep %s: /proc/self/status", field);
  FILE *stream = shell->popen(command, "r");
  if (stream == NULL || fgets(text, sizeof text, stream) == NULL) return -1;
  *value = strtoull(text + strlen(field) + 1, NULL, 16);
  return shell->pclose(stream);
}

static atomic_bool saw_ignored;
static void *watch_signals(void *unused) {
  (void)unused;
  for (int i = 0; i < 1000 && !atomic_load(&saw_ignored); i++) {
    if (ignores(SIGINT) && ignores(SIGQUIT)) atomic_store(&saw_ignored, true);
    (void)usleep(1000);
  }
  return NULL;
}

static void *system_forever(void *data) {
  const struct shell *shell = data;
  (void)shell->system("exec sleep 1000");
  return NULL;
}

static void test_system(const struct shell *shell) {
  sigset_t before, after;
  (void)sigemptyset(&before);
  (void)sigemptyset(&after);
  pthread_t thread;
  check(shell->system("exit 3") == W_EXITCODE(3, 0), "system: the exit status");
  check(shell->system("kill -9 $$") == SIGKILL, "system: the signal");
  check(shell->system(NULL) == 1, "system: there is a shell");
  check(shell->system("no-such-program-at-all 2>/dev/null") == W_EXITCODE(127, 0), "system: 127");
  check(shell->system("") == 0, "system: an empty command");
  (void)signal(SIGINT, on_signal);
  (void)signal(SIGQUIT, on_signal);
  atomic_store(&saw_ignored, false);
  (void)pthread_create(&thread, NULL, watch_signals, NULL);
  (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
  check(shell->system("sleep 0.2; kill -s INT $PPID; kill -s QUIT $PPID") == 0, "system: SIGINT and SIGQUIT are ignored");
  (void)pthread_join(thread, NULL);
  (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
  check(atomic_load(&saw_ignored), "system: the signals are ignored meanwhile");
  check(sigismember(&after, SIGCHLD) == sigismember(&before, SIGCHLD), "system: the mask is restored");
  check(handler_is(SIGINT, on_signal) && handler_is(SIGQUIT, on_signal), "system: the handlers are restored");
  check(shell->system("kill -s INT $$") == SIGINT, "system: the shell has SIGINT's default");
  (void)signal(SIGINT, SIG_IGN);
  check(shell->system("kill -s INT $$; exit 4") == W_EXITCODE(4, 0), "system: what was ignored stays so");
  (void)signal(SIGINT, SIG_DFL);
  (void)signal(SIGQUIT, SIG_DFL);
  check(shell->system("trap 'exit 5' CHLD; exit 6") == W_EXITCODE(6, 0), "system: another trap");

  if (is_emulated) return;
  (void)pthread_create(&thread, NULL, system_forever, (void *)shell);
  (void)usleep(200000);
  (void)pthread_cancel(thread);
  void *result = NULL;
  (void)pthread_join(thread, &result);
  check(result == PTHREAD_CANCELED, "system: the thread can be cancelled");
  check(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "system: cancelling reaps the shell");
  check(!ignores(SIGINT), "system: cancelling restores the signals");
}

static void test_popen(const struct shell *shell) {
  char text[256] = "";
  FILE *stream = shell->popen("echo out; exit 9", "r");
  check(stream != NULL && fgets(text, sizeof text, stream) != NULL && strcmp(text, "out\n") == 0, "popen: reads");
  check(stream != NULL && !(fcntl(fileno(stream), F_GETFD) & FD_CLOEXEC), "popen: r leaves the stream inheritable");
  check(shell->pclose(stream) == W_EXITCODE(9, 0), "pclose: the exit status");
  stream = shell->popen("read line; test \"$line\" = in", "w");
  check(stream != NULL && fputs("in\n", stream) >= 0 && shell->pclose(stream) == 0, "popen: writes");
  stream = shell->popen("true", "re");
  check(stream != NULL && (fcntl(fileno(stream), F_GETFD) & FD_CLOEXEC), "popen: e sets close-on-exec");
  check(shell->pclose(stream) == 0, "pclose: success");
  const char *const wrong[] = {"", "rw", "x", "e", "r+"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    errno = 0;
    check(shell->popen("true", wrong[i]) == NULL && errno == EINVAL, wrong[i]);
  }
  unsigned long long mask = 1;
  check(status_field(shell, "SigBlk", &mask) == 0 && mask == 0, "popen: no signal is blocked");
  FILE *first = shell->popen("cat", "w"), *second = shell->popen("cat", "w");
  check(first != NULL && second != NULL && shell->pclose(first) == 0 && shell->pclose(second) == 0,
        "popen: two streams end one after the other");
  /* Without FD 0, the child's end of the pipe can be 0 itself. */
  const int saved = fcntl(0, F_DUPFD_CLOEXEC, 90);
  (void)close(0);
  stream = shell->popen("cat >/dev/null", "w");
  check(stream != NULL && shell->pclose(stream) == 0, "popen: without stdin");
  (void)dup2(saved, 0);
  (void)close(saved);
  FILE *plain = fopen("/dev/null", "r");
  check(plain != NULL && fclose(plain) == 0, "a stream of fopen");
}

static void test_stray_of_shells(void) {
  char command[4200], text[256] = "";
  const int stray = open_at(STRAY);
  (void)snprintf(command, sizeof command, "%s", list_fds);
  FILE *stream = popen(command, "r");
  check(stream != NULL && fgets(text, sizeof text, stream) != NULL, "popen with a stray");
  check_text(text, "[0,1,2]\n", "the FDs of popen's child");
  (void)pclose(stream);
  (void)snprintf(command, sizeof command, "test \"$(%s)\" = '[0,1,2]'", list_fds);
  check(system(command) == 0, "the FDs of system's child");
  (void)close(stray);
}

/* ------------------------------------------------------------------------------------------
 * Children that exec
 * ---------------------------------------------------------------------------------------- */

static void check_child(pid_t pid, int fd, const char *expected, const char *what) {
  char text[256];
  read_all(fd, text, sizeof text);
  (void)close(fd);
  (void)waitpid(pid, NULL, 0);
  check_text(text, expected, what);
}

/* What the child makes inheritable after its start is designated. */
static void test_children(void) {
  int ends[2];
  char *argv[] = {(char *)list_fds, "1", "300", NULL};
  const int stray = open_at(STRAY);
  if (pipe2(ends, O_CLOEXEC) != 0) abort();
  pid_t pid = fork();
  if (pid == 0) {
    if (dup2(ends[1], 1) == 1 && dup2(zero, 9) == 9) (void)execv(list_fds, argv);
    _exit(126);
  }
  (void)close(ends[1]);
  check_child(pid, ends[0], "[0,1,2,9]", "fork: a child's dup2 designates");

  if (pipe2(ends, O_CLOEXEC) != 0) abort();
  pid = vfork();
  if (pid == 0) {
    if (dup2(ends[1], 1) == 1 && dup2(zero, 9) == 9) (void)execv(list_fds, argv);
    _exit(126);
  }
  (void)close(ends[1]);
  check_child(pid, ends[0], "[0,1,2,9]", "vfork: a child's dup2 designates");
  check(fcntl(stray, F_GETFD) == 0, "the parent's flags are unchanged");
  (void)close(stray);
}

/* A vfork() in a child of vfork(), and one that fails. */
static void test_vfork(void) {
  int status = 0;
  pid_t pid = vfork();
  if (pid == 0) {
    const pid_t inner = vfork();
    if (inner == 0) _exit(21);
    int inner_status = 0;
    (void)waitpid(inner, &inner_status, 0);
    _exit(inner_status == W_EXITCODE(21, 0) ? 22 : 23);
  }
  (void)waitpid(pid, &status, 0);
  check(status == W_EXITCODE(22, 0), "vfork in a child of vfork");

  struct rlimit before, none = {0, 0};
  (void)getrlimit(RLIMIT_NPROC, &before);
  none.rlim_max = before.rlim_max;
  if (geteuid() == 0) return; /* the limit does not hold for root */
  (void)setrlimit(RLIMIT_NPROC, &none);
  errno = 0;
  pid = vfork();
  if (pid == 0) _exit(0);
  check(pid == -1 && errno == EAGAIN, "vfork fails with an errno");
  (void)setrlimit(RLIMIT_NPROC, &before);
}

static int set_flag(void *flag) {
  *(int *)flag = 1;
  return 33;
}

static void test_clone(void) {
  static _Alignas(16) char stack[65536];
  int flag = 0, status = 0;
  pid_t pid = clone(set_flag, stack + sizeof stack, SIGCHLD, &flag);
  check(waitpid(pid, &status, 0) == pid && status == W_EXITCODE(33, 0) && flag == 0, "clone: own memory");
  pid = clone(set_flag, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &flag);
  check(waitpid(pid, &status, 0) == pid && status == W_EXITCODE(33, 0), "clone: shared memory");
  if (is_emulated) return;
  pid = clone(set_flag, stack + sizeof stack, CLONE_FILES | SIGCHLD, &flag);
  check(waitpid(pid, &status, 0) == pid && status == W_EXITCODE(33, 0), "clone: shared FD table");
  errno = 0;
  check(clone(set_flag, NULL, SIGCHLD, &flag) == -1 && errno == EINVAL, "clone: no stack");
}

/* ------------------------------------------------------------------------------------------
 * Libraries
 * ---------------------------------------------------------------------------------------- */

static int library_status(const char *file, int flags) {
  void *library = dlopen(file, flags);
  if (library == NULL) return -1;
  if (deep_state().stage == DEEP_MARKS) (void)deep_walk(false); /* as after process.dlopen() */
  int (*start)(const char *) = (int (*)(const char *))dlsym(library, "start_by_system");
  char command[4200];
  (void)snprintf(command, sizeof command, "test \"$(%s)\" = '[0,1,2]'", list_fds);
  const int status = start == NULL ? -2 : start(command);
  (void)dlclose(library);
  return status;
}

static void test_libraries(const char *file) {
  const int stray = open_at(STRAY);
  const char *slash = strrchr(file, '/');
  for (int round = 0; round < 3; round++) {
    check(library_status(file, RTLD_NOW) == 0, "a library that is loaded by its path, again and again");
    check(library_status(file, RTLD_LAZY) == 0, "a library with lazy binding");
  }
  check(library_status(slash == NULL ? file : slash + 1, RTLD_NOW) == 0, "a library that RUNPATH finds");
  check(dlsym(RTLD_DEFAULT, "system") != NULL && dlsym(RTLD_DEFAULT, "no_such_function") == NULL, "dlsym");
  void *next = dlsym(RTLD_NEXT, "system"), *wrapped = dlsym(RTLD_DEFAULT, "system");
  check(next != NULL && next != wrapped, "dlsym: RTLD_NEXT finds the C library's");
  check(dlopen(NULL, RTLD_NOW) != NULL, "dlopen without a name");
  check(dlopen("/no/such/library.so", RTLD_NOW) == NULL && dlerror() != NULL, "dlopen: an error");
  (void)close(stray);
}

static atomic_bool stop;
static const char *library_file;
static void *load_and_unload(void *unused) {
  (void)unused;
  while (!atomic_load(&stop)) {
    void *library = dlopen(library_file, RTLD_NOW);
    if (library != NULL) (void)dlclose(library);
  }
  return NULL;
}

static void *walk_always(void *unused) {
  (void)unused;
  while (!atomic_load(&stop)) (void)deep_walk(true);
  return NULL;
}

/* Forks while other threads load, unload and walk; a deadlock would be the test's timeout. */
static void test_threads(const char *file) {
  pthread_t threads[4];
  int good = 0;
  library_file = file;
  for (int i = 0; i < 4; i++)
    (void)pthread_create(&threads[i], NULL, i < 2 ? load_and_unload : walk_always, NULL);
  for (int i = 0; i < 40; i++) {
    int status = -1;
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    good += waitpid(pid, &status, 0) == pid && status == 0;
  }
  atomic_store(&stop, true);
  for (int i = 0; i < 4; i++) (void)pthread_join(threads[i], NULL);
  check(good == 40, "forks while other threads load and walk");
}

/* ------------------------------------------------------------------------------------------
 * Records
 * ---------------------------------------------------------------------------------------- */

static void test_records(void) {
  struct record record;
  while (record_take(&record)) continue;
  const int stray = open_at(STRAY);
  (void)usleep(150000); /* so that the caller lists its strays again */
  (void)system("exit 0");
  (void)close(stray);
  check(record_take(&record), "system makes a record");
  check(record.kind == RECORD_SYSTEM && record.is_shell && record.pid > 0, "what the record says");
  check_text(record.command, "exit 0", "the command of the record");
  check(record.stray_count == 1 && record.strays[0] == STRAY && !record.passed, "the stray of the record");
  check(!record_take(&record), "and no other record");

  if (is_emulated) return;
  const unsigned lost = records_lost();
  static _Alignas(16) char stack[4096];
  /* These flags fail: a record without a process. */
  for (int i = 0; i < 1100; i++) (void)clone(set_flag, stack + sizeof stack, CLONE_SIGHAND, NULL);
  check(records_lost() > lost, "records that found no room are counted");
  int taken = 0;
  while (record_take(&record)) taken++;
  check(taken == 1024, "the ring has room for 1,024 records");
}

/* As a security module or mseal() does it. */
static bool forbid_mprotect(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void test_denied(void) {
  const struct deep_state state = deep_state();
  check(state.imports.denied > 0, "imports that cannot be written are counted");
  int status = -1;
  const pid_t pid = fork();
  if (pid == 0) _exit(4);
  check(waitpid(pid, &status, 0) == pid && status == W_EXITCODE(4, 0), "and the program works");
}

/* The guard is compiled as for an older glibc. This program stands for Node. */
static void test_marks(const char *library) {
  int ends[2];
  char *argv[] = {(char *)list_fds, "1", "300", NULL};
  check(deep_state().stage == DEEP_MARKS && deep_state().imports.host_missed == 0, "libuv's vfork() is covered");
  (void)stray_guard_by_default(true); /* as a guarded spawn does */
  const int stray = open_at(STRAY);
  if (pipe2(ends, O_CLOEXEC) != 0) abort();
  const pid_t pid = vfork();
  if (pid == 0) {
    if (dup2(ends[1], 1) == 1) (void)execv(list_fds, argv);
    _exit(126);
  }
  (void)close(ends[1]);
  check_child(pid, ends[0], "[0,1,2]", "vfork of Node forks");
  const unsigned before = deep_state().marked_calls;
  check(library_status(library, RTLD_NOW) == 0, "a library's system() is marked at the call");
  check(deep_state().marked_calls == before + 1, "and counted");
  (void)close(stray);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  list_fds = argv[1];
  zero = open_at(40);
  (void)fcntl(zero, F_SETFD, FD_CLOEXEC);
  const struct shell real = {(int (*)(const char *))dlsym(RTLD_NEXT, "system"),
                             (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "popen"),
                             (int (*)(FILE *))dlsym(RTLD_NEXT, "pclose")};
  const struct shell wrapped = {system, popen, pclose};
  const struct shell *const shells[] = {&real, &wrapped};

  const bool is_denied = argc > 3 && strcmp(argv[3], "no-mprotect") == 0;
  const bool is_marking = argc > 3 && strcmp(argv[3], "marks") == 0;
  is_emulated = argc > 3 && !is_denied && !is_marking;
  if (is_denied) check(forbid_mprotect(), "the filter");
  check(stray_guard_arm() == 0, "armed");
  check(deep_arm(NATIVE_GUARD, is_marking ? (const void *)main : NULL), "the deep guard is armed");
  if (is_marking) {
    test_marks(argv[2]);
    return failures == 0 ? 0 : 1;
  }
  if (is_denied) {
    test_denied();
    return failures == 0 ? 0 : 1;
  }
  const struct deep_state state = deep_state();
  check(state.stage == DEEP_WRAPS && state.knows_actions && state.can_close, "the C library is known");
  check(state.imports.denied == 0 && state.imports.old == 0, "all imports are covered");
  test_actions();
  test_many_actions();
  test_errors();
  test_shared_actions();
  for (size_t i = 0; i < 2; i++) {
    test_system(shells[i]);
    test_popen(shells[i]);
  }
  test_stray_of_shells();
  test_children();
  test_vfork();
  test_clone();
  test_libraries(argv[2]);
  test_records();
  test_threads(argv[2]);
  test_unknown_action();
  return failures == 0 ? 0 : 1;
}
