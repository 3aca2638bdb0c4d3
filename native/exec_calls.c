/*
 * The exec functions. A child that was marked at its start runs its program: what it made inheritable
 * since was designated. In this process itself, all is marked.
 */
#define _GNU_SOURCE
#include "fork_calls.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include "fd_table.h"
#include "stray_guard.h"

extern char **environ;

#define CALLER __builtin_return_address(0)

static int note_inheritable(int fd, const void *data) {
  struct record *record = *(struct record *const *)data;
  if (!is_inheritable(fd)) return 0;
  if (record->designated_count < RECORD_FDS) record->designated[record->designated_count] = fd;
  record->designated_count++;
  return 0;
}

/* The program of a child. The async-signal-safety rule of stray_guard.c applies. */
static void note_program(const struct code_object *object, const char *path, char *const argv[]) {
  const bool was_marked = native_call_was_marked();
  struct record *record = record_begin(was_marked ? RECORD_EXEC : RECORD_UNKNOWN_CHILD);
  if (record == NULL) return;
  record->object = object_index(object);
  record->pid = getpid();
  native_call_command(record, path, argv);
  const int bound = fd_table_bound();
  record->looked = bound <= LARGE_TABLE && visit_fd_table(bound, note_inheritable, &record) == 0;
  record_end(record);
}

static void prepare(const void *caller, const char *path, char *const argv[], char *const envp[]) {
  const int error = errno;
  const struct code_object *object = object_of(caller);
  const bool is_javascript = stray_guard_is_open() || (object != NULL && object->is_host);
  const enum native_policy policy = object_policy(object);
  if (is_javascript || policy == NATIVE_LEAVE) return;
  if (native_call_is_armed_process()) {
    /* JavaScript judges process.execve(). This is the call of an addon, and nothing is designated. */
    if (policy == NATIVE_GUARD) (void)stray_guard_replace((struct file_list){NULL, 0});
  } else {
    if (native_call_was_marked()) {
      const int fd = native_call_variable(object, envp, false);
      if (fd >= 0) stray_guard_unmark_child(fd);
    }
    note_program(object, path, argv);
  }
  errno = error;
}

int execve_wrapper(const char *path, char *const argv[], char *const envp[]) {
  prepare(CALLER, path, argv, envp);
  return real_forks.execve(path, argv, envp);
}

int execv_wrapper(const char *path, char *const argv[]) {
  prepare(CALLER, path, argv, environ);
  return real_forks.execv(path, argv);
}

int execvp_wrapper(const char *file, char *const argv[]) {
  prepare(CALLER, file, argv, environ);
  return real_forks.execvp(file, argv);
}

int execvpe_wrapper(const char *file, char *const argv[], char *const envp[]) {
  prepare(CALLER, file, argv, envp);
  return real_forks.execvpe(file, argv, envp);
}

int fexecve_wrapper(int fd, char *const argv[], char *const envp[]) {
  prepare(CALLER, "(an open file)", argv, envp);
  return real_forks.fexecve(fd, argv, envp);
}

int execveat_wrapper(int folder, const char *path, char *const argv[], char *const envp[], int flags) {
  prepare(CALLER, path, argv, envp);
  return real_forks.execveat(folder, path, argv, envp, flags);
}

/* Copies variadic arguments to the stack, as the C library does: malloc is not async-signal-safe. */
static size_t count_arguments(va_list list) {
  size_t count = 1;
  while (va_arg(list, char *) != NULL) count++;
  return count;
}

static void copy_arguments(char **argv, const char *first, va_list list) {
  argv[0] = (char *)first;
  for (size_t i = 1; (argv[i] = va_arg(list, char *)) != NULL; i++) continue;
}

#define COUNT(first, count)                                    \
  size_t count = 0;                                            \
  if (first != NULL) {                                         \
    va_list counted;                                           \
    va_start(counted, first);                                  \
    count = count_arguments(counted);                          \
    va_end(counted);                                           \
  }                                                            \
  char *argv[count + 1];                                       \
  argv[0] = NULL

int execl_wrapper(const char *path, const char *argument, ...) {
  COUNT(argument, count);
  va_list list;
  va_start(list, argument);
  if (count > 0) copy_arguments(argv, argument, list);
  va_end(list);
  prepare(CALLER, path, argv, environ);
  return real_forks.execv(path, argv);
}

int execlp_wrapper(const char *file, const char *argument, ...) {
  COUNT(argument, count);
  va_list list;
  va_start(list, argument);
  if (count > 0) copy_arguments(argv, argument, list);
  va_end(list);
  prepare(CALLER, file, argv, environ);
  return real_forks.execvp(file, argv);
}

int execle_wrapper(const char *path, const char *argument, ...) {
  COUNT(argument, count);
  va_list list;
  va_start(list, argument);
  if (count > 0) copy_arguments(argv, argument, list);
  char **envp = va_arg(list, char **);
  va_end(list);
  prepare(CALLER, path, argv, envp);
  return real_forks.execve(path, argv, envp);
}

#endif
