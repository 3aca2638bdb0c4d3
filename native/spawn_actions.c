#define _GNU_SOURCE
#include "spawn_actions.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "fd_table.h"

/* glibc's public struct, of which the third field points to the actions. */
struct actions_header {
  int allocated;
  int used;
  char *entries;
};

/* A copy that needs more is not made: each close is a system call of the child. */
#define MOST_CLOSES 4096

enum action_kind { ACTION_CLOSE, ACTION_DUP2, ACTION_OPEN, ACTION_CLOSEFROM, ACTION_CHDIR, ACTION_FCHDIR, ACTION_TCSETPGRP, ACTION_KINDS };

#define LARGEST_ENTRY 128
#define NO_FIELD SIZE_MAX
/* More than a probe adds, so that the C library does not move them. */
#define ROOM_ENTRIES 32

struct layout {
  size_t stride;
  bool has[ACTION_KINDS];
  int tag[ACTION_KINDS];
  size_t fd[ACTION_KINDS]; /* the offset of the FD that the action makes, closes, or closes from */
  char close[LARGEST_ENTRY], closefrom[LARGEST_ENTRY]; /* one of each, with another FD */
};

static struct layout layout;
static bool is_known;

bool fd_numbers_contain(const struct fd_numbers *numbers, int fd) {
  for (size_t i = 0; i < numbers->count; i++)
    if (numbers->fds[i] == fd) return true;
  return false;
}

bool fd_numbers_add(struct fd_numbers *numbers, int fd) {
  if (fd < FIRST_FD || fd_numbers_contain(numbers, fd)) return true;
  if (numbers->count == numbers->room) return false;
  size_t at = numbers->count++;
  for (; at > 0 && numbers->fds[at - 1] > fd; at--) numbers->fds[at] = numbers->fds[at - 1];
  numbers->fds[at] = fd;
  return true;
}

/* Removes the numbers from `first` to `last`. */
static void remove_numbers(struct fd_numbers *numbers, int first, int last) {
  size_t left = 0;
  for (size_t i = 0; i < numbers->count; i++)
    if (numbers->fds[i] < first || numbers->fds[i] > last) numbers->fds[left++] = numbers->fds[i];
  numbers->count = left;
}

/* ------------------------------------------------------------------------------------------
 * The layout
 * ---------------------------------------------------------------------------------------- */

static int int_at(const char *entry, size_t offset) {
  int value;
  memcpy(&value, entry + offset, sizeof value);
  return value;
}

/* The offset of an int with this value after the tag. */
static size_t field_of(const char *entry, int value) {
  for (size_t at = sizeof(int); at + sizeof(int) <= layout.stride; at += sizeof(int))
    if (int_at(entry, at) == value) return at;
  return NO_FIELD;
}

/* The FDs of the two probes: no tags, and valid where few files may be open. */
#define FIRST_PROBE 17
#define SECOND_PROBE 33

/* The distance of two closes, whose FDs differ by 1. */
static size_t stride_of(const char *entries, int probe) {
  for (size_t stride = 2 * sizeof(int); stride <= LARGEST_ENTRY; stride += sizeof(int))
    for (size_t at = sizeof(int); at < stride; at += sizeof(int))
      if (int_at(entries, at) == probe && int_at(entries, at + stride) == probe + 1 &&
          int_at(entries, at + 2 * stride) == probe + 2 && int_at(entries, 0) == int_at(entries, stride) &&
          int_at(entries, 0) == int_at(entries, 2 * stride))
        return stride;
  return 0;
}

static bool learn(enum action_kind kind, const char *entry, int fd) {
  layout.tag[kind] = int_at(entry, 0);
  layout.fd[kind] = fd < 0 ? 0 : field_of(entry, fd);
  for (int other = 0; other < ACTION_KINDS; other++)
    if (layout.has[other] && layout.tag[other] == layout.tag[kind]) return false;
  layout.has[kind] = true;
  return layout.fd[kind] != NO_FIELD;
}

