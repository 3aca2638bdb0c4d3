#define _GNU_SOURCE
#include "placeholder.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The placeholder is an O_PATH descriptor of a symbolic link, see open(2) and symlink(7). Reading and
 * writing fail with EBADF, as on a closed FD. Opening /dev/fd/N or /proc/self/fd/N fails with ELOOP.
 * openat() relative to it fails with ENOTDIR. The null device would accept writes, and the child would
 * report success.
 *
 * /proc/self is a link wherever procfs is mounted. Without procfs, one of the others exists.
 */
static const char *const LINKS[] = {"/proc/self", "/dev/fd", "/dev/stdin", "/etc/mtab",
                                    "/bin",       "/lib",    "/etc/localtime"};

/* By system call: linked against glibc 2.33 or newer, the name fstat would not load on anything older. */
static int file_of(int fd, struct stat *file) {
#if defined(__x86_64__) || defined(__aarch64__)
  return (int)syscall(SYS_fstat, fd, file);
#else
  return fstat(fd, file);
#endif
}

/* Such an FD gives access to nothing, because no pathname resolution follows it. */
bool is_placeholder(int fd) {
  struct stat file;
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_PATH) && file_of(fd, &file) == 0 && S_ISLNK(file.st_mode);
}

static int open_placeholder(void) {
  for (size_t i = 0; i < sizeof LINKS / sizeof *LINKS; i++) {
    int fd = open(LINKS[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && is_placeholder(fd)) return fd;
    if (fd >= 0) (void)close(fd); /* opened above; this path is not a link here */
  }
  /* Opening it again gives the null device; reading and writing the FD itself fail. */
  int fd = open("/dev/null", O_PATH | O_CLOEXEC);
  if (fd < 0) fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int placeholder_fd(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static struct stat opened;
  static int fd = -1;
  struct stat now;

  pthread_mutex_lock(&lock);
  bool is_ours = fd >= 0 && file_of(fd, &now) == 0 && now.st_dev == opened.st_dev &&
                 now.st_ino == opened.st_ino && now.st_mode == opened.st_mode;
  if (!is_ours) {
    fd = open_placeholder();
    if (fd >= 0 && file_of(fd, &opened) != 0) opened.st_ino = 0; /* the next call opens it again */
  }
  int result = fd;
  pthread_mutex_unlock(&lock);
  return result;
}

int placeholder_put(int fd) {
  int placeholder = placeholder_fd();
  if (placeholder < 0) return placeholder;
  int before = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (before < 0) return -errno;
  if (dup3(placeholder, fd, 0) >= 0) return before;
  int error = -errno;
  (void)close(before); /* opened above */
  return error;
}

void placeholder_remove(int fd, int before) {
  (void)dup3(before, fd, O_CLOEXEC); /* both are open; an error has no remedy */
  (void)close(before);               /* opened by placeholder_put() */
}

#else /* not Linux: JavaScript opens the null device */

#include <errno.h>

int placeholder_fd(void) { return -ENOSYS; }
int placeholder_put(int fd) {
  (void)fd;
  return -ENOSYS;
}
void placeholder_remove(int fd, int before) {
  (void)fd;
  (void)before;
}
bool is_placeholder(int fd) {
  (void)fd;
  return false;
}

#endif
