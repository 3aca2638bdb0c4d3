#define _GNU_SOURCE
#include "native_call.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fd_table.h"
#include "file_identity.h"
#include "placeholder.h"
#include "stray_guard.h"

/* A caller lists its strays at most this often; listing takes a system call for each number. */
#define LOOK_INTERVAL_NS 100000000LL
#define LOOK_CALLERS 256

static struct {
  atomic_uintptr_t caller;
  atomic_llong time;
} looks[LOOK_CALLERS];

static atomic_int armed_pid;
static atomic_uint marked_calls;

/* A child that shares memory with its parent writes into the parent's variables, so the pid tells whose they are. */
static _Thread_local struct {
  bool is_javascript;
  int marked_pid; /* the child of this thread that marked last */
} here;

/* Collects the inheritable FDs of this process that are not designated. */
struct look {
  struct record *record;
  const struct fd_numbers *designated;
};

static void add_stray(struct record *record, int fd) {
  struct file_identity identity;
  if (record->stray_count < RECORD_FDS) {
    record->strays[record->stray_count] = fd;
    record->inodes[record->stray_count] = identify(fd, &identity) ? identity.ino : 0;
  }
  record->stray_count++;
}

static int look_at(int fd, const void *data) {
  const struct look *look = data;
  if (look->designated != NULL && fd_numbers_contain(look->designated, fd)) return 0;
  if (is_inheritable(fd) && !is_placeholder(fd)) add_stray(look->record, fd);
  return 0;
}

static bool is_look_due(const void *caller) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return true;
  const long long time = (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
  const size_t at = ((uintptr_t)caller >> 2) % LOOK_CALLERS;
  if (atomic_load(&looks[at].caller) == (uintptr_t)caller && time - atomic_load(&looks[at].time) < LOOK_INTERVAL_NS)
    return false;
  atomic_store(&looks[at].caller, (uintptr_t)caller);
  atomic_store(&looks[at].time, time);
  return true;
}

static void list_fds(struct record *record, const struct fd_numbers *designated) {
  const struct look look = {record, designated};
  const int bound = fd_table_bound();
  if (bound > LARGE_TABLE)
    (void)visit_proc_fds(look_at, &look); /* without /proc there is no list, and the guard works */
  else
    (void)visit_fd_table(bound, look_at, &look);
  record->designated_count = designated == NULL ? 0 : (int)designated->count;
  for (int i = 0; i < record->designated_count && i < RECORD_FDS; i++) record->designated[i] = designated->fds[i];
  record->looked = true;
}

static unsigned open_of_keep(const struct code_object *object) {
  unsigned bits = 0;
  for (int i = 0; object != NULL && i < MOST_KEPT; i++) {
    const int fd = atomic_load(&object->keep[i]);
    if (fd == 0) break;
    if (is_inheritable(fd)) bits |= 1U << i;
  }
  return bits;
}

struct native_call native_call_begin(enum record_kind kind, const void *caller,
                                     const struct fd_numbers *designated) {
  struct native_call call = {.object = object_of(caller)};
  call.is_javascript = stray_guard_is_open() || (call.object != NULL && call.object->is_host);
  if (call.is_javascript) {
    call.policy = stray_guard_guards_children() ? NATIVE_GUARD : NATIVE_LEAVE;
    return call;
  }
  call.policy = object_policy(call.object);
  if (call.policy == NATIVE_LEAVE) return call;
  call.kept_open = open_of_keep(call.object);
  call.record = record_begin(kind);
  if (call.record == NULL) return call;
  call.record->object = object_index(call.object);
  call.record->on_thread = !here.is_javascript;
  call.record->passed = call.policy == NATIVE_REPORT;
  if (is_look_due(caller)) list_fds(call.record, designated);
  return call;
}

static void copy_text(struct record *record, const char *text) {
  size_t length = 0;
  while (length < RECORD_TEXT - 1 && text[length] != '\0') length++;
  memcpy(record->command, text, length);
  record->command[length] = '\0';
}

