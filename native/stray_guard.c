#define _GNU_SOURCE
#include "stray_guard.h"

#include "fd_table.h"
#include "safe_calls.h"
#include "stray_list.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Older C libraries do not define it. On MIPS and Alpha the number differs: the kernel answers ENOSYS,
 * and the next step of the fallback chain runs. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
/* Linux 5.11 */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* ------------------------------------------------------------------------------------------
 * State
 * ---------------------------------------------------------------------------------------- */

/* A file that a spawn keeps. If it was marked before, the end of the spawn marks it again. */
struct kept_file {
  struct open_file file;
  bool was_marked;
};

struct kept_list {
  struct kept_file *files; /* sorted by fd */
  size_t count;
};

/* A guarded spawn that has not ended. A spawn that began inside another one is on top of it. */
struct guarded_spawn {
  struct guarded_spawn *outer;
  struct kept_list keep;
  struct open_file *restore; /* sources that were inheritable before the spawn marked them */
  size_t restore_count;
  bool only_denies; /* marks `deny` in the child, and nothing else */
  struct kept_list deny;
  bool forked; /* before_fork() ran after the spawn began */
};

/*
 * The guarded spawns of a thread. before_fork() reads this variable, so that the child does not
 * allocate it: glibc allocates thread-local storage at the first access, one block for each library.
 * If another thread loads a library between before_fork() and the fork, glibc may resize its table of
 * blocks in the child. That is safe: glibc's fork() makes malloc usable before the handlers run. The
 * TLS model that needs no allocation, initial-exec, does not load on musl.
 */
static _Thread_local struct {
  struct guarded_spawn *top;
  /* The number of spawns on top of `top` that got no memory. They keep nothing. */
  unsigned without_memory;
  bool leaves_children; /* see stray_guard_leave_children() */
} here;

static bool is_spawn_open(void) { return here.top != NULL || here.without_memory > 0; }

/* The innermost spawn. NULL if there is none, or if it got no memory and keeps nothing. */
static struct guarded_spawn *innermost(void) { return here.without_memory > 0 ? NULL : here.top; }

/* The number of guarded spawns of all threads. While it is 0, the child does not read `here`. */
static atomic_int open_spawns;

static atomic_bool guard_by_default;
static atomic_int leaving_threads; /* while it is 0, the child does not read `here` */
static atomic_bool saw_fork;
static atomic_bool saw_other;

/* ------------------------------------------------------------------------------------------
 * Marking. Runs in the parent, and in the child between fork and exec. There the async-signal-safety
 * rule applies:
 *
 *   Only system calls. No malloc, no stdio, no locks: another thread of the parent may have held a
 *   lock at the fork. Do not write memory that is shared with the parent.
 *
 * Why the guard marks and does not close: docs/dev/decisions/mark-not-close.md.
 * ---------------------------------------------------------------------------------------- */

static const struct kept_list KEEP_NOTHING = {NULL, 0};

/* Returns 0 for an FD that is not open, or that another thread closes between the two calls. */
static int mark_one(int fd) {
  int flags = fcntl(fd, F_GETFD);
  if (flags >= 0 && (flags & FD_CLOEXEC)) return 0;
  if (flags >= 0 && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == 0) return 0;
  return errno == EBADF ? 0 : -errno;
}

static void unmark_one(int fd) {
  int flags = fcntl(fd, F_GETFD);
  /* An error means that the FD was closed meanwhile, so it cannot be kept. */
  if (flags >= 0 && (flags & FD_CLOEXEC)) (void)fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
}

