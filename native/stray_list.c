#include "stray_list.h"

#include "fd_table.h"
#include "placeholder.h"
#include "stray_guard.h"

#ifdef __linux__

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Beyond so many strays, the access is not read: a system call for each of thousands blocks the program. */
#define MOST_WITH_ACCESS 1000

static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;
static struct stray *known; /* sorted by fd */
static size_t known_count, known_room;
static bool at_start = true; /* true until the first listing has ended */

/* Removes FDs that were closed, or whose number now refers to another file. */
static void forget_closed(void) {
  size_t kept = 0;
  for (size_t i = 0; i < known_count; i++) {
    if (is_unchanged(&known[i].file)) known[kept++] = known[i];
  }
  known_count = kept;
}

static size_t place_of(int fd) {
  size_t low = 0, high = known_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (known[middle].file.fd < fd)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int remember(int fd) {
  size_t place = place_of(fd);
  if (place < known_count && known[place].file.fd == fd) return 0;

  struct stray stray = {{.fd = fd}, at_start};
  bool is_open = known_count < MOST_WITH_ACCESS ? identify(fd, &stray.file.identity)
                                                : identify_without_access(fd, &stray.file.identity);
  if (!is_open) return 0; /* closed meanwhile */
  /* A placeholder that a parent under closefds put here gives access to nothing. */
  if (is_placeholder_file(&stray.file.identity)) return 0;

  if (known_count == known_room) {
    size_t room = known_room == 0 ? 16 : known_room * 2;
    struct stray *larger = realloc(known, room * sizeof *larger);
    if (larger == NULL) return -ENOMEM;
    known = larger;
    known_room = room;
  }
  memmove(known + place + 1, known + place, (known_count - place) * sizeof *known);
  known[place] = stray;
  known_count++;
  return 0;
}

static int note_inheritable(int fd, const void *unused) {
  (void)unused;
  return is_inheritable(fd) ? remember(fd) : 0;
}

/*
 * Reads /proc if the table is large. It is large if many FDs were once open, or if its size is unknown:
 * gVisor answers EBADF for every number up to a million, and a million system calls take a second.
 */
static int look(void) {
  forget_closed();
  int bound = fd_table_bound();
  if (bound > LARGE_TABLE && visit_proc_fds(note_inheritable, NULL) == 0) return 0;
  return visit_fd_table(bound, note_inheritable, NULL);
}

void stray_list_note_start(void) {
  pthread_mutex_lock(&known_lock);
  (void)look(); /* on ENOMEM, the next listing finds FDs that are still inheritable */
  at_start = false;
  pthread_mutex_unlock(&known_lock);
}

int stray_guard_list(struct stray **strays, size_t *count) {
  pthread_mutex_lock(&known_lock);
  int error = -look();
  *count = 0;
  *strays = malloc((known_count + 1) * sizeof **strays);
  if (*strays == NULL) {
    error = ENOMEM;
  } else {
    if (known_count > 0) memcpy(*strays, known, known_count * sizeof *known);
    *count = known_count;
  }
  pthread_mutex_unlock(&known_lock);
  return error;
}

void stray_guard_forget_marked(void) {
  pthread_mutex_lock(&known_lock);
  size_t kept = 0;
  for (size_t i = 0; i < known_count; i++) {
    if (is_inheritable(known[i].file.fd)) known[kept++] = known[i];
  }
  known_count = kept;
  pthread_mutex_unlock(&known_lock);
}

#else

#include <stdlib.h>

int stray_guard_list(struct stray **strays, size_t *count) {
  *strays = NULL;
  *count = 0;
  return 0;
}
void stray_guard_forget_marked(void) {}

#endif