typedef int add_fd(posix_spawn_file_actions_t *, int);
typedef int add_path(posix_spawn_file_actions_t *, const char *);

/* The libraries against which the addon is linked need not have the functions of glibc 2.34. */
static bool add_all(const struct elf_object *libc, posix_spawn_file_actions_t *actions, int probe) {
  add_fd *closefrom = (add_fd *)elf_function(libc, "posix_spawn_file_actions_addclosefrom_np", NULL);
  add_path *chdir = (add_path *)elf_function(libc, "posix_spawn_file_actions_addchdir_np", NULL);
  add_fd *fchdir = (add_fd *)elf_function(libc, "posix_spawn_file_actions_addfchdir_np", NULL);
  add_fd *tcsetpgrp = (add_fd *)elf_function(libc, "posix_spawn_file_actions_addtcsetpgrp_np", NULL);
  if (closefrom == NULL || chdir == NULL || fchdir == NULL) return false;
  for (int i = 0; i < 3; i++)
    if (posix_spawn_file_actions_addclose(actions, probe + i) != 0) return false;
  return posix_spawn_file_actions_adddup2(actions, probe + 4, probe + 5) == 0 &&
         posix_spawn_file_actions_addopen(actions, probe + 6, "/", 0, 0) == 0 &&
         closefrom(actions, probe + 7) == 0 && chdir(actions, "/") == 0 && fchdir(actions, probe + 8) == 0 &&
         /* glibc 2.35 */
         (tcsetpgrp == NULL || tcsetpgrp(actions, probe + 9) == 0);
}

static bool read_layout(const struct actions_header *header, int probe) {
  const char *entries = header->entries;
  layout.stride = stride_of(entries, probe);
  if (layout.stride == 0) return false;
  const char *next = entries + 3 * layout.stride;
  memcpy(layout.close, entries, layout.stride);
  memcpy(layout.closefrom, next + 2 * layout.stride, layout.stride);
  const size_t step = layout.stride;
  return learn(ACTION_CLOSE, entries, probe) && learn(ACTION_DUP2, next, probe + 5) &&
         learn(ACTION_OPEN, next + step, probe + 6) && learn(ACTION_CLOSEFROM, next + 2 * step, probe + 7) &&
         learn(ACTION_CHDIR, next + 3 * step, -1) && learn(ACTION_FCHDIR, next + 4 * step, probe + 8) &&
         (header->used < 9 || learn(ACTION_TCSETPGRP, next + 5 * step, probe + 9));
}

static bool probe_layout(const struct elf_object *libc, int probe) {
  posix_spawn_file_actions_t actions;
  _Static_assert(sizeof(struct actions_header) <= sizeof actions, "the fields that glibc declares");
  memset(&layout, 0, sizeof layout);
  if (posix_spawn_file_actions_init(&actions) != 0) return false;
  /* Room of our own, with zeros between the fields; posix_spawn_file_actions_destroy() frees it. */
  const struct actions_header room = {ROOM_ENTRIES, 0, calloc(ROOM_ENTRIES, LARGEST_ENTRY)};
  if (room.entries == NULL) return false;
  memcpy(&actions, &room, sizeof room);
  bool is_read = false;
  if (add_all(libc, &actions, probe)) {
    struct actions_header header;
    memcpy(&header, &actions, sizeof header);
    is_read = header.used >= 8 && header.used <= 9 && read_layout(&header, probe);
  }
  (void)posix_spawn_file_actions_destroy(&actions); /* cannot fail */
  return is_read;
}

/* Twice, with other numbers, so that a field is not taken for another that has the same number by chance. */
bool spawn_actions_init(const struct elf_object *libc) {
  if (is_known) return true;
  if (!probe_layout(libc, FIRST_PROBE)) return false;
  const struct layout first = layout;
  if (!probe_layout(libc, SECOND_PROBE)) return false;
  is_known = first.stride == layout.stride && memcmp(first.tag, layout.tag, sizeof first.tag) == 0 &&
             memcmp(first.fd, layout.fd, sizeof first.fd) == 0;
  return is_known;
}