static bool contains(const struct kept_list *list, int fd) {
  size_t low = 0, high = list->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int found = list->files[middle].file.fd;
    if (found == fd) return true;
    if (found < fd)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

static int mark_unless_kept(int fd, const void *keep) {
  return contains(keep, fd) ? 0 : mark_one(fd);
}

/* One system call for each gap between the kept FDs. */
static int mark_by_close_range(struct kept_list keep) {
  unsigned first = FIRST_FD;
  for (size_t i = 0; i < keep.count; i++) {
    if (keep.files[i].file.fd < FIRST_FD) continue;
    unsigned kept = (unsigned)keep.files[i].file.fd;
    if (kept > first && syscall(SYS_close_range, first, kept - 1, CLOSE_RANGE_CLOEXEC) != 0)
      return -errno;
    first = kept + 1;
  }
  return syscall(SYS_close_range, first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0 ? 0 : -errno;
}

/*
 * The fallback chain. Every step has the same contract, and any error leads to the next step: seccomp
 * filters answer EPERM, kernels before 5.9 ENOSYS, and kernels before 5.11 EINVAL. A step is left out if
 * a filter may kill the process for its calls, see safe_calls.h. The table comes before /proc, because
 * reading 10,000 entries of /proc costs ten times as much as a call for each of 16,384 numbers. For a
 * table of a million numbers with few open FDs, /proc is faster.
 */
static int mark_all(struct kept_list keep) {
  if (is_safe_call(SAFE_CLOSE_RANGE) && mark_by_close_range(keep) == 0) return STRAY_GUARD_CLOSE_RANGE;

  int bound = fd_table_bound();
  if (bound <= LARGE_TABLE && visit_fd_table(bound, mark_unless_kept, &keep) == 0)
    return STRAY_GUARD_TABLE;
  if (visit_proc_fds(mark_unless_kept, &keep) == 0) return STRAY_GUARD_PROC;
  int error = visit_fd_table(bound, mark_unless_kept, &keep);
  return error == 0 ? STRAY_GUARD_TABLE : error;
}

/* Marks the numbers that still refer to the listed files. An error means that the FD was closed. */
static void mark_files(struct kept_list files) {
  for (size_t i = 0; i < files.count; i++)
    if (is_unchanged(&files.files[i].file)) (void)mark_one(files.files[i].file.fd);
}

/* ------------------------------------------------------------------------------------------
 * atfork handlers
 * ---------------------------------------------------------------------------------------- */

/* Runs in the parent, on the thread that forks, right before the fork. */
static void before_fork(void) {
  struct guarded_spawn *spawn = innermost();
  if (spawn != NULL) spawn->forked = true;
}

/*
 * Runs in the child, before fork() returns there. The child has one thread. The async-signal-safety
 * rule applies. The first access to a page is a page fault, and access to a thread-local variable runs
 * code of the C library. So the child reads `here` only if a guarded spawn is open.
 */
static void in_child(void) {
  if (stray_guard_guards_children()) stray_guard_mark_child();
}

bool stray_guard_is_open(void) { return atomic_load(&open_spawns) > 0 && is_spawn_open(); }

bool stray_guard_guards_children(void) {
  if (stray_guard_is_open()) return true;
  return atomic_load(&guard_by_default) && !(atomic_load(&leaving_threads) > 0 && here.leaves_children);
}

bool stray_guard_leave_children(bool leave) {
  const bool before = here.leaves_children;
  here.leaves_children = leave;
  if (leave != before) atomic_fetch_add(&leaving_threads, leave ? 1 : -1);
  return before;
}

size_t stray_guard_kept(int *fds, size_t room) {
  const struct guarded_spawn *spawn = stray_guard_is_open() ? innermost() : NULL;
  if (spawn == NULL) return 0;
  for (size_t i = 0; i < spawn->keep.count && i < room; i++) fds[i] = spawn->keep.files[i].file.fd;
  return spawn->keep.count;
}

void stray_guard_mark_child(void) {
  const struct guarded_spawn *spawn = stray_guard_is_open() ? innermost() : NULL;
  if (spawn != NULL && spawn->only_denies) {
    mark_files(spawn->deny);
    return;
  }
  /* The child cannot report an error. The parent has marked what it could. */
  (void)mark_all(KEEP_NOTHING);
  if (spawn == NULL) return;
  /* The child has its own FD table: no file can change between the comparison and the flag. */
  for (size_t i = 0; i < spawn->keep.count; i++) {
    const struct open_file *kept = &spawn->keep.files[i].file;
    if (is_unchanged(kept)) unmark_one(kept->fd);
  }
}

void stray_guard_unmark_child(int fd) { unmark_one(fd); }

/*
 * The handlers stay registered until the process ends. Node unloads an addon with the last worker that
 * uses it, so this library is linked with -z nodelete: fork() must not call unmapped code.
 *
 * A mutex, because pthread_once() has a new symbol version in glibc 2.34, and the addon would not load
 * on older versions.
 */
int stray_guard_arm(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static bool armed;
  int error = 0;
  pthread_mutex_lock(&lock);
  if (!armed) {
    safe_calls_init();
    error = pthread_atfork(before_fork, NULL, in_child);
    armed = error == 0;
    if (armed) stray_list_note_start();
  }
  pthread_mutex_unlock(&lock);
  return error;
}

bool stray_guard_by_default(bool on) { return atomic_exchange(&guard_by_default, on); }

enum stray_guard_spawning stray_guard_spawning(void) {
  if (atomic_load(&saw_other)) return STRAY_GUARD_OTHER;
  return atomic_load(&saw_fork) ? STRAY_GUARD_FORK : STRAY_GUARD_UNKNOWN;
}

/* ------------------------------------------------------------------------------------------
 * A guarded spawn, in the parent
 * ---------------------------------------------------------------------------------------- */

static struct kept_list copy_list(struct file_list list) {
  if (list.count == 0) return KEEP_NOTHING;
  struct kept_file *files = calloc(list.count, sizeof *files);
  if (files == NULL) return KEEP_NOTHING; /* fails closed */
  for (size_t i = 0; i < list.count; i++) files[i].file = list.files[i];
  return (struct kept_list){files, list.count};
}

/*
 * Marks a kept number that refers to another file than the allowed one. Another thread may open a
 * file under that number right afterwards: only a child that runs the handler is safe from that.
 */
static void mark_changed(struct kept_list keep) {
  for (size_t i = 0; i < keep.count; i++) {
    const struct open_file *kept = &keep.files[i].file;
    if (!is_unchanged(kept)) (void)mark_one(kept->fd);
  }
}

/* Unmarks the files of `keep` that are marked, and sets their `was_marked`. */
static void unmark(struct kept_list keep) {
  for (size_t i = 0; i < keep.count; i++) {
    struct kept_file *kept = &keep.files[i];
    if (!is_marked(kept->file.fd) || !is_unchanged(&kept->file)) continue;
    unmark_one(kept->file.fd);
    kept->was_marked = true;
  }
}

/* Records the inheritable FDs of `sources` and their identities, for restore(). */
static void note_for_restore(struct guarded_spawn *spawn, struct fd_list sources) {
  if (sources.count == 0) return;
  spawn->restore = calloc(sources.count, sizeof *spawn->restore);
  if (spawn->restore == NULL) return; /* they stay marked: fails closed */
  for (size_t i = 0; i < sources.count; i++) {
    struct open_file file = {.fd = sources.fds[i]};
    if (is_inheritable(file.fd) && identify(file.fd, &file.identity))
      spawn->restore[spawn->restore_count++] = file;
  }
}

/*
 * Unmarks the sources again. A synchronous spawn lasts as long as its child. Meanwhile another thread
 * may have closed a source and opened another file under its number: that file stays marked.
 */
static void restore(const struct guarded_spawn *spawn) {
  for (size_t i = 0; i < spawn->restore_count; i++) {
    const struct open_file *source = &spawn->restore[i];
    if (is_unchanged(source)) unmark_one(source->fd);
  }
}

/*
 * Unmarks `keep` in the parent, unless every spawn so far was a fork. Without a fork, no handler runs
 * in the child, and the parent's flags decide what the child gets. Other threads share these flags: a
 * spawn that begins on another thread now marks `keep`, so that this child does not get it; a spawn
 * that has already marked may pass it on. A lock against that would have to be held until the child of
 * a synchronous spawn ends.
 */
static void unmark_unless_fork(struct guarded_spawn *spawn) {
  if (!spawn->only_denies && stray_guard_spawning() != STRAY_GUARD_FORK) unmark(spawn->keep);
}

int stray_guard_mark(bool before_spawn) {
  if (before_spawn) safe_calls_probe();
  return mark_all(KEEP_NOTHING);
}

/* Returns NULL without memory: the spawn has begun, and keeps nothing. */
static struct guarded_spawn *push_spawn(void) {
  safe_calls_probe();
  atomic_fetch_add(&open_spawns, 1);
  struct guarded_spawn *spawn = here.without_memory > 0 ? NULL : calloc(1, sizeof *spawn);
  if (spawn == NULL) {
    here.without_memory++;
    return NULL;
  }
  spawn->outer = here.top;
  here.top = spawn;
  return spawn;
}

int stray_guard_begin(struct file_list keep, struct fd_list sources) {
  struct guarded_spawn *spawn = push_spawn();
  if (spawn == NULL) return mark_all(KEEP_NOTHING);
  spawn->keep = copy_list(keep);
  note_for_restore(spawn, sources);
  int way = mark_all(spawn->keep);
  mark_changed(spawn->keep);
  unmark_unless_fork(spawn);
  return way;
}

int stray_guard_begin_denial(struct file_list deny) {
  struct guarded_spawn *spawn = push_spawn();
  if (spawn == NULL) return -ENOMEM;
  spawn->only_denies = true;
  spawn->deny = copy_list(deny);
  return spawn->deny.count == deny.count ? STRAY_GUARD_NOTHING : -ENOMEM;
}

bool stray_guard_end(bool started) {
  bool forked = false;
  if (!is_spawn_open()) return false;
  atomic_fetch_sub(&open_spawns, 1);
  if (here.without_memory > 0) {
    here.without_memory--;
  } else {
    struct guarded_spawn *spawn = here.top;
    forked = spawn->forked;
    if (started) atomic_store(forked ? &saw_fork : &saw_other, true);

    for (size_t i = 0; i < spawn->keep.count; i++)
      if (spawn->keep.files[i].was_marked) (void)mark_one(spawn->keep.files[i].file.fd);
    restore(spawn);
    here.top = spawn->outer;
    free(spawn->keep.files);
    free(spawn->deny.files);
    free(spawn->restore);
    free(spawn);
  }
  /* The inner spawn marked the files that the outer one keeps. The outer one may still create its process. */
  struct guarded_spawn *outer = innermost();
  if (outer != NULL) unmark_unless_fork(outer);
  return forked;
}

void stray_guard_end_thread(void) {
  while (is_spawn_open()) (void)stray_guard_end(false);
}

int stray_guard_replace(struct file_list list) {
  struct kept_list keep = copy_list(list);
  int way = mark_all(keep);
  mark_changed(keep);
  unmark(keep);
  free(keep.files);
  return way;
}

void stray_guard_mark_files(struct file_list list, bool marked) {
  for (size_t i = 0; i < list.count; i++) {
    const struct open_file *file = &list.files[i];
    if (!is_unchanged(file)) continue;
    if (marked)
      (void)mark_one(file->fd);
    else
      unmark_one(file->fd);
  }
}

#else /* not Linux: no stray guard. macOS closes strays itself (POSIX_SPAWN_CLOEXEC_DEFAULT). */

#include <stdlib.h>

int stray_guard_arm(void) { return 0; }
bool stray_guard_by_default(bool on) {
  (void)on;
  return false;
}
int stray_guard_mark(bool before_spawn) {
  (void)before_spawn;
  return STRAY_GUARD_NOTHING;
}
int stray_guard_replace(struct file_list list) {
  (void)list;
  return STRAY_GUARD_NOTHING;
}
int stray_guard_begin(struct file_list keep, struct fd_list sources) {
  (void)keep;
  (void)sources;
  return STRAY_GUARD_NOTHING;
}
int stray_guard_begin_denial(struct file_list deny) {
  (void)deny;
  return STRAY_GUARD_NOTHING;
}
void stray_guard_mark_files(struct file_list files, bool marked) {
  (void)files;
  (void)marked;
}
bool stray_guard_end(bool started) {
  (void)started;
  return false;
}
void stray_guard_end_thread(void) {}
enum stray_guard_spawning stray_guard_spawning(void) { return STRAY_GUARD_UNKNOWN; }

#endif
