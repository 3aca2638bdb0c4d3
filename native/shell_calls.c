/*
 * system(), popen() and pclose(), made again on top of posix_spawn(): the C library's own ones start the
 * shell without a slot that could be replaced. The contract is that of POSIX and of glibc 2.34 and newer.
 */
#define _GNU_SOURCE
#include "spawn_calls.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd_table.h"

#define SHELL "/bin/sh"
#define NO_SHELL (127 << 8) /* the wait status of exit code 127 */
#define MOST_KEPT_BY_SHELL (256 + MOST_KEPT + 1)

extern char **environ;

static bool close_all_but(const struct fd_numbers *kept, posix_spawn_file_actions_t *actions) {
  int fd = FIRST_FD;
  for (size_t i = 0; i < kept->count; fd = kept->fds[i] + 1, i++)
    for (; fd < kept->fds[i]; fd++)
      if (posix_spawn_file_actions_addclose(actions, fd) != 0) return false;
  return real_spawn.add_closefrom(actions, fd) == 0;
}

/* Adds what keeps the policy. Where the shell cannot be made to close, this process marks. */
static void guard_actions(const struct native_call *call, posix_spawn_file_actions_t *actions) {
  int fds[MOST_KEPT_BY_SHELL];
  struct fd_numbers kept = {fds, 0, MOST_KEPT_BY_SHELL};
  if (call->policy != NATIVE_GUARD) return;
  if (!native_call_kept(call, environ, &kept) || !close_all_but(&kept, actions))
    native_call_mark_here();
}

/* Returns 0 or an errno code. */
static int start_shell(const struct native_call *call, const char *text, posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, pid_t *pid) {
  char *const plain[] = {"sh", "-c", (char *)text, NULL};
  char *const ended[] = {"sh", "-c", "--", (char *)text, NULL};
  guard_actions(call, actions);
  native_call_command(call->record, SHELL, plain);
  return real_spawn.posix_spawn(pid, SHELL, actions, attributes, real_spawn.ends_options ? ended : plain, environ);
}

/* ------------------------------------------------------------------------------------------
 * system()
 * ---------------------------------------------------------------------------------------- */

/* Calls of several threads share the two signals: the first ignores them, the last restores them. */
static pthread_mutex_t signals_lock = PTHREAD_MUTEX_INITIALIZER;
static int signals_users;
static struct sigaction old_interrupt, old_quit;

static void ignore_signals(void) {
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  (void)sigemptyset(&ignore.sa_mask);
  pthread_mutex_lock(&signals_lock);
  if (signals_users++ == 0) {
    (void)sigaction(SIGINT, &ignore, &old_interrupt); /* these signals can be ignored; cannot fail */
    (void)sigaction(SIGQUIT, &ignore, &old_quit);
  }
  pthread_mutex_unlock(&signals_lock);
}

/* sigprocmask() is that of the thread on Linux. pthread_sigmask() has a new symbol version in glibc 2.32. */
static void restore_signals(const sigset_t *mask) {
  pthread_mutex_lock(&signals_lock);
  if (--signals_users == 0) {
    (void)sigaction(SIGINT, &old_interrupt, NULL);
    (void)sigaction(SIGQUIT, &old_quit, NULL);
  }
  pthread_mutex_unlock(&signals_lock);
  (void)sigprocmask(SIG_SETMASK, mask, NULL); /* NOLINT(concurrency-mt-unsafe) */
}

/*
 * pthread_cancel() while system() waits: the shell is killed and reaped when the thread ends. By the destructor
 * of a thread's value and not by pthread_cleanup_push(), which needs symbols of glibc 2.34 that would keep the
 * addon from loading with an older one; for the same reason its functions are looked up.
 */
struct waiting {
  pid_t pid; /* 0: this thread does not wait */
  sigset_t mask;
};
static _Thread_local struct waiting waiting;

static struct {
  bool exists;
  pthread_key_t key;
  int (*set)(pthread_key_t, const void *);
} at_thread_end;

static int wait_for_pid(pid_t pid) {
  int status = -1;
  pid_t ended;
  do ended = waitpid(pid, &status, 0);
  while (ended < 0 && errno == EINTR);
  return ended == pid ? status : -1;
}

static void kill_shell(void *data) {
  const struct waiting *left = data;
  (void)kill(left->pid, SIGKILL);
  (void)wait_for_pid(left->pid);
  restore_signals(&left->mask);
}

