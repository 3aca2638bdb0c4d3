/*
 * Like list-fds, but an FD >= 3 that closefds put in the place of another is printed, too, in quotes:
 * "40 placeholder", or "40 null" for the null device. Ignores its arguments, so that fork() can
 * start it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* More than any of the routes has open. */
#define HIGHEST 4096

static bool is_null_device(int fd) {
  struct stat file;
  return fstat(fd, &file) == 0 && S_ISCHR(file.st_mode) && file.st_rdev == makedev(1, 3);
}

/* All that is promised of it: it cannot be read, written or opened again. */
static bool is_placeholder(int fd) {
  char byte = 0, path[32];
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return read(fd, &byte, 1) < 0 && errno == EBADF && write(fd, &byte, 1) < 0 && errno == EBADF &&
         open(path, O_RDONLY) < 0 && open(path, O_WRONLY) < 0 && open(path, O_PATH | O_DIRECTORY) < 0;
}

static const char *form(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (fd < 3) return "%s%d";
  if (flags & O_PATH) return is_placeholder(fd) ? "%s\"%d placeholder\"" : "%s\"%d path\"";
  return is_null_device(fd) ? "%s\"%d null\"" : "%s%d";
}

int main(void) {
  static char text[HIGHEST * 24];
  size_t length = 0;
  for (int fd = 0; fd < HIGHEST; fd++) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    length += (size_t)snprintf(text + length, sizeof text - length, form(fd), length == 0 ? "[" : ",", fd);
  }
  length += (size_t)snprintf(text + length, sizeof text - length, "%s\n", length == 0 ? "[]" : "]");
  return write(1, text, length) == (ssize_t)length ? 0 : 1;
}
