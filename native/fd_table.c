#define _GNU_SOURCE
#include "fd_table.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* PROC_SUPER_MAGIC from linux/magic.h, which musl does not have. */
#define PROC_FILE_SYSTEM 0x9fa0

/* The size of the FD table of a new process. The kernel doubles it to enlarge it. */
#define SMALLEST_TABLE 64
/* The default of fs.nr_open: the bound if the size of the table is unknown. */
#define DEFAULT_NR_OPEN 1048576
#define LARGEST_TABLE (1 << 30)

/* A lower bound of the FD table's size. Tables do not shrink. */
static atomic_int table_size = SMALLEST_TABLE;

static bool is_in_table(int fd);

bool is_inheritable(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && !(flags & FD_CLOEXEC);
}

bool is_marked(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC);
}

/* The rlimit may be lower than open FDs. */
int visit_fd_table(int bound, fd_visitor *visit, const void *data) {
  int result = 0;
  for (int fd = FIRST_FD; fd < bound; fd++) {
    int error = visit(fd, data);
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

/* After a check that the file system is procfs. */
int visit_proc_fds(fd_visitor *visit, const void *data) {
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
          int error = visit(fd, data);
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
 * The real size of the FD table. The rlimit is not a bound: it can be lowered below open FDs. But
 * select() clamps its first argument to the size of the table, so one bit shows whether the table has
 * a number (core_sys_select() and max_select_fd() in the kernel's fs/select.c): for a number that is
 * not open, select() fails with EBADF; the bit of an open FD is cleared unless the FD is ready; a bit
 * beyond the table is neither read nor written.
 */
int fd_table_bound(void) {
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

#endif
