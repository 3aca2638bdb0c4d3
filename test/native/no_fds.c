/* Exits with 1 if it has an FD from 3 up to its argument. */
#include <fcntl.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  const int end = argc > 1 ? atoi(argv[1]) : 256;
  for (int fd = 3; fd < end; fd++)
    if (fcntl(fd, F_GETFD) >= 0) return 1;
  return 0;
}
