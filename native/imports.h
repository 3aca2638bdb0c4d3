/*
 * Import patching: writes the addresses of wrappers into the import slots (the global offset tables) of
 * loaded objects.
 *
 * A slot is written only if it holds the C library's function, or a stub that leads there. Slots that hold
 * anything else belong to another patcher: they are left and counted. The protection of each page is
 * afterwards what it was before.
 */
#ifndef CLOSEFDS_IMPORTS_H
#define CLOSEFDS_IMPORTS_H

#include "code_objects.h"

#ifdef DEEP_GUARD_SUPPORTED

/* Whose imports are replaced. */
enum import_scope { IMPORTS_OF_ALL, IMPORTS_OF_HOST, IMPORTS_OF_OTHERS };

/* A function that is replaced. Constant once the first walk began, apart from `canonical`. */
struct import_hook {
  const char *name;
  void *wrapper;
  enum import_scope scope;
  bool starts_process; /* a slot of Node's that is missed counts in `host_missed` */
  void *real;     /* the C library's function; NULL if it has none */
  void *same[2];  /* other versions of the function that do the same; or NULL */
  void *old;      /* another version that behaves differently, and its version; or NULL */
  const char *old_version;
  _Atomic int missed; /* slots that were denied, foreign or old, in all walks */
  void *canonical; /* the stub of a program that is not position-independent; or NULL */
};

struct import_counts {
  int objects; /* looked at */
  int covered; /* slots that lead to a wrapper */
  int denied;  /* slots that could not be written */
  int foreign; /* slots that hold the function of another patcher */
  int old;     /* slots with a function of an old version, which has no wrapper */
  int host_missed; /* those of Node itself, where the function starts processes */
};

/*
 * Replaces the imports of all loaded objects. `is_host` tells whether an object is part of Node. `barrier`
 * is a function of the loader that waits for a dlopen() of another thread, or NULL. Call it from any thread
 * that may wait for the loader, never in a forked child. Returns the counts of this walk.
 */
struct import_counts imports_walk(struct import_hook *hooks, size_t hook_count,
                                  bool (*is_host)(const struct elf_object *), void (*barrier)(void));

/* Whether objects were loaded or unloaded since the last walk. */
bool imports_changed(void);

/* The hook whose function has this address; NULL without one. */
const struct import_hook *import_hook_of(const struct import_hook *hooks, size_t hook_count, const void *function);

#endif
#endif
