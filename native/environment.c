#include "environment.h"

#ifdef __linux__

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

/* The variables as of the last call, one behind the other, each with its NUL. NULL: not known. */
static char *known;
static size_t known_size;

static bool is_known(void) {
  const char *at = known;
  size_t left = known_size;
  for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
    size_t size = strlen(*variable) + 1;
    if (size > left || memcmp(at, *variable, size) != 0) return false;
    at += size;
    left -= size;
  }
  return left == 0;
}

static void remember(void) {
  size_t size = 0;
  for (char **variable = environ; variable != NULL && *variable != NULL; variable++)
    size += strlen(*variable) + 1;

  free(known);
  known = malloc(size + 1); /* a process may have no variables */
  known_size = size;
  if (known == NULL) return;
  char *at = known;
  for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
    size_t part = strlen(*variable) + 1;
    memcpy(at, *variable, part);
    at += part;
  }
}

bool environment_changed(void) {
  if (known != NULL && is_known()) return false;
  remember();
  return true;
}

#else

bool environment_changed(void) { return true; }

#endif
