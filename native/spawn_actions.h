/*
 * The file actions of posix_spawn(): which FDs they give to the child, and a copy of them that closes all
 * others.
 *
 * The C library does not say how it stores actions. spawn_actions_init() finds out by adding one of each
 * kind; a call with an action of another kind is not copied. glibc 2.34 or newer.
 */
#ifndef CLOSEFDS_SPAWN_ACTIONS_H
#define CLOSEFDS_SPAWN_ACTIONS_H

#include "elf_object.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <spawn.h>

/* Numbers of FDs, sorted, distinct. */
struct fd_numbers {
  int *fds;
  size_t count, room;
};

/* Adds a number; false if there is no room. */
bool fd_numbers_add(struct fd_numbers *numbers, int fd);
bool fd_numbers_contain(const struct fd_numbers *numbers, int fd);

/* Returns false if the layout is not the one that is known. `libc`: the object with the functions. */
bool spawn_actions_init(const struct elf_object *libc);

/* Whether `actions` can be copied: the layout is known, and so is each action. NULL has none. */
bool spawn_actions_are_known(const posix_spawn_file_actions_t *actions);

/* The number of actions. */
size_t spawn_actions_count(const posix_spawn_file_actions_t *actions);

/* Adds the FDs that the actions open or duplicate, and that they leave open. False if there is no room. */
bool spawn_actions_kept(const posix_spawn_file_actions_t *actions, struct fd_numbers *kept);

/* The bytes that a copy needs which keeps these numbers; 0 if it would need too many closes. */
size_t spawn_actions_room(const posix_spawn_file_actions_t *actions, const struct fd_numbers *kept);

/*
 * Writes the actions, and after them the closes of every number from 3 up that is not kept, into `memory`,
 * which is aligned as malloc() aligns. The result is valid as long as `memory` and the caller's actions.
 * Never pass it to posix_spawn_file_actions_destroy().
 */
posix_spawn_file_actions_t spawn_actions_copy(const posix_spawn_file_actions_t *actions,
                                              const struct fd_numbers *kept, void *memory);

#endif
#endif