void shell_calls_init(const struct elf_object *libc) {
  int (*create)(pthread_key_t *, void (*)(void *)) = NULL;
  void *functions[] = {elf_function(libc, "pthread_key_create", NULL), elf_function(libc, "pthread_setspecific", NULL)};
  if (functions[0] == NULL || functions[1] == NULL) return;
  memcpy(&create, &functions[0], sizeof create); /* ISO C has no conversion to the address of a function */
  memcpy(&at_thread_end.set, &functions[1], sizeof at_thread_end.set);
  at_thread_end.exists = create(&at_thread_end.key, kill_shell) == 0;
}

/* A call of a signal handler within another call is not cancelled before its shell ends. */
static int wait_for_shell(pid_t pid, const sigset_t *mask) {
  int before;
  if (waiting.pid == 0 && at_thread_end.exists && at_thread_end.set(at_thread_end.key, &waiting) == 0) {
    waiting.mask = *mask;
    waiting.pid = pid;
    const int status = wait_for_pid(pid);
    waiting.pid = 0;
    (void)at_thread_end.set(at_thread_end.key, NULL);
    return status;
  }
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  const int status = wait_for_pid(pid);
  (void)pthread_setcancelstate(before, NULL);
  return status;
}

static void set_attributes(posix_spawnattr_t *attributes, const sigset_t *mask) {
  sigset_t defaults;
  (void)sigemptyset(&defaults);
  if (old_interrupt.sa_handler != SIG_IGN) (void)sigaddset(&defaults, SIGINT);
  if (old_quit.sa_handler != SIG_IGN) (void)sigaddset(&defaults, SIGQUIT);
  (void)posix_spawnattr_init(attributes); /* glibc's cannot fail */
  (void)posix_spawnattr_setsigmask(attributes, mask);
  (void)posix_spawnattr_setsigdefault(attributes, &defaults);
  (void)posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

static int run_shell(struct native_call *call, const char *text) {
  pid_t pid = 0;
  sigset_t mask;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  sigset_t child_signal;
  (void)sigemptyset(&child_signal);
  (void)sigaddset(&child_signal, SIGCHLD);

  ignore_signals();
  (void)sigprocmask(SIG_BLOCK, &child_signal, &mask); /* NOLINT(concurrency-mt-unsafe) */
  set_attributes(&attributes, &mask);
  (void)posix_spawn_file_actions_init(&actions); /* glibc's cannot fail */
  const int error = start_shell(call, text, &actions, &attributes, &pid);
  (void)posix_spawn_file_actions_destroy(&actions);
  (void)posix_spawnattr_destroy(&attributes);
  native_call_end(call, error == 0 ? pid : 0);

  const int status = error == 0 ? wait_for_shell(pid, &mask) : NO_SHELL;
  restore_signals(&mask);
  if (error != 0) errno = error;
  return status;
}

int system_wrapper(const char *text) {
  /* Without a text, system() tells whether there is a shell, by running it. */
  const char *command = text == NULL ? "exit 0" : text;
  struct native_call call = native_call_begin(RECORD_SYSTEM, __builtin_return_address(0), NULL);
  int status;
  if (call.policy == NATIVE_GUARD && real_spawn.can_close) {
    status = run_shell(&call, command);
  } else {
    if (call.policy == NATIVE_GUARD) native_call_mark_here();
    char *const argv[] = {"sh", "-c", (char *)command, NULL};
    native_call_command(call.record, SHELL, argv);
    native_call_end(&call, -1);
    status = real_spawn.system(command);
  }
  return text == NULL ? status == 0 : status;
}

/* ------------------------------------------------------------------------------------------
 * popen() and pclose()
 * ---------------------------------------------------------------------------------------- */

#define MOST_STREAMS 512

/* The streams of popen_wrapper(). A free entry has no stream; one that is being made or closed has BUSY. */
static struct {
  FILE *_Atomic stream;
  pid_t pid;
} streams[MOST_STREAMS];

static char busy_marker;
#define BUSY ((FILE *)(void *)&busy_marker)

/* Takes a free entry. Returns -1 if all are taken. */
static int take_entry(void) {
  for (int i = 0; i < MOST_STREAMS; i++) {
    FILE *free_entry = NULL;
    if (atomic_compare_exchange_strong(&streams[i].stream, &free_entry, BUSY)) return i;
  }
  return -1;
}

/* The pid of a stream, whose entry is free afterwards; 0 if it is not one of popen_wrapper(). */
static pid_t take_pid(FILE *stream) {
  for (int i = 0; i < MOST_STREAMS; i++) {
    FILE *wanted = stream;
    if (!atomic_compare_exchange_strong(&streams[i].stream, &wanted, BUSY)) continue;
    const pid_t pid = streams[i].pid;
    atomic_store(&streams[i].stream, NULL);
    return pid;
  }
  return 0;
}

struct popen_mode {
  bool is_valid, reads, is_cloexec;
};

/* "r" or "w", with any number of "e". */
static struct popen_mode parse_mode(const char *mode) {
  bool reads = false, writes = false, is_cloexec = false;
  for (; *mode != '\0'; mode++) {
    if (*mode == 'r') reads = true;
    else if (*mode == 'w') writes = true;
    else if (*mode == 'e') is_cloexec = true;
    else return (struct popen_mode){false, false, false};
  }
  return (struct popen_mode){reads != writes, reads, is_cloexec};
}

/* Returns 0 or an errno code. Closes the child's end. */
static int start_piped(struct native_call *call, const char *text, const int ends[2], bool reads, pid_t *pid) {
  const int child_end = ends[reads ? 1 : 0], child_fd = reads ? STDOUT_FILENO : STDIN_FILENO;
  posix_spawn_file_actions_t actions;
  (void)posix_spawn_file_actions_init(&actions); /* glibc's cannot fail */
  /* Equal numbers: glibc clears close-on-exec in the child. */
  int error = posix_spawn_file_actions_adddup2(&actions, child_end, child_fd);
  if (error == 0) error = start_shell(call, text, &actions, NULL, pid);
  (void)posix_spawn_file_actions_destroy(&actions);
  (void)close(child_end);
  native_call_end(call, error == 0 ? *pid : 0);
  return error;
}

static FILE *open_piped(struct native_call *call, const char *text, struct popen_mode mode, pid_t *pid) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return NULL;
  const int own_end = ends[mode.reads ? 0 : 1];
  FILE *stream = fdopen(own_end, mode.reads ? "r" : "w");
  if (stream == NULL) {
    (void)close(ends[0]);
    (void)close(ends[1]);
    return NULL;
  }
  const int error = start_piped(call, text, ends, mode.reads, pid);
  if (error != 0) {
    (void)fclose(stream);
    errno = error;
    return NULL;
  }
  if (!mode.is_cloexec) (void)fcntl(own_end, F_SETFD, 0);
  return stream;
}

