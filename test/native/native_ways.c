/*
 * An addon that makes processes in each way that native code has. Compiled three times: with lazy binding,
 * without RELRO, and with -fno-plt (scripts/build/test-tools.mjs).
 *
 *   ways                                the names
 *   replaced()                          which of the functions that this addon imports are not the C library's
 *   make(way, text, stray): number      runs `sh -c TEXT` with an inheritable FD `stray`; the exit status
 *   race(way, text, count, threads)     the same `count` times, while `threads` threads open and close
 *                                       inheritable FDs; how many exit statuses were not 0
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <node_api.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define SHELL "/bin/sh"
#define ARGUMENTS(text) {"sh", "-c", (char *)(text), NULL}

static int status_of(pid_t pid) {
  int status = -1;
  if (pid <= 0) return -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

#define FORKED(make, run)            \
  do {                               \
    char *argv[] = ARGUMENTS(text);  \
    const pid_t pid = (make);        \
    if (pid == 0) {                  \
      (void)(run);                   \
      _exit(126);                    \
    }                                \
    (void)argv;                      \
    return status_of(pid);           \
  } while (0)

static int by_fork_execv(const char *text) { FORKED(fork(), execv(SHELL, argv)); }
static int by_fork_execve(const char *text) { FORKED(fork(), execve(SHELL, argv, environ)); }
static int by_fork_execvp(const char *text) { FORKED(fork(), execvp("sh", argv)); }
static int by_fork_execvpe(const char *text) { FORKED(fork(), execvpe("sh", argv, environ)); }
static int by_fork_execl(const char *text) { FORKED(fork(), execl(SHELL, "sh", "-c", text, (char *)NULL)); }
static int by_fork_execlp(const char *text) { FORKED(fork(), execlp("sh", "sh", "-c", text, (char *)NULL)); }
static int by_fork_execle(const char *text) {
  FORKED(fork(), execle(SHELL, "sh", "-c", text, (char *)NULL, environ));
}
static int by_fork_fexecve(const char *text) {
  FORKED(fork(), fexecve(open(SHELL, O_RDONLY | O_CLOEXEC), argv, environ));
}
static int by_bare_fork(const char *text) { FORKED(_Fork(), execve(SHELL, argv, environ)); }
static int by_vfork_execve(const char *text) { FORKED(vfork(), execve(SHELL, argv, environ)); }
static int by_vfork_execlp(const char *text) { FORKED(vfork(), execlp("sh", "sh", "-c", text, (char *)NULL)); }
static int by_forkpty(const char *text) {
  int terminal;
  char *argv[] = ARGUMENTS(text);
  const pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
  if (pid == 0) {
    (void)execv(SHELL, argv);
    _exit(126);
  }
  const int status = status_of(pid);
  (void)close(terminal);
  return status;
}

static int run_shell(void *text) {
  char *argv[] = ARGUMENTS(text);
  (void)execve(SHELL, argv, environ);
  return 126;
}

static int by_clone_with(const char *text, int flags) {
  static _Thread_local _Alignas(16) char stack[65536];
  return status_of(clone(run_shell, stack + sizeof stack, flags | SIGCHLD, (void *)text));
}
static int by_clone(const char *text) { return by_clone_with(text, 0); }
static int by_clone_vfork(const char *text) { return by_clone_with(text, CLONE_VM | CLONE_VFORK); }

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                           char *const[], char *const[]);

static int spawned(spawn_function *spawn, const char *file, const posix_spawn_file_actions_t *actions,
                   const char *text) {
  char *argv[] = ARGUMENTS(text);
  pid_t pid;
  const int error = spawn(&pid, file, actions, NULL, argv, environ);
  return error == 0 ? status_of(pid) : -error;
}

static int by_posix_spawn(const char *text) { return spawned(posix_spawn, SHELL, NULL, text); }
static int by_posix_spawnp(const char *text) { return spawned(posix_spawnp, "sh", NULL, text); }
static int by_posix_spawn_with_actions(const char *text) {
  posix_spawn_file_actions_t actions;
  (void)posix_spawn_file_actions_init(&actions);
  (void)posix_spawn_file_actions_adddup2(&actions, 1, 1);
  (void)posix_spawn_file_actions_adddup2(&actions, 2, 2);
  const int status = spawned(posix_spawn, SHELL, &actions, text);
  (void)posix_spawn_file_actions_destroy(&actions);
  return status;
}
static int by_found_posix_spawn(const char *text) {
  return spawned((spawn_function *)dlsym(RTLD_DEFAULT, "posix_spawn"), SHELL, NULL, text);
}
static int by_kept_pointer(const char *text) {
  static spawn_function *const volatile pointer = posix_spawn;
  return spawned(pointer, SHELL, NULL, text);
}

static int by_system(const char *text) { return system(text); }
static int by_popen(const char *text) {
  FILE *stream = popen(text, "r");
  char rest[256];
  if (stream == NULL) return -1;
  while (fgets(rest, sizeof rest, stream) != NULL) continue;
  return pclose(stream);
}
static int by_found_popen(const char *text) {
  FILE *(*find_popen)(const char *, const char *) = (FILE * (*)(const char *, const char *)) dlsym(RTLD_DEFAULT, "popen");
  FILE *stream = find_popen(text, "w");
  return stream == NULL ? -1 : pclose(stream);
}

/* Set by another library, which this one opens: its own calls. */
static int by_other_library(const char *text) {
  Dl_info info;
  char file[4096];
  if (dladdr((void *)by_other_library, &info) == 0) return -1;
  (void)snprintf(file, sizeof file, "%s", info.dli_fname);
  char *slash = strrchr(file, '/');
  (void)snprintf(slash, sizeof file - (size_t)(slash - file), "/native-library.so");
  void *library = dlopen(file, RTLD_NOW);
  int (*start)(const char *) = library == NULL ? NULL : (int (*)(const char *))dlsym(library, "start_by_system");
  if (start == NULL) return -1;
  const int status = start(text);
  (void)dlclose(library);
  return status;
}

