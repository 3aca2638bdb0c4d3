/*
 * An addon for `closefds doctor`, in a file of its own: it makes processes natively, so that the doctor can show
 * whether the deep guard covers an addon that was loaded after it.
 *
 *   make(way: number, fd: number): number
 *
 * opens an inheritable FD `fd`, runs a shell by system(), popen(), posix_spawn() or vfork() (0 to 3), and returns
 * 1 if the FD arrived, 0 if it did not, and -1 if no process could be made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <node_api.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define SHELL "/bin/sh"
#define FD_BOUND 1024

static int status_of(pid_t pid) {
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

static int by_popen(const char *text) {
  FILE *stream = popen(text, "r");
  return stream == NULL ? -1 : pclose(stream);
}

static int by_posix_spawn(char *const argv[]) {
  pid_t pid;
  return posix_spawn(&pid, SHELL, NULL, NULL, argv, environ) == 0 ? status_of(pid) : -1;
}

static int by_vfork(char *const argv[]) {
  const pid_t pid = vfork();
  if (pid == 0) {
    (void)execve(SHELL, argv, environ);
    _exit(126);
  }
  return pid < 0 ? -1 : status_of(pid);
}

static int make(int way, const char *text) {
  char *const argv[] = {"sh", "-c", (char *)text, NULL};
  switch (way) {
    case 0: return system(text);
    case 1: return by_popen(text);
    case 2: return by_posix_spawn(argv);
    default: return by_vfork(argv);
  }
}

/* The shell exits with 40 if it has the FD, with 41 if not. */
static int arrived(int way, int fd) {
  char text[96];
  const int low = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int stray = low < 0 ? -1 : fcntl(low, F_DUPFD, fd);
  if (low >= 0) (void)close(low);
  if (stray < 0) return -1;
  (void)snprintf(text, sizeof text, "test -e /proc/self/fd/%d && exit 40; test -e /proc/self/exe && exit 41", stray);
  const int status = make(way, text);
  (void)close(stray);
  if (!WIFEXITED(status)) return -1;
  return WEXITSTATUS(status) == 40 ? 1 : WEXITSTATUS(status) == 41 ? 0 : -1;
}

static napi_value make_js(napi_env env, napi_callback_info info) {
  napi_value values[2], result;
  size_t count = 2;
  int way, fd;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count < 2 ||
      napi_get_value_int32(env, values[0], &way) != napi_ok || napi_get_value_int32(env, values[1], &fd) != napi_ok ||
      fd < 3 || fd >= FD_BOUND) {
    (void)napi_throw_type_error(env, NULL, "expected a way and an FD"); /* already failing */
    return NULL;
  }
  return napi_create_int32(env, arrived(way, fd), &result) == napi_ok ? result : NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "make", NAPI_AUTO_LENGTH, make_js, NULL, &function) != napi_ok ||
      napi_set_named_property(env, exports, "make", function) != napi_ok)
    return NULL;
  return exports;
}
