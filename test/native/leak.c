/*
 * A test addon that does what careless native code does: opens FDs without close-on-exec, and
 * makes processes in each of the ways there are. Nothing in the product uses it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <node_api.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int to_int(napi_env env, napi_value value) {
  int32_t number = -1;
  (void)napi_get_value_int32(env, value, &number);
  return number;
}

static napi_value from_int(napi_env env, int number) {
  napi_value value = NULL;
  (void)napi_create_int32(env, number, &value);
  return value;
}

static size_t arguments(napi_env env, napi_callback_info info, napi_value *values, size_t most) {
  (void)napi_get_cb_info(env, info, &most, values, NULL, NULL);
  return most;
}

static char *to_text(napi_env env, napi_value value) {
  size_t length = 0;
  (void)napi_get_value_string_utf8(env, value, NULL, 0, &length);
  char *text = malloc(length + 1);
  (void)napi_get_value_string_utf8(env, value, text, length + 1, &length);
  return text;
}

/* trim(): gives all memory that malloc() keeps back to the system. */
static napi_value leak_trim(napi_env env, napi_callback_info info) {
  (void)info;
  return from_int(env, malloc_trim(0));
}

/* grow(megabytes): malloc()'s heap grows, and nine tenths of that are free again. */
static napi_value leak_grow(napi_env env, napi_callback_info info) {
  enum { SIZE = 8000 };
  napi_value values[1];
  (void)arguments(env, info, values, 1);
  int count = to_int(env, values[0]) * ((1 << 20) / SIZE);
  char **blocks = malloc((size_t)count * sizeof *blocks);
  for (int i = 0; i < count; i++) blocks[i] = memset(malloc(SIZE), 1, SIZE);
  for (int i = 0; i < count; i++)
    if (i % 10 > 0) free(blocks[i]);
  free(blocks);
  return NULL;
}

/* open(path, least): an inheritable, readable and writable FD, numbered `least` or higher. */
static napi_value leak_open(napi_env env, napi_callback_info info) {
  napi_value values[2];
  (void)arguments(env, info, values, 2);
  char *path = to_text(env, values[0]);
  int low = open(path, O_RDWR | O_CREAT, 0600);
  int fd = fcntl(low, F_DUPFD, to_int(env, values[1]));
  (void)close(low);
  free(path);
  return from_int(env, fd);
}

/* pipe(least): the reading end of a pipe without a writer: an inheritable FD that is never ready. */
static napi_value leak_pipe(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int pair[2];
  (void)arguments(env, info, values, 1);
  if (pipe2(pair, O_CLOEXEC) != 0) return from_int(env, -1);
  int fd = fcntl(pair[0], F_DUPFD, to_int(env, values[0]));
  (void)close(pair[0]);
  return from_int(env, fd);
}

/* flags(fd): 1 if marked, 0 if not, -1 if not open */
static napi_value leak_flags(napi_env env, napi_callback_info info) {
  napi_value values[1];
  (void)arguments(env, info, values, 1);
  return from_int(env, fcntl(to_int(env, values[0]), F_GETFD));
}

/* mark(fd, marked): sets the flag. */
static napi_value leak_mark(napi_env env, napi_callback_info info) {
  napi_value values[2];
  bool marked = false;
  (void)arguments(env, info, values, 2);
  (void)napi_get_value_bool(env, values[1], &marked);
  return from_int(env, fcntl(to_int(env, values[0]), F_SETFD, marked ? FD_CLOEXEC : 0));
}

/* close(fd), which fs.closeSync() refuses for some in newer versions of Node. */
static napi_value leak_close(napi_env env, napi_callback_info info) {
  napi_value values[1];
  (void)arguments(env, info, values, 1);
  return from_int(env, close(to_int(env, values[0])));
}

/* dup2(from, to): `to` is inheritable. */
static napi_value leak_dup2(napi_env env, napi_callback_info info) {
  napi_value values[2];
  (void)arguments(env, info, values, 2);
  return from_int(env, dup2(to_int(env, values[0]), to_int(env, values[1])));
}

/* keep(fd): a marked duplicate, for when its own number is to be taken. */
static napi_value leak_keep(napi_env env, napi_callback_info info) {
  napi_value values[1];
  (void)arguments(env, info, values, 1);
  return from_int(env, fcntl(to_int(env, values[0]), F_DUPFD_CLOEXEC, 100));
}

/* limit(count): the soft limit on FDs. */
static napi_value leak_limit(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct rlimit limit;
  (void)arguments(env, info, values, 1);
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = (rlim_t)to_int(env, values[0]);
  return from_int(env, setrlimit(RLIMIT_NOFILE, &limit));
}

/*
 * full(): from now on, what this thread and its children ask for that needs a new open file fails
 * with ENFILE, as where the whole system has too many. Opening so many would harm others. Save
 * for pipes and event FDs, without which libuv does not get as far as a child.
 */
