#define _GNU_SOURCE
#include "spare_memory.h"

#ifdef __linux__
#include <features.h>
#endif

#ifdef __GLIBC__

#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

/* In bytes. Looking through so much takes less than a millisecond. */
#define MOST_GROWTH (8 << 20)

/* Where the heap ended when the addon was loaded. */
static intptr_t begin;

/* The end of malloc()'s first heap. */
static intptr_t heap_end(void) { return (intptr_t)sbrk(0); }

__attribute__((constructor)) static void note_begin(void) { begin = heap_end(); }

void spare_memory_release(void) {
  if (heap_end() - begin < MOST_GROWTH) (void)malloc_trim(0); /* 0: nothing was free */
}

#else

void spare_memory_release(void) {}

#endif
