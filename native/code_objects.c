#define _GNU_SOURCE
#include "code_objects.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <stdatomic.h>
#include <string.h>

#define UNSET (-1)

/* Untouched pages cost no memory. */
static struct code_object objects[MOST_OBJECTS];
/* No malloc: object_add() runs inside dl_iterate_phdr(). */
static char paths[1 << 20];
static size_t paths_used;
static atomic_int count;
static atomic_int default_policy = NATIVE_REPORT;

/* From the end: dlclose() frees addresses, and a later object can get them. */
struct code_object *object_of(const void *address) {
  const uintptr_t at = (uintptr_t)address;
  for (int i = atomic_load_explicit(&count, memory_order_acquire) - 1; i >= 0; i--)
    if (at >= objects[i].start && at < objects[i].end) return &objects[i];
  return NULL;
}

static struct code_object *find(const struct elf_object *object) {
  struct code_object *known = object_of((const void *)object->start);
  bool is_same = known != NULL && known->start == object->start && known->end == object->end &&
                 strcmp(known->path, object->path) == 0;
  return is_same ? known : NULL;
}

struct code_object *object_add(const struct elf_object *object, bool is_host) {
  struct code_object *known = find(object);
  const int index = atomic_load(&count);
  if (known != NULL || index == MOST_OBJECTS) return known;

  const size_t size = strlen(object->path) + 1;
  if (size > sizeof paths - paths_used) return NULL;
  char *path = memcpy(paths + paths_used, object->path, size);
  paths_used += size;
  struct code_object *added = &objects[index];
  added->start = object->start;
  added->end = object->end;
  added->path = path;
  added->is_host = is_host;
  atomic_store(&added->policy, UNSET);
  atomic_store_explicit(&count, index + 1, memory_order_release);
  return added;
}

int object_count(void) { return atomic_load_explicit(&count, memory_order_acquire); }

struct code_object *object_at(int index) { return &objects[index]; }

int object_index(const struct code_object *object) { return object == NULL ? -1 : (int)(object - objects); }

void object_set_default(enum native_policy policy) { atomic_store(&default_policy, (int)policy); }

enum native_policy object_policy(const struct code_object *object) {
  const int policy = object == NULL ? UNSET : atomic_load(&object->policy);
  return (enum native_policy)(policy == UNSET ? atomic_load(&default_policy) : policy);
}

#endif
