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

/* Older C libraries do not define it. On MIPS and Alpha the number differs: the kernel answers ENOSYS,
 * and the next step of the fallback chain runs. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
/* Linux 5.11 */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
/* Linux 4.11; only for the architectures that have prebuilt addons. */
#ifndef SYS_statx
#if defined(__x86_64__)
#define SYS_statx 332
#elif defined(__aarch64__)
#define SYS_statx 291
#endif
#endif
/* PROC_SUPER_MAGIC and OVERLAYFS_SUPER_MAGIC from linux/magic.h, which musl does not have. */
#define PROC_FILE_SYSTEM 0x9fa0
#define OVERLAY_FILE_SYSTEM 0x794c7630

#define FIRST_FD 3

/* The size of the FD table of a new process. The kernel doubles it to enlarge it. */
#define SMALLEST_TABLE 64
/* Above this size, /proc/self/fd is likely to have fewer entries than the table. */
#define LARGE_TABLE 65536
/* The default of fs.nr_open: the bound if the size of the table is unknown. */
#define DEFAULT_NR_OPEN 1048576
#define LARGEST_TABLE (1 << 30)

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
} here;

static bool is_spawn_open(void) { return here.top != NULL || here.without_memory > 0; }

/* The innermost spawn. NULL if there is none, or if it got no memory and keeps nothing. */
static struct guarded_spawn *innermost(void) { return here.without_memory > 0 ? NULL : here.top; }

/* The number of guarded spawns of all threads. While it is 0, the child does not read `here`. */
static atomic_int open_spawns;

static atomic_bool guard_by_default;
static atomic_bool saw_fork;
static atomic_bool saw_other;

/* A lower bound of the FD table's size. Tables do not shrink. */
static atomic_int table_size = SMALLEST_TABLE;

/* ------------------------------------------------------------------------------------------
 * Marking. Runs in the parent, and in the child between fork and exec. There the async-signal-safety
 * rule applies:
 *
 *   Only system calls. No malloc, no stdio, no locks: another thread of the parent may have held a
 *   lock at the fork. Do not write memory that is shared with the parent.
 *
 * Why the guard marks and does not close: docs/dev/decisions/mark-not-close.md.
 * ---------------------------------------------------------------------------------------- */

static bool is_in_table(int fd);
static int table_bound(void);

static const struct kept_list KEEP_NOTHING = {NULL, 0};

/* Visits a number that may be an open FD. Returns 0 or a negative errno code. */
typedef int visitor(int fd, const struct kept_list *keep);

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

static int mark_unless_kept(int fd, const struct kept_list *keep) {
  return contains(keep, fd) ? 0 : mark_one(fd);
}

/* Step 1: one system call for each gap between the kept FDs. */
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

/* Steps 2 and 4: every number of the table. The rlimit may be lower than open FDs. */
static int visit_table(int bound, visitor *visit, const struct kept_list *keep) {
  int result = 0;
  for (int fd = FIRST_FD; fd < bound; fd++) {
    int error = visit(fd, keep);
    if (error) result = error;
  }
  return result;
}