static const struct {
  const char *name;
  int (*make)(const char *);
} ways[] = {
    {"fork and execv", by_fork_execv},
    {"fork and execve", by_fork_execve},
    {"fork and execvp", by_fork_execvp},
    {"fork and execvpe", by_fork_execvpe},
    {"fork and execl", by_fork_execl},
    {"fork and execlp", by_fork_execlp},
    {"fork and execle", by_fork_execle},
    {"fork and fexecve", by_fork_fexecve},
    {"_Fork", by_bare_fork},
    {"vfork and execve", by_vfork_execve},
    {"vfork and execlp", by_vfork_execlp},
    {"forkpty", by_forkpty},
    {"clone", by_clone},
    {"clone as vfork", by_clone_vfork},
    {"posix_spawn", by_posix_spawn},
    {"posix_spawnp", by_posix_spawnp},
    {"posix_spawn with actions", by_posix_spawn_with_actions},
    {"posix_spawn by dlsym", by_found_posix_spawn},
    {"posix_spawn by a kept pointer", by_kept_pointer},
    {"system", by_system},
    {"popen", by_popen},
    {"popen by dlsym", by_found_popen},
    {"system in a library of its own", by_other_library},
};
#define WAYS (sizeof ways / sizeof *ways)

/* ------------------------------------------------------------------------------------------ */

static int open_stray(int fd) {
  const int low = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  const int stray = fcntl(low, F_DUPFD, fd);
  (void)close(low);
  return stray;
}

static atomic_bool stop;
static void *open_and_close(void *unused) {
  (void)unused;
  while (!atomic_load(&stop)) {
    int fds[16];
    for (int i = 0; i < 16; i++) fds[i] = open("/dev/null", O_RDONLY); /* NOLINT: inheritable on purpose */
    for (int i = 0; i < 16; i++) (void)close(fds[i]);
  }
  return NULL;
}

static int race(int (*make)(const char *), const char *text, int count, int threads) {
  pthread_t openers[16];
  int bad = 0;
  atomic_store(&stop, false);
  for (int i = 0; i < threads; i++) (void)pthread_create(&openers[i], NULL, open_and_close, NULL);
  for (int i = 0; i < count; i++) bad += make(text) != 0;
  atomic_store(&stop, true);
  for (int i = 0; i < threads; i++) (void)pthread_join(openers[i], NULL);
  return bad;
}

