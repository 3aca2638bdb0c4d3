/*
 * An LD_PRELOAD library: allocations of closefds's addon fail, three of four. Those of Node, of V8 and of
 * the C library succeed, since Node ends where one of its own fails.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

/* Addons are mapped above this address. Node is mapped below it, unless it is position-independent. */
#define LIBRARIES ((char *)0x700000000000)

static int fails(void *caller) {
  static atomic_uint calls;
  Dl_info info;
  if ((char *)caller < LIBRARIES) return 0; /* dladdr() takes long */
  if (dladdr(caller, &info) == 0 || info.dli_fname == NULL) return 0;
  const char *name = strrchr(info.dli_fname, '/');
  return name != NULL && strncmp(name, "/closefds.", 10) == 0 && atomic_fetch_add(&calls, 1) % 4 != 0;
}

void *malloc(size_t size) { return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
