/*
 * `closefds audit` loads this library into strace (LD_PRELOAD), and into no other program.
 *
 * strace -D executes the traced program, and a forked copy of strace traces it. That copy inherits
 * every FD of the program and would keep them open while the program runs: a pipe would not end when
 * the program closes it, and a lock would not be released. So this library closes them in the copy.
 * FDs that strace opens itself are opened later and stay open.
 *
 * The program must not see this library: LD_PRELOAD gets its old value back before strace starts.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The FDs that were open when strace started. */
static int *given;
static size_t count;

/* Closes the FDs in the tracing copy, once: later copies may have FDs of strace under these numbers. */
static void strace_preload(void) {
  for (size_t i = 0; i < count; i++) (void)close(given[i]);
  count = 0;

  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return;
  for (int fd = 0; fd <= 2; fd++) (void)dup2(nothing, fd);
  (void)close(nothing);
}

/* Returns 0 for "." and "..". atoi() and strtol() would need symbols that old C libraries lack. */
static int number_of(const char *name) {
  int number = 0;
  for (; *name >= '0' && *name <= '9'; name++) number = number * 10 + (*name - '0');
  return number;
}

static void find_given(void) {
  DIR *folder = opendir("/proc/self/fd");
  if (folder == NULL) return;
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    int fd = number_of(entry->d_name);
    if (fd <= 2 || fd == dirfd(folder)) continue;
    int *more = realloc(given, (count + 1) * sizeof *given);
    if (more == NULL) break;
    given = more;
    given[count++] = fd;
  }
  (void)closedir(folder);
}

static void restore_environment(void) {
  const char *before = getenv("CLOSEFDS_LD_PRELOAD");
  if (before == NULL) {
    (void)unsetenv("LD_PRELOAD");
    return;
  }
  (void)setenv("LD_PRELOAD", before, 1);
  (void)unsetenv("CLOSEFDS_LD_PRELOAD");
}

__attribute__((constructor)) static void prepare(void) {
  restore_environment();
  find_given();
  (void)pthread_atfork(NULL, NULL, strace_preload);
}
