#define _GNU_SOURCE
#include "stray_guard.h"

#include "placeholder.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* C libraries older than the system call lack it. Where the number is another (MIPS, Alpha), a
 * wrong one is refused with ENOSYS, and the ladder goes on. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
/* Linux 5.11 */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#define PROC_FILE_SYSTEM 0x9fa0 /* PROC_SUPER_MAGIC of linux/magic.h, which musl does not ship */

#define FIRST_FD 3

/* The table of a new process has this many places; every larger table doubles it. */
#define SMALLEST_TABLE 64
/* Above this many places, /proc/self/fd is likely to be shorter than the table. */
#define LARGE_TABLE 65536
/* fs.nr_open unless somebody raised it: the bound where the kernel will not tell the real one. */
#define DEFAULT_NR_OPEN 1048576
#define LARGEST_TABLE (1 << 30)

/* ------------------------------------------------------------------------------------------
 * State
 * ---------------------------------------------------------------------------------------- */

struct guarded_spawn {
  bool open;
  struct fd_list keep;
  struct fd_list unmarked; /* kept FDs that were marked before; stray_guard_end() marks them again */
  struct stray *restore;   /* sources that were inheritable before the spawn marked them */
  size_t restore_count;
  unsigned forks_before;
};

/*
 * before_fork() asks for them, so that the child need not allocate them (glibc does so lazily, one
 * block for the whole library). Should another thread load a library between that and the fork,
 * glibc may resize the table that leads there: its fork() has made malloc usable in the child
 * before the handlers run. The model without any of this, initial-exec, does not load on musl.
 */
static _Thread_local struct guarded_spawn spawn_here;
static _Thread_local unsigned forks_here;

/* Threads that are in a guarded spawn. Mostly none, and then nobody asks for what is above. */
static atomic_int open_spawns;

static atomic_bool guard_by_default;
static atomic_bool saw_fork;
static atomic_bool saw_other;

/* A number the FD table is known to have reached. Tables do not shrink. */
static atomic_int table_size = SMALLEST_TABLE;

/* ------------------------------------------------------------------------------------------
 * Marking. Runs in the parent, and in the child between fork and exec, where the law is:
 *
 *   Only system calls. No malloc, no stdio, no locks: another thread may have held them when
 *   it was not copied. Nothing here may write memory shared with the parent.
 *
 * It marks and does not close: libuv has yet to dup2() out of this range, and a child that
 * forks without exec (an addon's worker) goes on to use the files.
 * ---------------------------------------------------------------------------------------- */

static bool is_in_table(int fd);
static int table_bound(void);

/* Called for a number that may be open. Returns 0 or a negative errno code. */
typedef int visitor(int fd, const struct fd_list *keep);

/* Not open, or closed by another thread between the two calls, is as good as marked. */
static int mark_one(int fd) {
  int flags = fcntl(fd, F_GETFD);
  if (flags >= 0 && (flags & FD_CLOEXEC)) return 0;
  if (flags >= 0 && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == 0) return 0;
  return errno == EBADF ? 0 : -errno;
}

static void unmark_one(int fd) {
  int flags = fcntl(fd, F_GETFD);
  /* Closed meanwhile: there is nothing to keep then. */
  if (flags >= 0 && (flags & FD_CLOEXEC)) (void)fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
}

