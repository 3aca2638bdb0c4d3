#define _GNU_SOURCE
#include "records.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define ROOM 1024U

enum record_state { STATE_FREE, STATE_WRITING, STATE_READY };

struct ring {
  atomic_uint written; /* the number of records ever begun */
  atomic_uint read;    /* the number of records ever taken */
  atomic_uint lost;
  struct record records[ROOM];
};

static struct ring *ring;

bool records_init(void) {
  if (ring != NULL) return true;
  void *memory = mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  ring = memory;
  return true;
}

struct record *record_begin(enum record_kind kind) {
  if (ring == NULL) return NULL;
  unsigned number = atomic_load(&ring->written);
  do {
    if (number - atomic_load(&ring->read) >= ROOM) {
      atomic_fetch_add(&ring->lost, 1);
      return NULL;
    }
  } while (!atomic_compare_exchange_weak(&ring->written, &number, number + 1));

  struct record *record = &ring->records[number % ROOM];
  atomic_store(&record->state, STATE_WRITING);
  memset((char *)record + sizeof record->state, 0, sizeof *record - sizeof record->state);
  record->kind = kind;
  record->object = -1;
  return record;
}

void record_end(struct record *record) {
  if (record != NULL) atomic_store_explicit(&record->state, STATE_READY, memory_order_release);
}

/*
 * A child can end, or its exec can fail, while it writes. The reader waits for such a record until half of
 * the ring is full, so that a slow writer is not overtaken; then the record is lost.
 */
bool record_take(struct record *record) {
  if (ring == NULL) return false;
  for (;;) {
    const unsigned number = atomic_load(&ring->read), waiting = atomic_load(&ring->written) - number;
    if (waiting == 0) return false;
    struct record *next = &ring->records[number % ROOM];
    const bool is_ready = atomic_load_explicit(&next->state, memory_order_acquire) == STATE_READY;
    if (!is_ready && waiting < ROOM / 2) return false;
    if (is_ready)
      memcpy(record, next, sizeof *record);
    else
      atomic_fetch_add(&ring->lost, 1);
    atomic_store(&next->state, STATE_FREE);
    atomic_store(&ring->read, number + 1);
    if (is_ready) return true;
  }
}

unsigned records_lost(void) { return ring == NULL ? 0 : atomic_load(&ring->lost); }

#endif
