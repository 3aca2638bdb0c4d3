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
 * wrong one is refused with ENOSYS, and the next step is tried. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
/* Linux 5.11 */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
/* Linux 4.11; the numbers of the architectures that there are prebuilt addons for. */
#ifndef SYS_statx
#if defined(__x86_64__)
#define SYS_statx 332
#elif defined(__aarch64__)
#define SYS_statx 291
#endif
#endif
/* PROC_SUPER_MAGIC and OVERLAYFS_SUPER_MAGIC of linux/magic.h, which musl does not ship. */
#define PROC_FILE_SYSTEM 0x9fa0
#define OVERLAY_FILE_SYSTEM 0x794c7630

#define FIRST_FD 3

/* The table of a new process has this many places; every larger table doubles it. */
#define SMALLEST_TABLE 64
/* Above this many places, /proc/self/fd is likely to be shorter than the table. */
#define LARGE_TABLE 65536
/* The default of fs.nr_open: the bound where the kernel does not report the real one. */
#define DEFAULT_NR_OPEN 1048576
#define LARGEST_TABLE (1 << 30)

/* ------------------------------------------------------------------------------------------
 * State
 * ---------------------------------------------------------------------------------------- */

/* A file that a spawn keeps, and whether it was marked before: then the end of the spawn marks it again. */
struct kept_file {
  struct open_file file;
  bool was_marked;
};

struct kept_list {
  struct kept_file *files; /* sorted by fd */
  size_t count;
};

/* A guarded spawn that is under way. One that began inside another is on top of it. */
struct guarded_spawn {
  struct guarded_spawn *outer;
  struct kept_list keep;
  struct open_file *restore; /* sources that were inheritable before the spawn marked them */
  size_t restore_count;
  bool forked; /* before_fork() has run since the spawn began */
};

/*
 * A thread's guarded spawns. before_fork() asks for them, so that the child need not allocate them
 * (glibc does so lazily, one block for the whole library). Should another thread load a library
 * between that and the fork, glibc may resize the table that leads there: its fork() has made
 * malloc usable in the child before the handlers run. The model without any of this, initial-exec,
 * does not load on musl.
 */
static _Thread_local struct {
  struct guarded_spawn *top;
  /* Spawns on top of that for which there was no memory. They keep nothing. */
  unsigned without_memory;
} here;

static bool is_spawn_open(void) { return here.top != NULL || here.without_memory > 0; }

/* The innermost spawn; NULL without one, or if it keeps nothing for lack of memory. */
static struct guarded_spawn *innermost(void) { return here.without_memory > 0 ? NULL : here.top; }

/* The guarded spawns of all threads. Mostly none, and then nothing reads what is above. */
static atomic_int open_spawns;

static atomic_bool guard_by_default;
static atomic_bool saw_fork;
static atomic_bool saw_other;

/* A number the FD table is known to have reached. Tables do not shrink. */
static atomic_int table_size = SMALLEST_TABLE;

/* ------------------------------------------------------------------------------------------
 * Setting close-on-exec ("marking"). Runs in the parent, and in the child between fork and exec. The
 * async-signal-safety rule applies there:
 *
 *   Only system calls. No malloc, no stdio, no locks: another thread may have held them when
 *   it was not copied. Nothing here may write memory shared with the parent.
 *
 * It marks and does not close: libuv has yet to dup2() out of this range, and a child that
 * forks without exec (an addon's worker) goes on to use the files.
 * ---------------------------------------------------------------------------------------- */

static bool is_in_table(int fd);
static int table_bound(void);

static const struct kept_list KEEP_NOTHING = {NULL, 0};

/* Called for a number that may be open. Returns 0 or a negative errno code. */
typedef int visitor(int fd, const struct kept_list *keep);

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

/* Steps 2 and 4: every number the table has, whatever the rlimit says by now. */
static int visit_table(int bound, visitor *visit, const struct kept_list *keep) {
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

/* Step 3: what /proc lists, once it is sure that this is procfs and not something put over it. */
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
  /* Opened above, so it is ours to close; nothing can be done where that fails. */
  (void)close(directory);
  return result;
}

/*
 * The fallback chain. Every step has the same contract, and any error leads to the next step: seccomp
 * filters answer EPERM, kernels before 5.9 ENOSYS and before 5.11 EINVAL. The table comes
 * before /proc because reading 10,000 entries of /proc costs ten times as much as asking for
 * 16,384 numbers; a table of a million places with few files in it is the other way round.
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
 * Identifies the file of an FD. Runs in the parent and in the child: async-signal-safe.
 * ---------------------------------------------------------------------------------------- */

/* The kernel's struct statx, the same on every architecture; old C libraries do not declare it. */
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
/* AT_STATX_DONT_SYNC: does not ask a file server, which may run in this very process. */
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
 * Before Linux 4.11, or behind a filter that refuses statx(). A system call where the kernel's
 * struct is the C library's: linked against glibc 2.33 or newer, the function's name would keep the
 * addon from loading on anything older.
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