static napi_value leak_full(napi_env env, napi_callback_info info) {
  (void)info;
  static const unsigned calls[] = {SYS_openat, SYS_socketpair};
  enum { COUNT = sizeof calls / sizeof *calls };
  struct sock_filter filter[COUNT + 3] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
  for (unsigned char i = 0; i < COUNT; i++)
    filter[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], (unsigned char)(COUNT - i), 0);
  filter[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENFILE);
  struct sock_fprog program = {COUNT + 3, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return from_int(env, -1);
  return from_int(env, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

/* run(way, command...): makes a process by 'fork', 'vfork', 'posix_spawn', 'system' or 'popen'. */
static napi_value leak_run(napi_env env, napi_callback_info info) {
  napi_value values[8];
  char *words[9] = {NULL};
  size_t count = arguments(env, info, values, 8);
  for (size_t i = 0; i < count; i++) words[i] = to_text(env, values[i]);
  char *way = words[0], **command = words + 1;
  pid_t child = -1;
  int status = -1;

  if (strcmp(way, "system") == 0) {
    status = system(command[0]);
  } else if (strcmp(way, "popen") == 0) {
    FILE *stream = popen(command[0], "w");
    status = stream == NULL ? -1 : pclose(stream);
  } else {
    if (strcmp(way, "posix_spawn") == 0) {
      if (posix_spawnp(&child, command[0], NULL, NULL, command, environ) != 0) child = -1;
    } else {
      child = strcmp(way, "vfork") == 0 ? vfork() : fork();
      if (child == 0) {
        execvp(command[0], command);
        _exit(127);
      }
    }
    if (child > 0) (void)waitpid(child, &status, 0);
  }
  for (size_t i = 0; i < count; i++) free(words[i]);
  return from_int(env, status);
}

/* ------------------------------------------------------------------------------------------
 * Threads
 * ---------------------------------------------------------------------------------------- */

#define MOST_THREADS 8

static pthread_t threads[MOST_THREADS];
static size_t thread_count;
static atomic_bool stopping;
static atomic_int opened;

static void *open_and_close(void *unused) {
  (void)unused;
  while (!atomic_load(&stopping)) {
    int fd = open("/dev/zero", O_RDWR);
    int pair[2];
    if (pipe(pair) == 0) {
      (void)close(pair[0]);
      (void)close(pair[1]);
    }
    if (fd >= 0) (void)close(fd);
    atomic_fetch_add(&opened, 1);
  }
  return NULL;
}

static atomic_int inheritable;

/* Looks at the low numbers of the table, again and again. */
static void *watch(void *unused) {
  (void)unused;
  while (!atomic_load(&stopping)) {
    for (int fd = 3; fd < 256; fd++) {
      if (fcntl(fd, F_GETFD) == 0) atomic_fetch_add(&inheritable, 1);
    }
    atomic_fetch_add(&opened, 1);
  }
  return NULL;
}

static void *fork_and_wait(void *count) {
  for (size_t i = 0; i < (size_t)count; i++) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child > 0) (void)waitpid(child, NULL, 0);
    atomic_fetch_add(&opened, 1);
  }
  return NULL;
}

static napi_value start(napi_env env, void *(*work)(void *), int number, void *argument) {
  atomic_store(&stopping, false);
  atomic_store(&opened, 0);
  for (int i = 0; i < number && thread_count < MOST_THREADS; i++) {
    if (pthread_create(&threads[thread_count], NULL, work, argument) == 0) thread_count++;
  }
  return from_int(env, (int)thread_count);
}

/* openers(number): threads that open and close inheritable FDs until join(). */
static napi_value leak_openers(napi_env env, napi_callback_info info) {
  napi_value values[1];
  (void)arguments(env, info, values, 1);
  return start(env, open_and_close, to_int(env, values[0]), NULL);
}

/* watchers(number): threads that look for inheritable FDs until join(); seen() tells how often. */
static napi_value leak_watchers(napi_env env, napi_callback_info info) {
  napi_value values[1];
  (void)arguments(env, info, values, 1);
  atomic_store(&inheritable, 0);
  return start(env, watch, to_int(env, values[0]), NULL);
}

static napi_value leak_seen(napi_env env, napi_callback_info info) {
  (void)info;
  return from_int(env, atomic_load(&inheritable));
}

/* forkers(number, count): threads that make `count` processes each. */
static napi_value leak_forkers(napi_env env, napi_callback_info info) {
  napi_value values[2];
  (void)arguments(env, info, values, 2);
  return start(env, fork_and_wait, to_int(env, values[0]), (void *)(size_t)to_int(env, values[1]));
}

/* join(): ends the openers, waits for the forkers; returns how often they did it. */
static napi_value leak_join(napi_env env, napi_callback_info info) {
  (void)info;
  atomic_store(&stopping, true);
  while (thread_count > 0) (void)pthread_join(threads[--thread_count], NULL);
  return from_int(env, atomic_load(&opened));
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } functions[] = {{"trim", leak_trim}, {"grow", leak_grow}, {"open", leak_open},   {"flags", leak_flags}, {"mark", leak_mark}, {"close", leak_close},
                   {"pipe", leak_pipe},   {"dup2", leak_dup2}, {"limit", leak_limit}, {"run", leak_run}, {"full", leak_full},
                   {"openers", leak_openers}, {"forkers", leak_forkers}, {"join", leak_join},
                   {"watchers", leak_watchers}, {"keep", leak_keep}, {"seen", leak_seen}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    (void)napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function);
    (void)napi_set_named_property(env, exports, functions[i].name, function);
  }
  return exports;
}