struct directory_entry { /* linux_dirent64 of getdents64(2), which C libraries do not declare */
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

/* Step 3: the entries of /proc/self/fd, after a check that the file system is procfs. */
static int visit_proc(visitor *visit, const struct kept_list *keep) {
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
  /* Opened above; an error has no remedy. */
  (void)close(directory);
  return result;
}

/*
 * The fallback chain. Every step has the same contract, and any error leads to the next step: seccomp
 * filters answer EPERM, kernels before 5.9 ENOSYS, and kernels before 5.11 EINVAL. The table comes
 * before /proc, because reading 10,000 entries of /proc costs ten times as much as a call for each of
 * 16,384 numbers. For a table of a million numbers with few open FDs, /proc is faster.
 */
static int mark_all(struct kept_list keep) {
  if (mark_by_close_range(keep) == 0) return STRAY_GUARD_CLOSE_RANGE;

  int bound = table_bound();
  if (bound <= LARGE_TABLE && visit_table(bound, mark_unless_kept, &keep) == 0)
    return STRAY_GUARD_TABLE;
  if (visit_proc(mark_unless_kept, &keep) == 0) return STRAY_GUARD_PROC;
  int error = visit_table(bound, mark_unless_kept, &keep);
  return error == 0 ? STRAY_GUARD_TABLE : error;
}

/*
 * The real size of the FD table. The rlimit is not a bound: it can be lowered below open FDs. But
 * select() clamps its first argument to the size of the table, so one bit shows whether the table has
 * a number (core_sys_select() and max_select_fd() in the kernel's fs/select.c): for a number that is
 * not open, select() fails with EBADF; the bit of an open FD is cleared unless the FD is ready; a bit
 * beyond the table is neither read nor written.
 */
static int table_bound(void) {
  int size = atomic_load(&table_size);
  while (size < LARGEST_TABLE && is_in_table(size)) size *= 2;
  /* In the child, this writes the child's copy of the variable. */
  atomic_store(&table_size, size);
  return size;
}

/* Whether the table is larger than `fd`. If select() fails, true for each `fd` below 2^20. */
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

  /* The kernel's layout, which can differ from the C library's struct timespec. */
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
 * Which file an FD refers to. Runs in the parent and in the child: the async-signal-safety rule applies.
 * ---------------------------------------------------------------------------------------- */

/* The kernel's struct statx, equal on every architecture. Old C libraries do not declare it. */
struct extended_stat {
  unsigned mask, block_size;
  unsigned long long attributes;
  unsigned links, uid, gid;
  unsigned short mode, unused;
  unsigned long long ino, size, blocks, attributes_mask;
  struct {
    long long seconds;
    unsigned nanoseconds;
    int unused;
  } accessed, born, changed, modified;
  unsigned rdev_major, rdev_minor, dev_major, dev_minor;
  unsigned long long spare[14];
};
#define WANT_TYPE_AND_INODE 0x101U /* STATX_TYPE | STATX_INO */
#define WANT_BIRTH 0x800U          /* STATX_BTIME */
/* AT_STATX_DONT_SYNC: makes no request to a file server, which may run in this process. */
#define FROM_CACHE 0x4000

static bool read_statx(int fd, struct file_identity *identity) {
#ifdef SYS_statx
  struct extended_stat file;
  memset(&file, 0, sizeof file);
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | FROM_CACHE, WANT_TYPE_AND_INODE | WANT_BIRTH, &file) != 0)
    return false;
  identity->dev = (unsigned long long)file.dev_major << 32 | file.dev_minor;
  identity->ino = file.ino;
  identity->rdev = (unsigned long long)file.rdev_major << 32 | file.rdev_minor;
  identity->kind = file.mode & S_IFMT;
  if (file.mask & WANT_BIRTH)
    identity->born = (unsigned long long)file.born.seconds * 1000000000ULL + file.born.nanoseconds;
  return true;
#else
  (void)fd, (void)identity;
  return false;
#endif
}

/*
 * For Linux before 4.11, and for seccomp filters that refuse statx(). Uses the system call where the
 * kernel's struct equals the C library's: linked against glibc 2.33 or newer, a call of fstat() would
 * keep the addon from loading on older versions.
 */
static bool read_stat(int fd, struct file_identity *identity) {
  struct stat file;
#if defined(__x86_64__) || defined(__aarch64__)
  if (syscall(SYS_fstat, fd, &file) != 0) return false;
#else
  if (fstat(fd, &file) != 0) return false;
#endif
  identity->dev = (unsigned long long)file.st_dev;
  identity->ino = (unsigned long long)file.st_ino;
  identity->rdev = (unsigned long long)file.st_rdev;
  identity->kind = file.st_mode & S_IFMT;
  return true;
}

/* A hash (FNV-1a) of the target of the link /proc/self/fd/N; 0 if the link cannot be read. */
static unsigned long long hash_of_link(int fd) {
  char path[32] = "/proc/self/fd/", text[64];
  size_t length = strlen(path);
  size_t digits = 1;
  for (int rest = fd; rest >= 10; rest /= 10) digits++;
  for (size_t i = digits; i > 0; i--, fd /= 10) path[length + i - 1] = (char)('0' + fd % 10);
  path[length + digits] = '\0';

  ssize_t size = readlink(path, text, sizeof text);
  unsigned long long hash = 14695981039346656037ULL;
  for (ssize_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)text[i]) * 1099511628211ULL;
  return size > 0 ? hash : 0;
}

