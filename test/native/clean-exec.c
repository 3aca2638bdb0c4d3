/*
 * clean-exec COMMAND [ARGUMENT...]: starts a command with stdin, stdout and stderr and no other FD.
 *
 * Whatever runs the tests may leak FDs of its own, and a test about leaks has to start from none.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  for (int fd = 3; fd < 70000; fd++) (void)close(fd); /* most are not open */
  execvp(argv[1], argv + 1);
  perror(argv[1]);
  return 127;
}