/* Whether the program is a shell that runs a text: sh -c TEXT, or sh -c -- TEXT. */
static const char *text_of_shell(const char *path, char *const argv[]) {
  const char *name = path;
  for (const char *at = path; *at; at++)
    if (*at == '/') name = at + 1;
  const size_t length = strlen(name);
  if (length < 2 || name[length - 2] != 's' || name[length - 1] != 'h') return NULL;
  if (argv == NULL || argv[0] == NULL || argv[1] == NULL || strcmp(argv[1], "-c") != 0) return NULL;
  return argv[2] != NULL && strcmp(argv[2], "--") == 0 ? argv[3] : argv[2];
}

void native_call_command(struct record *record, const char *path, char *const argv[]) {
  if (record == NULL || path == NULL) return;
  const char *text = text_of_shell(path, argv);
  record->is_shell = text != NULL;
  copy_text(record, text == NULL ? path : text);
}

void native_call_end(struct native_call *call, int pid) {
  if (call->record == NULL) return;
  call->record->pid = pid;
  record_end(call->record);
}

int native_call_variable(const struct code_object *object, char *const envp[], bool inheritable) {
  const char *name = object == NULL ? NULL : atomic_load(&object->keep_variable);
  if (name == NULL || envp == NULL) return -1;
  const size_t length = strlen(name);
  for (char *const *entry = envp; *entry != NULL; entry++) {
    if (strncmp(*entry, name, length) != 0 || (*entry)[length] != '=') continue;
    int fd = 0;
    for (const char *digit = *entry + length + 1; *digit >= '0' && *digit <= '9' && fd < 100000000; digit++)
      fd = fd * 10 + (*digit - '0');
    return fd >= FIRST_FD && (is_inheritable(fd) || (!inheritable && is_marked(fd))) ? fd : -1;
  }
  return -1;
}

bool native_call_kept(const struct native_call *call, char *const envp[], struct fd_numbers *kept) {
  int fds[256];
  const size_t count = stray_guard_kept(fds, sizeof fds / sizeof *fds);
  if (count > sizeof fds / sizeof *fds) return false;
  for (size_t i = 0; i < count; i++)
    if (!fd_numbers_add(kept, fds[i])) return false;
  for (int i = 0; i < MOST_KEPT; i++)
    if ((call->kept_open & 1U << i) && !fd_numbers_add(kept, atomic_load(&call->object->keep[i]))) return false;
  return fd_numbers_add(kept, call->is_javascript ? -1 : native_call_variable(call->object, envp, true));
}

/* The async-signal-safety rule of stray_guard.c applies. */
void native_call_in_child(const struct native_call *call) {
  if (here.marked_pid != getpid()) {
    stray_guard_mark_child();
    here.marked_pid = getpid();
  }
  for (int i = 0; i < MOST_KEPT; i++)
    if (call->kept_open & 1U << i) stray_guard_unmark_child(atomic_load(&call->object->keep[i]));
}

bool native_call_was_marked(void) { return here.marked_pid == getpid(); }

/* Runs in the child of fork(), after the handler of stray_guard.c. */
static void note_marked(void) {
  if (stray_guard_guards_children()) here.marked_pid = getpid();
}

bool native_calls_init(void) {
  int none = 0;
  here.is_javascript = true;
  if (!atomic_compare_exchange_strong(&armed_pid, &none, getpid())) return true;
  return records_init() && pthread_atfork(NULL, NULL, note_marked) == 0;
}

bool native_call_is_armed_process(void) { return atomic_load(&armed_pid) == getpid(); }

void native_call_mark_here(void) {
  (void)stray_guard_mark(true); /* an error leaves the FDs as they were; the call is counted */
  atomic_fetch_add(&marked_calls, 1);
}

unsigned native_calls_marked(void) { return atomic_load(&marked_calls); }

#endif
