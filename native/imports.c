#define _GNU_SOURCE
#include "imports.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The number of objects that were loaded and unloaded, as the loader counts them. */
struct generation {
  unsigned long long loaded, unloaded;
};

/* The objects that were there before the barrier, so that their relocation is complete. */
struct presence {
  struct generation generation;
  size_t count;
  uintptr_t bases[MOST_OBJECTS];
};

#define MOST_ATTEMPTS 3

/* Of <linux/futex.h>, which musl's compiler wrapper does not find: OR the word with 0, then compare it with 0. */
#define WAKE_OP_PRIVATE (5 | 128) /* FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG */
#define OR_WITH_ZERO (2 << 28)    /* FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0) */

struct walk {
  struct import_hook *hooks;
  size_t hook_count;
  bool (*is_host)(const struct elf_object *);
  struct import_counts counts;
  const struct presence *present;
  bool is_disturbed; /* an object was unloaded since */
  /* Of the object at hand: */
  bool in_host;
  bool relro_is_open;    /* RELRO was made writable, and is to be closed */
  bool relro_was_closed; /* known once a slot in RELRO was met */
  bool relro_refused;
  bool knows_relro;
};

static pthread_mutex_t walk_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ullong walked_loaded, walked_unloaded;

/* ------------------------------------------------------------------------------------------
 * One slot
 * ---------------------------------------------------------------------------------------- */

enum slot_state { SLOT_COVERED, SLOT_OURS_TO_WRITE, SLOT_FOREIGN, SLOT_OLD };

static bool asks_for_old(const struct elf_object *object, const struct elf_import *import,
                         const struct import_hook *hook) {
  if (hook->old_version == NULL) return false;
  const char *version = elf_import_version(object, import->symbol);
  return version != NULL && strcmp(version, hook->old_version) == 0;
}

static enum slot_state classify(const struct elf_object *object, const struct elf_import *import,
                                const struct import_hook *hook, uintptr_t value) {
  if (value == (uintptr_t)hook->wrapper) return SLOT_COVERED;
  if (asks_for_old(object, import, hook)) return SLOT_OLD;
  if (value == (uintptr_t)hook->real) return SLOT_OURS_TO_WRITE;
  for (size_t i = 0; i < 2; i++)
    if (hook->same[i] != NULL && value == (uintptr_t)hook->same[i]) return SLOT_OURS_TO_WRITE;
  if (hook->canonical != NULL && value == (uintptr_t)hook->canonical) return SLOT_OURS_TO_WRITE;
  /* The stub that resolves the function at the first call. */
  if (import->is_jump_slot && value >= object->start && value < object->end) return SLOT_OURS_TO_WRITE;
  return SLOT_FOREIGN;
}

/*
 * Whether a word can be written, without writing another value: FUTEX_WAKE_OP combines it with 0, and fails
 * with EFAULT if the page is read-only.
 */
static bool is_writable(uintptr_t address) {
  uint32_t own = 0;
  return syscall(SYS_futex, &own, WAKE_OP_PRIVATE, 0, NULL, (uint32_t *)address, OR_WITH_ZERO) >= 0;
}

static bool protect_relro(const struct elf_object *object, int protection) {
  return mprotect((void *)object->relro_start, object->relro_end - object->relro_start, protection) == 0;
}

/* Makes RELRO writable if it is not, once for each object. */
static bool open_relro(struct walk *walk, const struct elf_object *object, uintptr_t slot) {
  if (!walk->knows_relro) {
    walk->knows_relro = true;
    walk->relro_was_closed = !is_writable(slot);
    walk->relro_is_open = walk->relro_was_closed && protect_relro(object, PROT_READ | PROT_WRITE);
    walk->relro_refused = walk->relro_was_closed && !walk->relro_is_open;
  }
  return !walk->relro_refused;
}

/* mprotect() fails in a process with a strict security module, seccomp filter or mseal(). */
static bool write_slot(struct walk *walk, const struct elf_object *object, uintptr_t slot, void *value) {
  const bool in_relro = slot >= object->relro_start && slot < object->relro_end;
  if (in_relro ? !open_relro(walk, object, slot) : !elf_is_in_data(object, slot)) return false;
  atomic_store_explicit((_Atomic uintptr_t *)slot, (uintptr_t)value, memory_order_release);
  return true;
}

/* Most names begin with another letter than every hook. */
static bool may_be_hooked(const char *name) {
  if (name[0] == '_' && name[1] == 'Z') return false;
  return *name == 'c' || *name == 'd' || *name == 'e' || *name == 'f' || *name == 'p' || *name == 's' ||
         *name == 'v' || *name == '_';
}