static bool read_arguments(napi_env env, napi_callback_info info, char way[64], char text[4096], int numbers[2]) {
  napi_value values[4];
  size_t count = 4, length;
  (void)napi_get_cb_info(env, info, &count, values, NULL, NULL);
  (void)napi_get_value_string_utf8(env, values[0], way, 64, &length);
  (void)napi_get_value_string_utf8(env, values[1], text, 4096, &length);
  for (size_t i = 2; i < count; i++) (void)napi_get_value_int32(env, values[i], &numbers[i - 2]);
  return count >= 3;
}

static int (*find_way(const char *name))(const char *) {
  for (size_t i = 0; i < WAYS; i++)
    if (strcmp(ways[i].name, name) == 0) return ways[i].make;
  return NULL;
}

static napi_value number(napi_env env, int value) {
  napi_value result = NULL;
  (void)napi_create_int32(env, value, &result);
  return result;
}

static napi_value js_make(napi_env env, napi_callback_info info) {
  char way[64], text[4096];
  int numbers[2] = {0, 0};
  if (!read_arguments(env, info, way, text, numbers) || find_way(way) == NULL) return NULL;
  const int stray = numbers[0] == 0 ? -1 : open_stray(numbers[0]);
  const int status = find_way(way)(text);
  if (stray >= 0) (void)close(stray);
  return number(env, status);
}

static bool is_of_libc(const void *function) {
  Dl_info info;
  return dladdr(function, &info) != 0 && strstr(info.dli_fname, "/libc.so") != NULL;
}

/* The addresses are read from this addon's import slots. */
static napi_value js_replaced(napi_env env, napi_callback_info info) {
  (void)info;
  const struct {
    const char *name;
    const void *function;
  } imports[] = {
      {"clone", (void *)clone},   {"dlopen", (void *)dlopen}, {"dlsym", (void *)dlsym},
      {"execve", (void *)execve}, {"fork", (void *)fork},     {"forkpty", (void *)forkpty},
      {"popen", (void *)popen},   {"pclose", (void *)pclose}, {"posix_spawn", (void *)posix_spawn},
      {"system", (void *)system}, {"vfork", (void *)vfork},
  };
  napi_value names, name;
  uint32_t count = 0;
  (void)napi_create_array(env, &names);
  for (size_t i = 0; i < sizeof imports / sizeof *imports; i++) {
    if (is_of_libc(imports[i].function)) continue;
    (void)napi_create_string_utf8(env, imports[i].name, NAPI_AUTO_LENGTH, &name);
    (void)napi_set_element(env, names, count++, name);
  }
  return names;
}

static napi_value js_race(napi_env env, napi_callback_info info) {
  char way[64], text[4096];
  int numbers[2] = {0, 0};
  if (!read_arguments(env, info, way, text, numbers) || find_way(way) == NULL) return NULL;
  return number(env, race(find_way(way), text, numbers[0], numbers[1]));
}

NAPI_MODULE_INIT() {
  napi_value names, name, function;
  (void)napi_create_array(env, &names);
  for (uint32_t i = 0; i < WAYS; i++) {
    (void)napi_create_string_utf8(env, ways[i].name, NAPI_AUTO_LENGTH, &name);
    (void)napi_set_element(env, names, i, name);
  }
  (void)napi_set_named_property(env, exports, "ways", names);
  (void)napi_create_function(env, "make", NAPI_AUTO_LENGTH, js_make, NULL, &function);
  (void)napi_set_named_property(env, exports, "make", function);
  (void)napi_create_function(env, "replaced", NAPI_AUTO_LENGTH, js_replaced, NULL, &function);
  (void)napi_set_named_property(env, exports, "replaced", function);
  (void)napi_create_function(env, "race", NAPI_AUTO_LENGTH, js_race, NULL, &function);
  (void)napi_set_named_property(env, exports, "race", function);
  return exports;
}