/* A hash (FNV-1a) of what /proc/self/fd/N links to; 0 where it cannot be read. */
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
  /* eventfd, epoll and others have no file type, and one inode for all of them. */
  if (identity->kind == 0) identity->rdev = hash_of_link(fd);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return false;
  /* These two stay as they were when the file was opened; the others can be changed. */
  identity->kind |= (unsigned long long)(unsigned)(flags & (O_ACCMODE | O_PATH)) << 32;
  return true;
}

/* Overlayfs gives the birth time of a file's copy as soon as something is written to the file. */
static bool is_on_overlay(int fd) {
  struct statfs file_system;
  return fstatfs(fd, &file_system) == 0 && file_system.f_type == OVERLAY_FILE_SYSTEM;
}

/* The inode number of a deleted file is given to the next one, and the birth time tells them apart. */
static bool is_same_birth(int fd, unsigned long long before, unsigned long long now) {
  /* A file server's may be unknown until another program asks for it. */
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

/* In the parent, on the thread that forks, right before it does. */
static void before_fork(void) {
  struct guarded_spawn *spawn = innermost();
  if (spawn != NULL) spawn->forked = true;
}

/*
 * In the child, on its only thread, before fork() returns. Async-signal-safe. The first access to each page
 * is a page fault, and the C library's code finds thread-local variables: a child of a thread without a
 * guarded spawn does without them.
 */
static void in_child(void) {
  bool is_open = atomic_load(&open_spawns) > 0 && is_spawn_open();
  if (!is_open && !atomic_load(&guard_by_default)) return;

  /* The child cannot report an error, and the parent has set what it could. */
  (void)mark_all(KEEP_NOTHING);
  const struct guarded_spawn *spawn = is_open ? innermost() : NULL;
  if (spawn == NULL) return;
  /* The child's table is its own, so that no file can change between the comparison and the flag. */
  for (size_t i = 0; i < spawn->keep.count; i++) {
    const struct open_file *kept = &spawn->keep.files[i].file;
    if (is_unchanged(kept)) unmark_one(kept->fd);
  }
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
  if (files == NULL) return KEEP_NOTHING; /* the guard fails closed */
  for (size_t i = 0; i < list.count; i++) files[i].file = list.files[i];
  return (struct kept_list){files, list.count};
}

/*
 * A kept number that means another file than the one that was allowed is marked like all else.
 * Another thread may change it right after that; then only a child with a handler is safe from it.
 */
static void mark_changed(struct kept_list keep) {
  for (size_t i = 0; i < keep.count; i++) {
    const struct open_file *kept = &keep.files[i].file;
    if (!is_unchanged(kept)) (void)mark_one(kept->fd);
  }
}

/* Unmarks those of `keep` that are marked, and notes that they were. */
static void unmark(struct kept_list keep) {
  for (size_t i = 0; i < keep.count; i++) {
    struct kept_file *kept = &keep.files[i];
    if (!is_marked(kept->file.fd) || !is_unchanged(&kept->file)) continue;
    unmark_one(kept->file.fd);
    kept->was_marked = true;
  }
}

/* Notes which of `sources` are inheritable, and what they are: see restore(). */
static void note_for_restore(struct guarded_spawn *spawn, struct fd_list sources) {
  if (sources.count == 0) return;
  spawn->restore = calloc(sources.count, sizeof *spawn->restore);
  if (spawn->restore == NULL) return; /* they stay marked then: the guard fails closed */
  for (size_t i = 0; i < sources.count; i++) {
    struct open_file file = {.fd = sources.fds[i]};
    if (is_inheritable(file.fd) && identify(file.fd, &file.identity))
      spawn->restore[spawn->restore_count++] = file;
  }
}

/*
 * A synchronous spawn lasts as long as its child. Meanwhile another thread may have closed a
 * source and opened another file under its number: that one stays marked.
 */
static void restore(const struct guarded_spawn *spawn) {
  for (size_t i = 0; i < spawn->restore_count; i++) {
    const struct open_file *source = &spawn->restore[i];
    if (is_unchanged(source)) unmark_one(source->fd);
  }
}

/*
 * Unless every spawn so far was a fork, perhaps no handler runs in the child: it gets what the
 * parent's flags say. So they say the right thing while the process is made. Another thread that
 * spawns meanwhile shares these flags: one that begins now marks `keep`, and this child goes
 * without; one that has marked already may pass it on. A lock would have to be held for as long
 * as a synchronous spawn's child lives.
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
  /* The inner spawn marked what the outer one keeps, and the outer one's process may be yet to come. */
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
  if (!identify(fd, &stray.file.identity)) return 0; /* closed since it was seen */

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
  /* A placeholder that this process inherited gives access to nothing. */
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
    if (is_inheritable(known[i].file.fd)) known[kept++] = known[i];
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
