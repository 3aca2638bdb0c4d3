/*
 * One call of native code that makes a process: who calls, what the process may get, and its record.
 *
 * A call that belongs to a spawn of JavaScript is not recorded: JavaScript judges and reports it.
 */
#ifndef CLOSEFDS_NATIVE_CALL_H
#define CLOSEFDS_NATIVE_CALL_H

#include "code_objects.h"
#include "records.h"

#ifdef DEEP_GUARD_SUPPORTED

#include "spawn_actions.h"

struct native_call {
  struct code_object *object; /* NULL if unknown */
  enum native_policy policy;
  bool is_javascript;    /* it belongs to a spawn of JavaScript */
  struct record *record; /* NULL if nothing is recorded */
  unsigned kept_open;    /* bits: which FDs of the object's `keep` were inheritable before */
};

/*
 * Begins a call. `caller` is a return address. Lists the strays, unless this caller did so a moment ago.
 * Async-signal-safe. `designated`: FDs that the call gives to the child itself, or NULL.
 */
struct native_call native_call_begin(enum record_kind kind, const void *caller,
                                     const struct fd_numbers *designated);

/* Records the program that the process runs: a path, or the text that `argv` has for a shell. */
void native_call_command(struct record *record, const char *path, char *const argv[]);

/* Ends a call that made the process `pid`: 0 if it made none, -1 if the pid is unknown. */
void native_call_end(struct native_call *call, int pid);

/* Adds the FDs that the policy keeps: those of the JavaScript spawn, of the object, and of its variable. */
bool native_call_kept(const struct native_call *call, char *const envp[], struct fd_numbers *kept);

/* In the child of a guarded call: marks, unless the atfork handler did, and keeps what a rule allows. */
void native_call_in_child(const struct native_call *call);

/* Whether native_call_in_child() or the atfork handler marked in this process, as a child. */
bool native_call_was_marked(void);

/*
 * The FD that an environment names in the object's variable; -1 without one, or if it is not open.
 * `inheritable`: only if it is inheritable here. Async-signal-safe.
 */
int native_call_variable(const struct code_object *object, char *const envp[], bool inheritable);

/* Prepares this process and this thread, which runs JavaScript. */
bool native_calls_init(void);

/* Whether this process is the one that was armed, and not a child of it. */
bool native_call_is_armed_process(void);

/* Marks in this process for a call whose child cannot be made to close, and counts it. */
void native_call_mark_here(void);
unsigned native_calls_marked(void);

#endif
#endif