static bool contains(const struct fd_list *list, int fd) {
  size_t low = 0, high = list->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (list->fds[middle] == fd) return true;
    if (list->fds[middle] < fd)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

static int mark_unless_kept(int fd, const struct fd_list *keep) {
  return contains(keep, fd) ? 0 : mark_one(fd);
}

/* Rung 1: one system call for each gap between the kept FDs. */
static int mark_by_close_range(struct fd_list keep) {
  unsigned first = FIRST_FD;
  for (size_t i = 0; i < keep.count; i++) {
    if (keep.fds[i] < FIRST_FD) continue;
    unsigned kept = (unsigned)keep.fds[i];
    if (kept > first && syscall(SYS_close_range, first, kept - 1, CLOSE_RANGE_CLOEXEC) != 0)
      return -errno;
    first = kept + 1;
  }
  return syscall(SYS_close_range, first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0 ? 0 : -errno;
}

/* Rungs 2 and 4: every number the table has, whatever the rlimit says by now. */
static int visit_table(int bound, visitor *visit, const struct fd_list *keep) {
  int result = 0;
  for (int fd = FIRST_FD; fd < bound; fd++) {
    int error = visit(fd, keep);
    if (error) result = error;
  }
  return result;
}

struct directory_entry { /* linux_dirent64 of getdents64(2); no C library declares it */
  unsigned long long d_ino;
  long long d_off;
  unsigned short d_reclen;
  unsigned char d_type;
  char d_name[];
};

static int number_of(const char *name) {
  int number = 0;
  if (*name == '\0') return -1;
  for (; *name; name++) {
    if (*name < '0' || *name > '9' || number > INT_MAX / 10 - 1) return -1;
    number = number * 10 + (*name - '0');
  }
  return number;
}

/* Rung 3: what /proc lists, once it is sure that this is procfs and not something put over it. */
static int visit_proc(visitor *visit, const struct fd_list *keep) {
  int directory = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/fd",
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (directory < 0) return -errno;

  int result = 0;
  struct statfs file_system;
  if (fstatfs(directory, &file_system) != 0 || file_system.f_type != PROC_FILE_SYSTEM) {
    result = -ENOTDIR;
  } else {
    _Alignas(struct directory_entry) char buffer[4096];
    long size;
    while ((size = syscall(SYS_getdents64, directory, buffer, sizeof buffer)) > 0) {
      for (long at = 0; at < size;) {
        const struct directory_entry *entry = (const struct directory_entry *)(buffer + at);
        int fd = number_of(entry->d_name);
        if (fd >= FIRST_FD && fd != directory) {
          int error = visit(fd, keep);
          if (error) result = error;
        }
        at += entry->d_reclen;
      }
    }
    if (size < 0) result = -errno;
  }
  /* Opened above, so it is ours to close; nothing can be done where that fails. */
  (void)close(directory);
  return result;
}

/*
 * The ladder. Every rung has the same contract, and any error leads to the next: seccomp
 * filters answer EPERM, kernels before 5.9 ENOSYS and before 5.11 EINVAL. The table comes
 * before /proc because reading 10,000 entries of /proc costs ten times as much as asking for
 * 16,384 numbers; a table of a million places with few files in it is the other way round.
 */
static int mark_all(struct fd_list keep) {
  if (mark_by_close_range(keep) == 0) return STRAY_GUARD_CLOSE_RANGE;

  int bound = table_bound();
  if (bound <= LARGE_TABLE && visit_table(bound, mark_unless_kept, &keep) == 0)
    return STRAY_GUARD_TABLE;
  if (visit_proc(mark_unless_kept, &keep) == 0) return STRAY_GUARD_PROC;
  int error = visit_table(bound, mark_unless_kept, &keep);
  return error == 0 ? STRAY_GUARD_TABLE : error;
}

/*
 * The real size of the FD table. The rlimit is no bound: it can be lowered below open FDs. But
 * select() clamps its first argument to the size of the table, so one bit tells whether a number
 * lies in it (core_sys_select() and max_select_fd() in the kernel's fs/select.c): a number that
 * is not open is refused with EBADF, the bit of one that is open is cleared unless it is ready,
 * and a bit beyond the table is neither looked at nor written.
 */
static int table_bound(void) {
  int size = atomic_load(&table_size);
  while (size < LARGEST_TABLE && is_in_table(size)) size *= 2;
  /* In the child this writes the child's copy. */
  atomic_store(&table_size, size);
  return size;
}

/* Whether the table is larger than `fd`; true for any `fd` below 2^20 if the kernel won't tell. */
static bool is_in_table(int fd) {
  unsigned long small[LARGE_TABLE / (8 * sizeof(long))];
  const size_t bits = 8 * sizeof(long);
  size_t length = ((size_t)fd / bits + 1) * sizeof(long);
  unsigned long *set = small;

  if (length <= sizeof small) {
    memset(small, 0, length);
  } else {
    set = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (set == MAP_FAILED) return fd < DEFAULT_NR_OPEN;
  }
  set[(size_t)fd / bits] = 1UL << ((size_t)fd % bits);

  /* The kernel's own layout, not the C library's struct timespec; all zero either way. */
  long long no_time[2] = {0, 0};
  long ready;
  do ready = syscall(SYS_pselect6, fd + 1, set, NULL, NULL, no_time, NULL);
  while (ready < 0 && errno == EINTR);
  bool in_table = ready < 0 ? errno == EBADF : ready > 0 || set[(size_t)fd / bits] == 0;
  bool refused = ready < 0 && errno != EBADF;

  if (set != small) (void)munmap(set, length); /* our own mapping; cannot fail */
  return refused ? fd < DEFAULT_NR_OPEN : in_table;
}

/* ------------------------------------------------------------------------------------------
 * atfork handlers
 * ---------------------------------------------------------------------------------------- */

/* In the parent, on the thread that forks, right before it does. */
static void before_fork(void) {
  if (spawn_here.open) forks_here++;
}

/*
 * In the child, alone, before fork() returns there. The law of marking holds. Each page that is
 * touched here for the first time is a page fault, and a thread's own variables are found by code
 * of the C library: a child of a thread in no guarded spawn does without them.
 */
static void in_child(void) {
  struct fd_list keep = {NULL, 0};
  bool is_open = atomic_load(&open_spawns) > 0 && spawn_here.open;
  if (!is_open && !atomic_load(&guard_by_default)) return;
  if (is_open) keep = spawn_here.keep;

  /* An error has nowhere to go from here, and the parent marked what it could before. */
  (void)mark_all(keep);
  for (size_t i = 0; i < keep.count; i++) unmark_one(keep.fds[i]);
}

static void note_start(void);

/*
 * The handlers must outlive this library's users: it is linked with -z nodelete, so that a
 * worker's end (Node closes its addons) does not leave fork() calling into nothing.
 *
 * Not pthread_once(): glibc gave it a new version in 2.34, and the addon would not load before.
 */
int stray_guard_arm(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static bool armed;
  int error = 0;
  pthread_mutex_lock(&lock);
  if (!armed) {
    error = pthread_atfork(before_fork, NULL, in_child);
    armed = error == 0;
    if (armed) note_start();
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

/*
 * fstat(), as a system call where the kernel's struct is the C library's: linked against glibc
 * 2.33 or newer, the function's name would keep the addon from loading on anything older.
 */
static int file_of(int fd, struct stat *file) {
#if defined(__x86_64__) || defined(__aarch64__)
  return (int)syscall(SYS_fstat, fd, file);
#else
  return fstat(fd, file);
#endif
}

static bool same_file(const struct stray *stray, const struct stat *now) {
  return stray->dev == (unsigned long long)now->st_dev &&
         stray->ino == (unsigned long long)now->st_ino;
}

static struct fd_list copy_list(struct fd_list list) {
  struct fd_list copy = {NULL, 0};
  if (list.count == 0) return copy;
  int *fds = malloc(list.count * sizeof *fds);
  if (fds == NULL) return copy; /* nothing is kept then: the guard fails closed */
  memcpy(fds, list.fds, list.count * sizeof *fds);
  copy.fds = fds;
  copy.count = list.count;
  return copy;
}

static bool is_inheritable(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && !(flags & FD_CLOEXEC);
}

static bool is_marked(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC);
}

/* Unmarks those of `list` that are marked, and returns them. */
static struct fd_list unmark(struct fd_list list) {
  struct fd_list chosen = copy_list(list);
  int *fds = (int *)chosen.fds;
  size_t count = 0;
  for (size_t i = 0; i < chosen.count; i++) {
    if (!is_marked(fds[i])) continue;
    unmark_one(fds[i]);
    fds[count++] = fds[i];
  }
  chosen.count = count;
  return chosen;
}

/* Notes which of `sources` are inheritable, and what they are: see restore(). */
static void note_for_restore(struct fd_list sources) {
  if (sources.count == 0) return;
  spawn_here.restore = calloc(sources.count, sizeof *spawn_here.restore);
  if (spawn_here.restore == NULL) return; /* they stay marked then: the guard fails closed */
  for (size_t i = 0; i < sources.count; i++) {
    struct stat file;
    int fd = sources.fds[i];
    if (!is_inheritable(fd) || file_of(fd, &file) != 0) continue;
    spawn_here.restore[spawn_here.restore_count++] =
        (struct stray){.fd = fd, .dev = file.st_dev, .ino = file.st_ino};
  }
}

/*
 * A synchronous spawn lasts as long as its child. Meanwhile another thread may have closed a
 * source and opened a file that is none of ours under its number: that one stays marked.
 */
static void restore(void) {
  for (size_t i = 0; i < spawn_here.restore_count; i++) {
    struct stat now;
    const struct stray *source = &spawn_here.restore[i];
    if (file_of(source->fd, &now) == 0 && same_file(source, &now)) unmark_one(source->fd);
  }
}

static void clear_spawn(void) {
  free((void *)spawn_here.keep.fds);
  free((void *)spawn_here.unmarked.fds);
  free(spawn_here.restore);
  memset(&spawn_here, 0, sizeof spawn_here);
}

int stray_guard_mark(void) { return mark_all((struct fd_list){NULL, 0}); }

int stray_guard_begin(struct fd_list keep, struct fd_list sources) {
  /* One that was not ended: a spawn inside a spawn (a getter that spawns) replaces the outer. */
  stray_guard_end(false);
  spawn_here.keep = copy_list(keep);
  spawn_here.forks_before = forks_here;
  spawn_here.open = true;
  atomic_fetch_add(&open_spawns, 1);

  note_for_restore(sources);
  int way = mark_all(spawn_here.keep);
  /*
   * Unless every spawn so far was a fork, perhaps no handler runs in the child: it gets what the
   * parent's flags say. So they say the right thing while the process is made. Another thread that
   * spawns meanwhile shares these flags: one that begins now marks `keep`, and this child goes
   * without; one that has marked already may pass it on. A lock would have to be held for as long
   * as a synchronous spawn's child lives.
   */
  if (stray_guard_spawning() != STRAY_GUARD_FORK) spawn_here.unmarked = unmark(spawn_here.keep);
  return way;
}

void stray_guard_end(bool started) {
  if (!spawn_here.open) return;
  if (forks_here != spawn_here.forks_before)
    atomic_store(&saw_fork, true);
  else if (started)
    atomic_store(&saw_other, true);

  for (size_t i = 0; i < spawn_here.unmarked.count; i++) (void)mark_one(spawn_here.unmarked.fds[i]);
  restore();
  clear_spawn();
  atomic_fetch_sub(&open_spawns, 1);
}

int stray_guard_replace(struct fd_list keep) {
  int way = mark_all(keep);
  for (size_t i = 0; i < keep.count; i++) unmark_one(keep.fds[i]);
  return way;
}

/* ------------------------------------------------------------------------------------------
 * Listing. In the parent only: it allocates and locks.
 * ---------------------------------------------------------------------------------------- */

static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;
static struct stray *known; /* sorted by fd */
static size_t known_count, known_room;
static bool at_start = true; /* while the first look is under way */

/* Drops what was closed, or whose number now means another file. */
static void forget_closed(void) {
  size_t kept = 0;
  for (size_t i = 0; i < known_count; i++) {
    struct stat now;
    if (file_of(known[i].fd, &now) == 0 && same_file(&known[i], &now)) known[kept++] = known[i];
  }
  known_count = kept;
}

static size_t place_of(int fd) {
  size_t low = 0, high = known_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (known[middle].fd < fd)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int remember(int fd) {
  size_t place = place_of(fd);
  if (place < known_count && known[place].fd == fd) return 0;

  struct stat file;
  if (file_of(fd, &file) != 0) return 0; /* closed since it was seen */

  if (known_count == known_room) {
    size_t room = known_room == 0 ? 16 : known_room * 2;
    struct stray *larger = realloc(known, room * sizeof *larger);
    if (larger == NULL) return -ENOMEM;
    known = larger;
    known_room = room;
  }
  memmove(known + place + 1, known + place, (known_count - place) * sizeof *known);
  known[place] = (struct stray){fd, at_start, file.st_dev, file.st_ino};
  known_count++;
  return 0;
}

static int note_inheritable(int fd, const struct fd_list *unused) {
  (void)unused;
  /* One that a parent under closefds put here is nothing that a child could use. */
  return is_inheritable(fd) && !is_placeholder(fd) ? remember(fd) : 0;
}

/*
 * By /proc where the table is large: it was once, or the kernel does not tell its size. (gVisor
 * answers EBADF for every number up to a million, and a million system calls take a second.)
 */
static int look(void) {
  forget_closed();
  int bound = table_bound();
  if (bound > LARGE_TABLE && visit_proc(note_inheritable, NULL) == 0) return 0;
  return visit_table(bound, note_inheritable, NULL);
}

static void note_start(void) {
  pthread_mutex_lock(&known_lock);
  (void)look(); /* only ENOMEM: the next listing finds what is still inheritable */
  at_start = false;
  pthread_mutex_unlock(&known_lock);
}

int stray_guard_list(struct stray **strays, size_t *count) {
  pthread_mutex_lock(&known_lock);
  int error = -look();
  *count = 0;
  *strays = malloc((known_count + 1) * sizeof **strays);
  if (*strays == NULL) {
    error = ENOMEM;
  } else {
    if (known_count > 0) memcpy(*strays, known, known_count * sizeof *known);
    *count = known_count;
  }
  pthread_mutex_unlock(&known_lock);
  return error;
}

void stray_guard_forget_marked(void) {
  pthread_mutex_lock(&known_lock);
  size_t kept = 0;
  for (size_t i = 0; i < known_count; i++) {
    if (is_inheritable(known[i].fd)) known[kept++] = known[i];
  }
  known_count = kept;
  pthread_mutex_unlock(&known_lock);
}

#else /* not Linux: the system closes (macOS: POSIX_SPAWN_CLOEXEC_DEFAULT), or has no fork */

#include <stdlib.h>

int stray_guard_arm(void) { return 0; }
bool stray_guard_by_default(bool on) {
  (void)on;
  return false;
}
int stray_guard_mark(void) { return STRAY_GUARD_NOTHING; }
int stray_guard_replace(struct fd_list keep) {
  (void)keep;
  return STRAY_GUARD_NOTHING;
}
int stray_guard_begin(struct fd_list keep, struct fd_list sources) {
  (void)keep;
  (void)sources;
  return STRAY_GUARD_NOTHING;
}
void stray_guard_end(bool started) { (void)started; }
enum stray_guard_spawning stray_guard_spawning(void) { return STRAY_GUARD_UNKNOWN; }
int stray_guard_list(struct stray **strays, size_t *count) {
  *strays = NULL;
  *count = 0;
  return 0;
}
void stray_guard_forget_marked(void) {}

#endif
