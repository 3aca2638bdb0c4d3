/*
 * Which file an FD refers to, so that a number which another thread reused is not taken for the same file.
 *
 * Every function runs in the parent, and in a child between fork and exec: the async-signal-safety rule
 * of stray_guard.c applies.
 */
#ifndef CLOSEFDS_FILE_IDENTITY_H
#define CLOSEFDS_FILE_IDENTITY_H

#include <stdbool.h>

/*
 * Distinguishes a file from another file that gets its number later. Two files with equal fields
 * cannot be distinguished: the same file opened again with the same access, or two eventfds.
 */
struct file_identity {
  unsigned long long dev;
  unsigned long long ino;
  unsigned long long kind; /* the file type and the access it was opened with, or ACCESS_UNKNOWN */
  unsigned long long rdev; /* the device number; for a file without a type, a hash of its link in /proc */
  unsigned long long born; /* the inode's birth time in ns; 0 if the file system or the kernel has none */
};

#define ACCESS_UNKNOWN (1ULL << 63) /* src/strays/native-guard.ts reads it, too */

/* A file descriptor and the file that it referred to when it was listed. */
struct open_file {
  int fd;
  struct file_identity identity;
};

/* Reads the identity of the file that `fd` refers to. Returns false if `fd` is not open. Linux only. */
bool identify(int fd, struct file_identity *identity);

/*
 * The same with one system call in place of two, without the access: two files that differ in nothing
 * else cannot be distinguished by it. The access of a symbolic link is read, see is_placeholder_file().
 */
bool identify_without_access(int fd, struct file_identity *identity);

/* Whether the FD still refers to the file that it referred to when it was identified. Linux only. */
bool is_unchanged(const struct open_file *file);

#endif