/* pclose() of an object without a wrapper would not wait for the process of another popen(). */
static bool must_use_real(void) { return !real_spawn.can_close || atomic_load(real_spawn.missed_pcloses) > 0; }

FILE *popen_wrapper(const char *text, const char *mode) {
  struct native_call call = native_call_begin(RECORD_POPEN, __builtin_return_address(0), NULL);
  const struct popen_mode parsed = parse_mode(mode);
  const bool is_guarded = call.policy == NATIVE_GUARD && parsed.is_valid;
  const int entry = is_guarded && !must_use_real() ? take_entry() : -1;
  if (entry < 0) {
    char *const argv[] = {"sh", "-c", (char *)text, NULL};
    native_call_command(call.record, SHELL, argv);
    if (is_guarded) native_call_mark_here();
    FILE *stream = real_spawn.popen(text, mode);
    native_call_end(&call, stream == NULL ? 0 : -1);
    return stream;
  }
  pid_t pid = 0;
  FILE *stream = open_piped(&call, text, parsed, &pid);
  if (stream == NULL) native_call_end(&call, 0);
  streams[entry].pid = pid;
  atomic_store(&streams[entry].stream, stream);
  return stream;
}

int pclose_wrapper(FILE *stream) {
  const pid_t pid = take_pid(stream);
  if (pid == 0) return real_spawn.pclose(stream);
  const int flushed = fflush(stream);
  (void)fclose(stream); /* what can fail was flushed */

  int before;
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  const int status = wait_for_pid(pid);
  (void)pthread_setcancelstate(before, NULL);
  if (status == -1) return -1;
  return status != 0 ? status : flushed;
}

#endif
