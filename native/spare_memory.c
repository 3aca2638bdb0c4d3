#define _GNU_SOURCE
#include "spare_memory.h"

#ifdef __linux__
#include <features.h>
#endif

#ifdef __GLIBC__

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In bytes. Node alone has some fifty megabytes. */
#define MOST_RESIDENT (96L << 20)

/* The memory of this process, in bytes: the second number of /proc/self/statm, in pages, see proc(5). -1: unknown. */
static long resident(void) {
  char text[128];
  int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t length = read(fd, text, sizeof text - 1);
  (void)close(fd);
  if (length <= 0) return -1;
  text[length] = 0;
  const char *second = strchr(text, ' ');
  return second == NULL ? -1 : strtol(second, NULL, 10) * sysconf(_SC_PAGESIZE);
}

void spare_memory_release(void) {
  long now = resident();
  if (now >= 0 && now < MOST_RESIDENT) (void)malloc_trim(0); /* 0: nothing was free */
}

#else

void spare_memory_release(void) {}

#endif
