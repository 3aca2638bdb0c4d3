#define _GNU_SOURCE
#include "safe_calls.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static const enum safe_call CALLS[] = {SAFE_CLOSE_RANGE, SAFE_PSELECT6, SAFE_FSTATFS, SAFE_GETDENTS64, SAFE_FSTAT};
#define CALL_COUNT (sizeof CALLS / sizeof *CALLS)
#define ALL_CALLS (~0U)

/* A set of enum safe_call. */
static atomic_uint safe_calls;
/* Whether `safe_calls` is final. */
static atomic_bool is_known;

bool is_safe_call(enum safe_call call) { return (atomic_load(&safe_calls) & call) != 0; }

/* ------------------------------------------------------------------------------------------
 * /proc/self/status. The async-signal-safety rule of stray_guard.c applies.
 * ---------------------------------------------------------------------------------------- */

/* The fields of proc_pid_status(5) that are read; -1 if the kernel does not have one. */
struct status {
  long pid;     /* the last number of NSpid (Linux 4.1), otherwise Pid: as getpid() in this process */
  long fd_size; /* the size of the FD table */
  long seccomp; /* 0: no filter (Linux 3.8) */
};

/* Returns the last number of the line, or -1. */
static long last_number(const char *text) {
  long number = -1;
  bool in_number = false;
  for (; *text; text++) {
    bool is_digit = *text >= '0' && *text <= '9';
    if (is_digit && !in_number) number = 0;
    if (is_digit && number <= (LONG_MAX - 9) / 10) number = number * 10 + (*text - '0');
    in_number = is_digit;
  }
  return number;
}

static void read_line(const char *line, struct status *status) {
  if (strncmp(line, "Pid:", 4) == 0 || strncmp(line, "NSpid:", 6) == 0) status->pid = last_number(line);
  if (strncmp(line, "FDSize:", 7) == 0) status->fd_size = last_number(line);
  if (strncmp(line, "Seccomp:", 8) == 0) status->seccomp = last_number(line);
}

/* Reads line by line, because the line `Groups` can be of any length. */
static void read_lines(int fd, struct status *status) {
  char buffer[2048], line[256];
  size_t length = 0;
  ssize_t size;
  while ((size = read(fd, buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < size; i++) {
      if (buffer[i] == '\n') {
        line[length] = '\0';
        read_line(line, status);
        length = 0;
      } else if (length < sizeof line - 1) {
        line[length++] = buffer[i];
      }
    }
  }
}

/* Returns false if the file is missing or is not this process's: another file can be mounted there. */
static bool read_status(struct status *status) {
  *status = (struct status){-1, -1, -1};
  int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return false;
  read_lines(fd, status);
  (void)close(fd); /* opened above; an error has no remedy */
  return status->pid == syscall(SYS_getpid);
}

int fd_table_size(void) {
  struct status status;
  if (!read_status(&status) || status.fd_size <= 0 || status.fd_size > INT_MAX) return -1;
  return (int)status.fd_size;
}

/* ------------------------------------------------------------------------------------------
 * The probe
 * ---------------------------------------------------------------------------------------- */

/* Makes a call that has no effect. */
static void make_call(enum safe_call call) {
  static const long long no_time[2] = {0, 0};
  switch (call) {
    case SAFE_CLOSE_RANGE:
      (void)syscall(SYS_close_range, UINT_MAX, UINT_MAX, 0); /* no FD has this number */
      break;
    case SAFE_PSELECT6:
      (void)syscall(SYS_pselect6, 0, NULL, NULL, NULL, no_time, NULL);
      break;
    case SAFE_FSTATFS:
      (void)syscall(SYS_fstatfs, -1, NULL);
      break;
    case SAFE_GETDENTS64:
      (void)syscall(SYS_getdents64, -1, NULL, 0);
      break;
    case SAFE_FSTAT:
#ifdef SYS_fstat
      (void)syscall(SYS_fstat, -1, NULL);
#endif
      break;
  }
}

/*
 * Makes `calls` in a child process. Sets `survived`: the child was not killed. Returns false if that
 * could not be determined.
 *
 * The child has its own memory: with shared memory, a core dump ends the parent too on Linux before
 * 5.16. It is created by the system call, so that no atfork handler runs, and without a signal at its
 * end, so that neither a SIGCHLD handler nor a wait() of the program sees it.
 */
static bool try_calls(const enum safe_call *calls, size_t count, bool *survived) {
  sigset_t all, before;
  (void)sigfillset(&all);
  /* A signal handler of the program must not run in the child: it could write to files of the parent. */
  /* On Linux, of this thread. pthread_sigmask() has a new symbol version in glibc 2.32. */
  if (sigprocmask(SIG_BLOCK, &all, &before) != 0) return false; /* NOLINT(concurrency-mt-unsafe) */
  pid_t child = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
  if (child == 0) {
    (void)prctl(PR_SET_DUMPABLE, 0); /* no core dump */
    for (size_t i = 0; i < count; i++) make_call(calls[i]);
    (void)syscall(SYS_exit_group, 0);
  }
  int status = 0;
  pid_t ended = -1;
  if (child > 0) {
    do ended = waitpid(child, &status, __WALL);
    while (ended < 0 && errno == EINTR);
  }
  /* The arguments are valid. */
  (void)sigprocmask(SIG_SETMASK, &before, NULL); /* NOLINT(concurrency-mt-unsafe) */
  *survived = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return child > 0 && ended == child;
}

/* One child for all calls, and one for each call if that one is killed. */
static void probe(void) {
  unsigned safe = 0;
  bool survived;
  if (!try_calls(CALLS, CALL_COUNT, &survived)) return;
  if (survived) safe = ALL_CALLS;
  for (size_t i = 0; i < CALL_COUNT && !survived; i++) {
    bool is_safe;
    if (!try_calls(&CALLS[i], 1, &is_safe)) return;
    if (is_safe) safe |= CALLS[i];
  }
  atomic_store(&safe_calls, safe);
  atomic_store(&is_known, true);
}

void safe_calls_probe(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  if (atomic_load(&is_known)) return;
  pthread_mutex_lock(&lock);
  if (!atomic_load(&is_known)) probe();
  pthread_mutex_unlock(&lock);
}

void safe_calls_init(void) {
  struct status status;
  if (!read_status(&status)) {
    safe_calls_probe();
    return;
  }
  /* Linux before 3.8, or without seccomp, has no such line. */
  bool has_filter = status.seccomp > 0;
  atomic_store(&safe_calls, has_filter ? 0 : ALL_CALLS);
  atomic_store(&is_known, !has_filter);
}

#endif