static bool identify(int fd, struct file_identity *identity) {
  memset(identity, 0, sizeof *identity);
  if (!read_statx(fd, identity) && !read_stat(fd, identity)) return false;
  /* eventfd, epoll and others have no file type, and share one inode. */
  if (identity->kind == 0) identity->rdev = hash_of_link(fd);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return false;
  /* These flags never change after open(); the others can. */
  identity->kind |= (unsigned long long)(unsigned)(flags & (O_ACCMODE | O_PATH)) << 32;
  return true;
}

/* Overlayfs changes the birth time at the first write to a file: it then shows that of the copy. */
static bool is_on_overlay(int fd) {
  struct statfs file_system;
  return fstatfs(fd, &file_system) == 0 && file_system.f_type == OVERLAY_FILE_SYSTEM;
}

/* A new file can get the inode number of a deleted file. The birth time distinguishes them. */
static bool is_same_birth(int fd, unsigned long long before, unsigned long long now) {
  /* 0: unknown. A file server's birth time may be unknown until another program reads it. */
  return before == now || before == 0 || now == 0 || is_on_overlay(fd);
}

/* Whether the FD refers to the file that it referred to when it was identified. */
static bool is_unchanged(const struct open_file *file) {
  const struct file_identity *before = &file->identity;
  struct file_identity now;
  return identify(file->fd, &now) && now.dev == before->dev && now.ino == before->ino &&
         now.kind == before->kind && now.rdev == before->rdev &&
         is_same_birth(file->fd, before->born, now.born);
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
  bool is_open = atomic_load(&open_spawns) > 0 && is_spawn_open();
  if (!is_open && !atomic_load(&guard_by_default)) return;

  /* The child cannot report an error. The parent has marked what it could. */
  (void)mark_all(KEEP_NOTHING);
  const struct guarded_spawn *spawn = is_open ? innermost() : NULL;
  if (spawn == NULL) return;
  /* The child has its own FD table: no file can change between the comparison and the flag. */
  for (size_t i = 0; i < spawn->keep.count; i++) {
    const struct open_file *kept = &spawn->keep.files[i].file;
    if (is_unchanged(kept)) unmark_one(kept->fd);
  }
}

static void note_start(void);

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

static bool is_inheritable(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && !(flags & FD_CLOEXEC);
}

static bool is_marked(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC);
}

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
  if (stray_guard_spawning() != STRAY_GUARD_FORK) unmark(spawn->keep);
}

int stray_guard_mark(void) { return mark_all(KEEP_NOTHING); }

int stray_guard_begin(struct file_list keep, struct fd_list sources) {
  atomic_fetch_add(&open_spawns, 1);
  struct guarded_spawn *spawn = here.without_memory > 0 ? NULL : calloc(1, sizeof *spawn);
  if (spawn == NULL) {
    here.without_memory++;
    return mark_all(KEEP_NOTHING);
  }
  spawn->keep = copy_list(keep);
  spawn->outer = here.top;
  here.top = spawn;

  note_for_restore(spawn, sources);
  int way = mark_all(spawn->keep);
  mark_changed(spawn->keep);
  unmark_unless_fork(spawn);
  return way;
}

void stray_guard_end(bool started) {
  if (!is_spawn_open()) return;
  atomic_fetch_sub(&open_spawns, 1);
  if (here.without_memory > 0) {
    here.without_memory--;
  } else {
    struct guarded_spawn *spawn = here.top;
    if (spawn->forked)
      atomic_store(&saw_fork, true);
    else if (started)
      atomic_store(&saw_other, true);

    for (size_t i = 0; i < spawn->keep.count; i++)
      if (spawn->keep.files[i].was_marked) (void)mark_one(spawn->keep.files[i].file.fd);
    restore(spawn);
    here.top = spawn->outer;
    free(spawn->keep.files);
    free(spawn->restore);
    free(spawn);
  }
  /* The inner spawn marked the files that the outer one keeps. The outer one may still create its process. */
  struct guarded_spawn *outer = innermost();
  if (outer != NULL) unmark_unless_fork(outer);
}

