/*
 * The loaded objects (the program, libraries, addons) by address, and what the processes that each of them
 * makes may get.
 *
 * JavaScript sets the policy of an object. The table only grows, and is read without locks: wrappers look up
 * their caller in it, also in a child between fork and exec.
 */
#ifndef CLOSEFDS_CODE_OBJECTS_H
#define CLOSEFDS_CODE_OBJECTS_H

#include "elf_object.h"

#ifdef DEEP_GUARD_SUPPORTED

/* What happens to the strays of a process that an object makes. */
enum native_policy {
  NATIVE_GUARD = 0,  /* they are closed, and recorded */
  NATIVE_REPORT = 1, /* they pass, and are recorded */
  NATIVE_LEAVE = 2,  /* they pass, and nothing is recorded */
};

#define MOST_OBJECTS 2048
#define MOST_KEPT 16

struct code_object {
  uintptr_t start, end;
  const char *path; /* "" for the program */
  bool is_host;     /* Node, or a library of Node's that starts processes for JavaScript */
  _Atomic int policy;
  _Atomic int keep[MOST_KEPT]; /* FDs that a rule allows; 0 ends the list */
  /* The environment variable with the number of an FD that the object passes by its flag alone; or NULL. */
  const char *_Atomic keep_variable;
};

/* The object that contains an address. NULL if it is unknown. Async-signal-safe. */
struct code_object *object_of(const void *address);

/* Adds an object unless it is known. Only one thread may call it at a time. NULL if the table is full. */
struct code_object *object_add(const struct elf_object *object, bool is_host);

/* The number of objects ever added, and the object with an index below that number. */
int object_count(void);
struct code_object *object_at(int index);
int object_index(const struct code_object *object);

/* The policy of objects for which JavaScript has set none. */
void object_set_default(enum native_policy policy);

enum native_policy object_policy(const struct code_object *object);

#endif
#endif
