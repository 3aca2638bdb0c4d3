#define _GNU_SOURCE
#include "deep_guard.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fork_calls.h"
#include "spawn_calls.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* glibc 2.34 closes a range in posix_spawn()'s child. A test gives another number, to run without wrappers. */
#ifndef FIRST_WRAPPED_MINOR
#define FIRST_WRAPPED_MINOR 34
#endif

/* The version of the oldest functions of glibc on this architecture. */
#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#else
#define OLDEST "GLIBC_2.17"
#endif

void *(*deep_real_dlopen)(const char *, int);
void *(*deep_real_dlsym)(void *, const char *);
int (*deep_real_vfork)(void);

/* ------------------------------------------------------------------------------------------
 * The hooks
 * ---------------------------------------------------------------------------------------- */

#define STARTS true
#define HOOK(name, wrapper, scope, starts) {name, (void *)(wrapper), scope, starts, NULL, {NULL, NULL}, NULL, NULL, 0, NULL}

/* With glibc 2.34. Node's own fork() runs the atfork handler, and its exec functions run in marked children. */
static struct import_hook wrapping[] = {
    HOOK("posix_spawn", spawn_wrapper, IMPORTS_OF_ALL, STARTS),
    HOOK("posix_spawnp", spawnp_wrapper, IMPORTS_OF_ALL, STARTS),
    HOOK("pidfd_spawn", pidfd_spawn_wrapper, IMPORTS_OF_ALL, STARTS),
    HOOK("pidfd_spawnp", pidfd_spawnp_wrapper, IMPORTS_OF_ALL, STARTS),
    HOOK("dlopen", dlopen_stub, IMPORTS_OF_ALL, false),
    HOOK("dlsym", dlsym_stub, IMPORTS_OF_OTHERS, false),
    HOOK("fork", fork_wrapper, IMPORTS_OF_OTHERS, STARTS),
    /* Its wrapper is the C library's fork(): another function of another tool may skip the handlers. */
    HOOK("fork", NULL, IMPORTS_OF_HOST, STARTS),
    HOOK("__fork", fork_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("_Fork", bare_fork_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("forkpty", forkpty_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("clone", clone_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("__clone", clone_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("system", system_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("popen", popen_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("pclose", pclose_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("execve", execve_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("execv", execv_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("execvp", execvp_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("execvpe", execvpe_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("execl", execl_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("execlp", execlp_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("execle", execle_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("fexecve", fexecve_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("execveat", execveat_wrapper, IMPORTS_OF_OTHERS, STARTS),
    /* The last two, which a shadow stack leaves out. */
    HOOK("vfork", vfork_stub, IMPORTS_OF_OTHERS, STARTS),
    HOOK("__vfork", vfork_stub, IMPORTS_OF_OTHERS, STARTS),
};
#define WRAPPING (sizeof wrapping / sizeof *wrapping)

/* With musl and older glibc. The wrapper of the first is the C library's fork(). */
static struct import_hook marking[] = {
    HOOK("vfork", NULL, IMPORTS_OF_HOST, STARTS),
    HOOK("posix_spawn", spawn_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("posix_spawnp", spawnp_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("system", system_wrapper, IMPORTS_OF_OTHERS, STARTS),
    HOOK("popen", popen_wrapper, IMPORTS_OF_OTHERS, STARTS),
};
#define MARKING (sizeof marking / sizeof *marking)

static struct import_hook *hooks;
static size_t hook_count;
static struct deep_state state;
static const void *host_function;
static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;
static int (*real_dladdr)(const void *, Dl_info *);

/* Reads the versions of a function: those that do the same, and the one that does not. */
static void resolve(const struct elf_object *libc, struct import_hook *hook) {
  hook->real = elf_function(libc, hook->name, NULL);
  if (hook->real == NULL) return;
  void *oldest = elf_function(libc, hook->name, OLDEST);
  if (oldest == NULL || oldest == hook->real) return;
  /* posix_spawn() before 2.15 runs a file without a header by the shell. */
  if (strncmp(hook->name, "posix_spawn", 11) == 0) {
    hook->old = oldest;
    hook->old_version = OLDEST;
  } else {
    hook->same[0] = oldest;
  }
}

static void *real_of(const char *name) {
  for (size_t i = 0; i < hook_count; i++)
    if (strcmp(hooks[i].name, name) == 0) return hooks[i].real;
  return NULL;
}

/* ISO C has no conversion between the address of an object and that of a function; POSIX has. */
#define SET(target, address)                                         \
  do {                                                               \
    void *found = (address);                                         \
    _Static_assert(sizeof(target) == sizeof found, "POSIX");         \
    memcpy(&(target), &found, sizeof found);                         \
  } while (0)

static void set_real_functions(const struct elf_object *libc) {
  SET(real_spawn.posix_spawn, real_of("posix_spawn"));
  SET(real_spawn.posix_spawnp, real_of("posix_spawnp"));
  SET(real_spawn.pidfd_spawn, real_of("pidfd_spawn"));
  SET(real_spawn.pidfd_spawnp, real_of("pidfd_spawnp"));
  SET(real_spawn.system, real_of("system"));
  SET(real_spawn.popen, real_of("popen"));
  SET(real_spawn.pclose, real_of("pclose"));
  SET(real_spawn.add_closefrom, elf_function(libc, "posix_spawn_file_actions_addclosefrom_np", NULL));
  SET(real_forks.fork, elf_function(libc, "fork", NULL));
  SET(real_forks.bare_fork, real_of("_Fork"));
  SET(real_forks.forkpty, real_of("forkpty"));
  SET(real_forks.clone, real_of("clone"));
  SET(real_forks.execve, real_of("execve"));
  SET(real_forks.execv, real_of("execv"));
  SET(real_forks.execvp, real_of("execvp"));
  SET(real_forks.execvpe, real_of("execvpe"));
  SET(real_forks.fexecve, real_of("fexecve"));
  SET(real_forks.execveat, real_of("execveat"));
  SET(deep_real_dlopen, real_of("dlopen"));
  SET(deep_real_dlsym, real_of("dlsym"));
  SET(deep_real_vfork, elf_function(libc, "vfork", NULL));
  SET(real_dladdr, elf_function(libc, "dladdr", NULL));
}

/* ------------------------------------------------------------------------------------------
 * Arming
 * ---------------------------------------------------------------------------------------- */

static int find_libc(struct dl_phdr_info *info, size_t size, void *data) {
  struct elf_object *libc = data, object;
  (void)size;
  if (!elf_read(info, &object) || !elf_is_libc(&object)) return 0;
  *libc = object;
  return 1;
}

static bool contains(const struct elf_object *object, const void *address) {
  return (uintptr_t)address >= object->start && (uintptr_t)address < object->end;
}

/* Node, and libuv where a distribution ships it as a library. */
static bool is_host(const struct elf_object *object) {
  return contains(object, host_function) ||
         (object->soname != NULL && strncmp(object->soname, "libuv.so", 8) == 0);
}

/* A child of posix_spawn() closes a range by close_range() or, in glibc, by /proc. Without both it fails. */
static bool can_close_range(void) {
  return syscall(SYS_close_range, UINT_MAX, UINT_MAX, 0) == 0 || access("/proc/self/fd", R_OK | X_OK) == 0;
}

/* With a shadow stack, the processor compares return addresses, and a wrapper of vfork() returns twice. */
static bool has_shadow_stack(void) {
#if defined(__x86_64__)
  uint64_t pointer = 0;
  __asm__ volatile("rdsspq %0" : "+r"(pointer)); /* does nothing without one */
  return pointer != 0;
#else
  return false;
#endif
}

static bool is_at_least(const char *version, int major, int minor) {
  char *end;
  const long found = strtol(version, &end, 10);
  return found > major || (found == major && *end == '.' && strtol(end + 1, NULL, 10) >= minor);
}

static const char *glibc_version(const struct elf_object *libc) {
  const char *(*version)(void) = NULL;
  SET(version, elf_function(libc, "gnu_get_libc_version", NULL));
  return version == NULL ? "0.0" : version();
}

static int find_thread_library(struct dl_phdr_info *info, size_t size, void *data) {
  struct elf_object *object = data;
  (void)size;
  return elf_read(info, object) && object->soname != NULL && strcmp(object->soname, "libpthread.so.0") == 0;
}

/* Before glibc 2.34, the library of threads has its own system(), fork() and vfork(), which others are linked to. */
static void add_thread_library(void) {
  struct elf_object threads;
  if (dl_iterate_phdr(find_thread_library, &threads) != 1) return;
  for (size_t i = 0; i < hook_count; i++) {
    void *function = elf_function(&threads, hooks[i].name, NULL);
    /* Its system() has a version only, and no default one. */
    hooks[i].same[1] = function != NULL ? function : elf_function(&threads, hooks[i].name, OLDEST);
  }
}

static void choose_hooks(const struct elf_object *libc) {
  const char *version = glibc_version(libc);
  const bool wraps = is_at_least(version, 2, FIRST_WRAPPED_MINOR);
  state.leaves_vfork = has_shadow_stack();
  hooks = wraps ? wrapping : marking;
  hook_count = wraps ? WRAPPING - (state.leaves_vfork ? 2 : 0) : MARKING;
  for (size_t i = 0; i < hook_count; i++) resolve(libc, &hooks[i]);
  set_real_functions(libc);
  for (size_t i = 0; i < hook_count; i++)
    if (hooks[i].scope == IMPORTS_OF_HOST) hooks[i].wrapper = elf_function(libc, "fork", NULL);
  if (!wraps) add_thread_library();
  state.stage = wraps ? DEEP_WRAPS : DEEP_MARKS;
  state.knows_actions = wraps && spawn_actions_init(libc);
  state.can_close = wraps && can_close_range();
  real_spawn.can_close = state.can_close;
  real_spawn.ends_options = is_at_least(version, 2, 38);
  if (wraps) shell_calls_init(libc);
}

/* A function whose slots were missed somewhere counts for all of its names. */
static const _Atomic int *missed_of(const char *name) {
  static const _Atomic int none;
  for (size_t i = 0; i < hook_count; i++)
    if (strcmp(hooks[i].name, name) == 0) return &hooks[i].missed;
  return &none;
}

bool deep_arm(enum native_policy policy, const void *host) {
  static bool is_tried;
  pthread_mutex_lock(&state_lock);
  const bool is_first = !is_tried;
  bool is_ready = is_first ? native_calls_init() : state.stage != DEEP_OFF;
  is_tried = true;
  if (is_first && is_ready) {
    struct elf_object libc;
    object_set_default(policy);
    host_function = host;
    is_ready = dl_iterate_phdr(find_libc, &libc) == 1;
    if (is_ready) choose_hooks(&libc);
    real_spawn.missed_pcloses = missed_of("pclose");
  }
  pthread_mutex_unlock(&state_lock);
  if (!is_ready) return false;
  if (is_first) (void)deep_walk(true);
  return native_calls_init();
}

/* dladdr() takes the loader's lock, which a dlopen() of another thread holds until its end. */
static void wait_for_loader(void) {
  Dl_info unused;
  if (real_dladdr != NULL) (void)real_dladdr((const void *)wait_for_loader, &unused);
}

bool deep_walk(bool always) {
  if (!native_call_is_armed_process() || state.stage == DEEP_OFF) return false;
  if (!always && !imports_changed()) return false;
  const struct import_counts counts = imports_walk(hooks, hook_count, is_host, wait_for_loader);
  pthread_mutex_lock(&state_lock);
  state.imports = counts;
  pthread_mutex_unlock(&state_lock);
  return true;
}

struct deep_state deep_state(void) {
  pthread_mutex_lock(&state_lock);
  struct deep_state copy = state;
  pthread_mutex_unlock(&state_lock);
  copy.marked_calls = native_calls_marked();
  copy.lost_records = records_lost();
  return copy;
}

/* ------------------------------------------------------------------------------------------
 * dlopen() and dlsym()
 * ---------------------------------------------------------------------------------------- */

/*
 * A path with a slash means the same for each caller. Another name is searched in the caller's RUNPATH, and
 * $ORIGIN is the caller's folder: there the stub jumps to the real function, and a later walk finds the object.
 */
int deep_opens_path(const char *path) {
  return path != NULL && strchr(path, '/') != NULL && strchr(path, '$') == NULL;
}

void *deep_dlopen(const char *path, int flags) {
  void *handle = deep_real_dlopen(path, flags);
  if (handle != NULL) (void)deep_walk(false);
  return handle;
}

int deep_finds_hook(void *handle, const char *name) {
  (void)deep_walk(false);
  if (handle == RTLD_NEXT || name == NULL) return 0;
  return real_of(name) != NULL;
}

void *deep_dlsym(void *handle, const char *name) {
  void *found = deep_real_dlsym(handle, name);
  const struct import_hook *hook = found == NULL ? NULL : import_hook_of(hooks, hook_count, found);
  return hook == NULL ? found : hook->wrapper;
}

#endif
