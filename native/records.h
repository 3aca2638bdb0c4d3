/*
 * The records of processes that native code made, for JavaScript to report.
 *
 * A ring in memory that children share: a child between fork and exec writes into it. Nothing waits: if the
 * ring is full, a record is lost and counted.
 */
#ifndef CLOSEFDS_RECORDS_H
#define CLOSEFDS_RECORDS_H

#include "elf_object.h"

#ifdef DEEP_GUARD_SUPPORTED

enum record_kind {
  RECORD_FORK = 0,
  RECORD_VFORK = 1,
  RECORD_CLONE = 2,
  RECORD_FORKPTY = 3,
  RECORD_POSIX_SPAWN = 4,
  RECORD_SYSTEM = 5,
  RECORD_POPEN = 6,
  RECORD_EXEC = 7,          /* a program that a recorded child runs */
  RECORD_REPLACE = 8,       /* a program that replaces this one */
  RECORD_UNKNOWN_CHILD = 9, /* a program that a child runs whose start was not seen */
};

#define RECORD_FDS 24
#define RECORD_TEXT 256

struct record {
  _Atomic int state; /* enum record_state of records.c */
  enum record_kind kind;
  int pid;        /* 0: no process was made; -1: unknown */
  int object;     /* the index of the calling object, or -1 */
  bool is_shell;  /* `command` is the text for a shell */
  bool looked;    /* whether the FDs were listed */
  bool passed;    /* whether the strays reached the child */
  bool on_thread; /* the caller's thread is not one of JavaScript */
  int stray_count, designated_count; /* may be larger than the arrays */
  int strays[RECORD_FDS];
  unsigned long long inodes[RECORD_FDS]; /* of the strays, to tell whether a number was reused since */
  int designated[RECORD_FDS];
  char command[RECORD_TEXT];
};

/* Maps the ring. Returns false without memory; then every record is lost. */
bool records_init(void);

/* A free record, cleared; NULL if all are taken. Async-signal-safe. */
struct record *record_begin(enum record_kind kind);

/* Gives the record to the reader. Async-signal-safe. */
void record_end(struct record *record);

/* Copies the next finished record. Returns false if none is finished. One thread at a time. */
bool record_take(struct record *record);

/* The number of records that were lost. */
unsigned records_lost(void);

#endif
#endif
