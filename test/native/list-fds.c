/*
 * Prints the numbers of its open file descriptors as a JSON array, and opens none itself. A
 * placeholder, with which closefds takes the number of a denied FD, is left out: it is no file that
 * a process could use, and list-all-fds prints it.
 *
 * A child that read /proc/self/fd would have one more. With an argument, the array goes to that
 * FD instead of stdout, for tests in which stdout is what is being tested. A second argument is
 * the number to stop at, for tests that start thousands of these.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than any test has open. */
#define HIGHEST 70000

int main(int argc, char **argv) {
  static char text[1 << 20];
  size_t length = 0;
  int end = argc > 2 ? atoi(argv[2]) : 0;
  if (end <= 0) end = HIGHEST; /* fork() hands it an empty file name */
  for (int fd = 0; fd < end; fd++) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_PATH)) continue;
    length += (size_t)snprintf(text + length, sizeof text - length, "%s%d", length == 0 ? "[" : ",", fd);
  }
  length += (size_t)snprintf(text + length, sizeof text - length, "%s\n", length == 0 ? "[]" : "]");

  int out = argc > 1 ? atoi(argv[1]) : 1;
  for (size_t written = 0; written < length;) {
    ssize_t size = write(out, text + written, length - written);
    if (size < 0) return 1;
    written += (size_t)size;
  }
  return 0;
}
