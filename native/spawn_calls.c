#define _GNU_SOURCE
#include "spawn_calls.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <stdint.h>
#include <sys/mman.h>

struct real_spawn_calls real_spawn;

/* The bytes on the stack for FD numbers and actions. A call that needs more maps memory. */
#define SMALL 6144

/* Memory for one call, without malloc: the caller may be a signal handler or the child of a vfork(). */
struct scratch {
  void *mapped;
  size_t size;
};

static void *take(struct scratch *scratch, void *small, size_t size) {
  scratch->mapped = NULL;
  scratch->size = size;
  if (size <= SMALL) return small;
  void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return NULL;
  return scratch->mapped = mapped;
}

static void give_back(const struct scratch *scratch) {
  if (scratch->mapped != NULL) (void)munmap(scratch->mapped, scratch->size); /* our own mapping; cannot fail */
}

struct spawn_arguments {
  spawn_function *real;
  pid_t *pid;
  const char *path;
  const posix_spawn_file_actions_t *actions;
  const posix_spawnattr_t *attributes;
  char *const *argv;
  char *const *envp;
};

static int call_real(const struct spawn_arguments *spawn, const posix_spawn_file_actions_t *actions) {
  return spawn->real(spawn->pid, spawn->path, actions, spawn->attributes, spawn->argv, spawn->envp);
}

/* Marks in this process instead, where the child cannot be made to close. */
static int spawn_marked(const struct spawn_arguments *spawn) {
  native_call_mark_here();
  return call_real(spawn, spawn->actions);
}

static int spawn_closing(const struct spawn_arguments *spawn, const struct fd_numbers *kept) {
  _Alignas(max_align_t) char small[SMALL];
  struct scratch scratch;
  const size_t size = spawn_actions_room(spawn->actions, kept);
  void *memory = size == 0 ? NULL : take(&scratch, small, size);
  if (memory == NULL) return spawn_marked(spawn);
  const posix_spawn_file_actions_t copy = spawn_actions_copy(spawn->actions, kept, memory);
  const int result = call_real(spawn, &copy);
  give_back(&scratch);
  return result;
}

static int spawn_as(struct native_call *call, const struct spawn_arguments *spawn, struct fd_numbers *kept,
                    bool is_known) {
  native_call_command(call->record, spawn->path, spawn->argv);
  if (call->policy != NATIVE_GUARD) return call_real(spawn, spawn->actions);
  if (!real_spawn.can_close || !is_known || !native_call_kept(call, spawn->envp, kept)) return spawn_marked(spawn);
  return spawn_closing(spawn, kept);
}

static int wrap_spawn(const struct spawn_arguments *spawn, bool is_pidfd, const void *caller) {
  int few[SMALL / sizeof(int)];
  struct scratch scratch;
  /* The numbers of the actions, of the JavaScript spawn, of the object, and of its variable. */
  const size_t room = spawn_actions_count(spawn->actions) + 256 + MOST_KEPT + 1;
  struct fd_numbers kept = {take(&scratch, few, room * sizeof(int)), 0, room};
  const bool is_known = kept.fds != NULL && spawn_actions_are_known(spawn->actions) &&
                        spawn_actions_kept(spawn->actions, &kept);

  struct native_call call = native_call_begin(RECORD_POSIX_SPAWN, caller, is_known ? &kept : NULL);
  const int result = spawn_as(&call, spawn, &kept, is_known);
  /* posix_spawn() fails if the program cannot be run. A pidfd is not a pid. */
  native_call_end(&call, result != 0 ? 0 : is_pidfd || spawn->pid == NULL ? -1 : *spawn->pid);
  give_back(&scratch);
  return result;
}

#define WRAPPER(name, real_name, is_pidfd)                                                                      \
  int name(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,                             \
           const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {                       \
    const struct spawn_arguments spawn = {real_spawn.real_name, pid, path, actions, attributes, argv, envp};    \
    return wrap_spawn(&spawn, is_pidfd, __builtin_return_address(0));                                           \
  }

WRAPPER(spawn_wrapper, posix_spawn, false)
WRAPPER(spawnp_wrapper, posix_spawnp, false)
WRAPPER(pidfd_spawn_wrapper, pidfd_spawn, true)
WRAPPER(pidfd_spawnp_wrapper, pidfd_spawnp, true)

#endif