/* ------------------------------------------------------------------------------------------
 * The actions of a call
 * ---------------------------------------------------------------------------------------- */

static struct actions_header header_of(const posix_spawn_file_actions_t *actions) {
  struct actions_header header = {0, 0, NULL};
  if (is_known && actions != NULL) memcpy(&header, actions, sizeof header);
  return header;
}

static enum action_kind kind_of(const char *entry) {
  for (int kind = 0; kind < ACTION_KINDS; kind++)
    if (layout.has[kind] && layout.tag[kind] == int_at(entry, 0)) return (enum action_kind)kind;
  return ACTION_KINDS;
}

bool spawn_actions_are_known(const posix_spawn_file_actions_t *actions) {
  if (!is_known) return false;
  const struct actions_header header = header_of(actions);
  for (int i = 0; i < header.used; i++)
    if (kind_of(header.entries + (size_t)i * layout.stride) == ACTION_KINDS) return false;
  return true;
}

size_t spawn_actions_count(const posix_spawn_file_actions_t *actions) { return (size_t)header_of(actions).used; }

bool spawn_actions_kept(const posix_spawn_file_actions_t *actions, struct fd_numbers *kept) {
  const struct actions_header header = header_of(actions);
  for (int i = 0; i < header.used; i++) {
    const char *entry = header.entries + (size_t)i * layout.stride;
    const enum action_kind kind = kind_of(entry);
    const int fd = kind == ACTION_KINDS ? 0 : int_at(entry, layout.fd[kind]);
    if (kind == ACTION_CLOSE) remove_numbers(kept, fd, fd);
    if (kind == ACTION_CLOSEFROM) remove_numbers(kept, fd, INT32_MAX);
    if ((kind == ACTION_DUP2 || kind == ACTION_OPEN) && !fd_numbers_add(kept, fd)) return false;
  }
  return true;
}

size_t spawn_actions_room(const posix_spawn_file_actions_t *actions, const struct fd_numbers *kept) {
  struct rlimit limit;
  size_t closes = 1; /* closefrom */
  if (kept->count > 0) {
    const int last = kept->fds[kept->count - 1];
    closes += (size_t)(last - FIRST_FD + 1) - kept->count;
    /* glibc fails the spawn if it cannot close a number beyond the limit. */
    if (closes > MOST_CLOSES || getrlimit(RLIMIT_NOFILE, &limit) != 0 || (rlim_t)last >= limit.rlim_cur) return 0;
  }
  return (spawn_actions_count(actions) + closes) * layout.stride;
}

posix_spawn_file_actions_t spawn_actions_copy(const posix_spawn_file_actions_t *actions,
                                              const struct fd_numbers *kept, void *memory) {
  posix_spawn_file_actions_t copy;
  struct actions_header header = header_of(actions);
  char *entry = memory;
  if (header.used > 0) memcpy(entry, header.entries, (size_t)header.used * layout.stride);
  entry += (size_t)header.used * layout.stride;

  int fd = FIRST_FD;
  for (size_t i = 0; i < kept->count; fd = kept->fds[i] + 1, i++)
    for (; fd < kept->fds[i]; fd++, entry += layout.stride) {
      memcpy(entry, layout.close, layout.stride);
      memcpy(entry + layout.fd[ACTION_CLOSE], &fd, sizeof fd);
    }
  memcpy(entry, layout.closefrom, layout.stride);
  memcpy(entry + layout.fd[ACTION_CLOSEFROM], &fd, sizeof fd);
  entry += layout.stride;

  memset(&copy, 0, sizeof copy);
  header = (struct actions_header){0, (int)((size_t)(entry - (char *)memory) / layout.stride), memory};
  header.allocated = header.used;
  memcpy(&copy, &header, sizeof header);
  return copy;
}

#endif