static void visit_import(const struct elf_object *object, const struct elf_import *import, void *data) {
  struct walk *walk = data;
  const char *name = elf_name(object, import->symbol);
  if (!may_be_hooked(name)) return;
  for (size_t i = 0; i < walk->hook_count; i++) {
    struct import_hook *hook = &walk->hooks[i];
    if (strcmp(hook->name, name) != 0) continue;
    if (hook->real == NULL || hook->scope == (walk->in_host ? IMPORTS_OF_OTHERS : IMPORTS_OF_HOST)) continue;
    /* Only a program that is not position-independent gives an undefined symbol a value: that of its stub. */
    const uintptr_t stub = object->symbols[import->symbol].st_value;
    if (stub != 0 && *object->path == '\0') hook->canonical = (void *)(object->base + stub);

    const uintptr_t value = atomic_load_explicit((_Atomic uintptr_t *)import->slot, memory_order_acquire);
    const enum slot_state state = classify(object, import, hook, value);
    const bool is_covered = state == SLOT_COVERED ||
                            (state == SLOT_OURS_TO_WRITE && write_slot(walk, object, import->slot, hook->wrapper));
    if (is_covered) {
      walk->counts.covered++;
      return;
    }
    if (state == SLOT_FOREIGN) walk->counts.foreign++;
    else if (state == SLOT_OLD) walk->counts.old++;
    else walk->counts.denied++;
    if (walk->in_host && hook->starts_process) walk->counts.host_missed++;
    atomic_fetch_add(&hook->missed, 1);
    return;
  }
}

/* ------------------------------------------------------------------------------------------
 * All objects
 * ---------------------------------------------------------------------------------------- */

/* The C library calls itself without slots; the loader's slots are not written while it may run. */
static bool is_left_out(const struct elf_object *object) {
  const uintptr_t here = (uintptr_t)&walk_lock;
  if (here >= object->start && here < object->end) return true;
  return elf_is_libc(object) || (object->soname != NULL && strncmp(object->soname, "ld-", 3) == 0);
}

static void note_generation(const struct dl_phdr_info *info, size_t size, struct generation *generation) {
  if (size < offsetof(struct dl_phdr_info, dlpi_subs) + sizeof info->dlpi_subs) return;
  generation->loaded = info->dlpi_adds;
  generation->unloaded = info->dlpi_subs;
}

static int note_presence(struct dl_phdr_info *info, size_t size, void *data) {
  struct presence *presence = data;
  note_generation(info, size, &presence->generation);
  if (presence->count == MOST_OBJECTS) return 1;
  presence->bases[presence->count++] = (uintptr_t)info->dlpi_phdr;
  return 0;
}

static bool was_present(const struct presence *present, const struct dl_phdr_info *info) {
  for (size_t i = 0; i < present->count; i++)
    if (present->bases[i] == (uintptr_t)info->dlpi_phdr) return true;
  return false;
}

/* Runs while the loader holds its lock: reads, futex() and mprotect() only. */
static int patch_object(struct dl_phdr_info *info, size_t size, void *data) {
  struct walk *walk = data;
  struct elf_object object;
  struct generation now = {0, 0};
  note_generation(info, size, &now);
  walk->is_disturbed = now.unloaded != walk->present->generation.unloaded;
  if (walk->is_disturbed) return 1;
  if (!was_present(walk->present, info) || !elf_read(info, &object) || is_left_out(&object)) return 0;

  walk->counts.objects++;
  walk->in_host = walk->is_host(&object);
  walk->knows_relro = walk->relro_is_open = walk->relro_refused = false;
  (void)object_add(&object, walk->in_host); /* a full table means: the default policy */
  elf_visit_imports(&object, visit_import, walk);
  if (walk->relro_is_open) (void)protect_relro(&object, PROT_READ);
  return 0;
}

static bool walk_once(struct walk *walk, void (*barrier)(void)) {
  struct presence present = {.count = 0};
  (void)dl_iterate_phdr(note_presence, &present);
  if (barrier != NULL) barrier();

  /* Not during the barrier: the thread that it waits for may walk, too. */
  pthread_mutex_lock(&walk_lock);
  walk->present = &present;
  (void)dl_iterate_phdr(patch_object, walk);
  if (!walk->is_disturbed) {
    atomic_store(&walked_loaded, present.generation.loaded);
    atomic_store(&walked_unloaded, present.generation.unloaded);
  }
  pthread_mutex_unlock(&walk_lock);
  return !walk->is_disturbed;
}

/*
 * An object that another thread is loading is in the loader's list before it is relocated, and its slots
 * must not be written then. So the walk notes what is there, waits for a dlopen() that is under way, and
 * writes into what it noted. If an object was unloaded meanwhile, another one may have its addresses, and
 * the walk begins again. After a few attempts it is left to the next occasion.
 */
struct import_counts imports_walk(struct import_hook *hooks, size_t hook_count,
                                  bool (*is_host)(const struct elf_object *), void (*barrier)(void)) {
  struct walk walk;
  for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    walk = (struct walk){.hooks = hooks, .hook_count = hook_count, .is_host = is_host};
    if (walk_once(&walk, barrier)) break;
  }
  return walk.counts;
}

static int read_generation(struct dl_phdr_info *info, size_t size, void *data) {
  note_generation(info, size, data);
  return 1;
}

bool imports_changed(void) {
  struct generation now = {0, 0};
  (void)dl_iterate_phdr(read_generation, &now);
  return now.loaded != atomic_load(&walked_loaded) || now.unloaded != atomic_load(&walked_unloaded);
}

const struct import_hook *import_hook_of(const struct import_hook *hooks, size_t hook_count, const void *function) {
  for (size_t i = 0; i < hook_count; i++) {
    const struct import_hook *hook = &hooks[i];
    if (hook->real == NULL || hook->scope == IMPORTS_OF_HOST) continue;
    if (function == hook->real || function == hook->same[0] || function == hook->same[1]) return hook;
  }
  return NULL;
}

#endif