void stray_guard_end_thread(void) {
  while (is_spawn_open()) stray_guard_end(false);
}

int stray_guard_replace(struct file_list list) {
  struct kept_list keep = copy_list(list);
  int way = mark_all(keep);
  mark_changed(keep);
  unmark(keep);
  free(keep.files);
  return way;
}

/* ------------------------------------------------------------------------------------------
 * Listing. Runs in the parent only, because it allocates and locks.
 * ---------------------------------------------------------------------------------------- */

static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;
static struct stray *known; /* sorted by fd */
static size_t known_count, known_room;
static bool at_start = true; /* true until the first listing has ended */

/* Removes FDs that were closed, or whose number now refers to another file. */
static void forget_closed(void) {
  size_t kept = 0;
  for (size_t i = 0; i < known_count; i++) {
    if (is_unchanged(&known[i].file)) known[kept++] = known[i];
  }
  known_count = kept;
}

static size_t place_of(int fd) {
  size_t low = 0, high = known_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (known[middle].file.fd < fd)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int remember(int fd) {
  size_t place = place_of(fd);
  if (place < known_count && known[place].file.fd == fd) return 0;

  struct stray stray = {{.fd = fd}, at_start};
  if (!identify(fd, &stray.file.identity)) return 0; /* closed meanwhile */

  if (known_count == known_room) {
    size_t room = known_room == 0 ? 16 : known_room * 2;
    struct stray *larger = realloc(known, room * sizeof *larger);
    if (larger == NULL) return -ENOMEM;
    known = larger;
    known_room = room;
  }
  memmove(known + place + 1, known + place, (known_count - place) * sizeof *known);
  known[place] = stray;
  known_count++;
  return 0;
}

static int note_inheritable(int fd, const struct kept_list *unused) {
  (void)unused;
  /* A placeholder that a parent under closefds put here gives access to nothing. */
  return is_inheritable(fd) && !is_placeholder(fd) ? remember(fd) : 0;
}

/*
 * Reads /proc if the table is large. It is large if many FDs were once open, or if its size is unknown:
 * gVisor answers EBADF for every number up to a million, and a million system calls take a second.
 */
static int look(void) {
  forget_closed();
  int bound = table_bound();
  if (bound > LARGE_TABLE && visit_proc(note_inheritable, NULL) == 0) return 0;
  return visit_table(bound, note_inheritable, NULL);
}

static void note_start(void) {
  pthread_mutex_lock(&known_lock);
  (void)look(); /* on ENOMEM, the next listing finds FDs that are still inheritable */
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
    if (is_inheritable(known[i].file.fd)) known[kept++] = known[i];
  }
  known_count = kept;
  pthread_mutex_unlock(&known_lock);
}

#else /* not Linux: no stray guard. macOS closes strays itself (POSIX_SPAWN_CLOEXEC_DEFAULT). */

#include <stdlib.h>

int stray_guard_arm(void) { return 0; }
bool stray_guard_by_default(bool on) {
  (void)on;
  return false;
}
int stray_guard_mark(void) { return STRAY_GUARD_NOTHING; }
int stray_guard_replace(struct file_list list) {
  (void)list;
  return STRAY_GUARD_NOTHING;
}
int stray_guard_begin(struct file_list keep, struct fd_list sources) {
  (void)keep;
  (void)sources;
  return STRAY_GUARD_NOTHING;
}
void stray_guard_end(bool started) { (void)started; }
void stray_guard_end_thread(void) {}
enum stray_guard_spawning stray_guard_spawning(void) { return STRAY_GUARD_UNKNOWN; }
int stray_guard_list(struct stray **strays, size_t *count) {
  *strays = NULL;
  *count = 0;
  return 0;
}
void stray_guard_forget_marked(void) {}

#endif
