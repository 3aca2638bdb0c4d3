#define _GNU_SOURCE
#include "placeholder.h"

#include "file_identity.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/stat.h>
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

/* Such an FD gives access to nothing, because no pathname resolution follows it. */
bool is_placeholder_file(const struct file_identity *file) {
  return (file->kind >> 32 & O_PATH) && (file->kind & S_IFMT) == S_IFLNK;
}

bool is_placeholder(int fd) {
  struct file_identity file;
  int flags = fcntl(fd, F_GETFL); /* first, because nearly no FD has O_PATH */
  return flags >= 0 && (flags & O_PATH) && identify(fd, &file) && is_placeholder_file(&file);
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
  static struct open_file opened = {.fd = -1};

  pthread_mutex_lock(&lock);
  if (opened.fd < 0 || !is_unchanged(&opened)) {
    opened.fd = open_placeholder();
    /* If that fails, the identity is that of no file, and the next call opens it again. */
    if (opened.fd >= 0) (void)identify(opened.fd, &opened.identity);
  }
  int result = opened.fd;
  pthread_mutex_unlock(&lock);
  return result;
}

int placeholder_put(int fd) {
  int placeholder = placeholder_fd();
  if (placeholder < 0) return placeholder;
  int before = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (before < 0) return -errno;
  if (dup2(placeholder, fd) >= 0) return before;
  int error = -errno;
  (void)close(before); /* opened above */
  return error;
}

void placeholder_remove(int fd, int before) {
  /* Not dup3(): a seccomp filter can kill for a call that Node does not make. Both FDs are open. */
  if (dup2(before, fd) == fd) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  (void)close(before); /* opened by placeholder_put() */
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
bool is_placeholder_file(const struct file_identity *file) {
  (void)file;
  return false;
}
bool is_placeholder(int fd) {
  (void)fd;
  return false;
}

#endif
