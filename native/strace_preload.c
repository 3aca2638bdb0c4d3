/*
 * Loaded into strace by `closefds audit` (LD_PRELOAD), and into nothing else.
 *
 * strace -D becomes the program; a copy of it, made by fork(), does the tracing. That copy has
 * every FD that the program was given, and would hold them for as long as the program lives: a
 * pipe would not end when the program closes it, a lock not be released. Here the copy lets go of
 * them. What strace opens itself is opened later, and stays.
 *
 * The program must not notice: LD_PRELOAD is put back to what it was before strace starts.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was open when strace started. */
static int *given;
static size_t count;

/* In the copy, and not again in the copies it makes of itself: by then these numbers may be strace's own. */
static void strace_preload(void) {
  for (size_t i = 0; i < count; i++) (void)close(given[i]);
  count = 0;

  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return;
  for (int fd = 0; fd <= 2; fd++) (void)dup2(nothing, fd);
  (void)close(nothing);
}

/* 0 for "." and "..". Not atoi() or strtol(): new C libraries give these names that old ones lack. */
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
