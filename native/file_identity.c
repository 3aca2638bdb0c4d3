#define _GNU_SOURCE
#include "file_identity.h"

#include "safe_calls.h"

#ifdef __linux__

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Linux 4.11; only for the architectures that have prebuilt addons. */
#ifndef SYS_statx
#if defined(__x86_64__)
#define SYS_statx 332
#elif defined(__aarch64__)
#define SYS_statx 291
#endif
#endif
/* OVERLAYFS_SUPER_MAGIC from linux/magic.h, which musl does not have. */
#define OVERLAY_FILE_SYSTEM 0x794c7630

/* The kernel's struct statx, equal on every architecture. Old C libraries do not declare it. */
struct extended_stat {
  unsigned mask, block_size;
  unsigned long long attributes;
  unsigned links, uid, gid;
  unsigned short mode, unused;
  unsigned long long ino, size, blocks, attributes_mask;
  struct {
    long long seconds;
    unsigned nanoseconds;
    int unused;
  } accessed, born, changed, modified;
  unsigned rdev_major, rdev_minor, dev_major, dev_minor;
  unsigned long long spare[14];
};
#define WANT_TYPE_AND_INODE 0x101U /* STATX_TYPE | STATX_INO */
#define WANT_BIRTH 0x800U          /* STATX_BTIME */
/* AT_STATX_DONT_SYNC: makes no request to a file server, which may run in this process. */
#define FROM_CACHE 0x4000

static bool read_statx(int fd, struct file_identity *identity) {
#ifdef SYS_statx
  struct extended_stat file;
  memset(&file, 0, sizeof file);
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | FROM_CACHE, WANT_TYPE_AND_INODE | WANT_BIRTH, &file) != 0)
    return false;
  identity->dev = (unsigned long long)file.dev_major << 32 | file.dev_minor;
  identity->ino = file.ino;
  identity->rdev = (unsigned long long)file.rdev_major << 32 | file.rdev_minor;
  identity->kind = file.mode & S_IFMT;
  if (file.mask & WANT_BIRTH)
    identity->born = (unsigned long long)file.born.seconds * 1000000000ULL + file.born.nanoseconds;
  return true;
#else
  (void)fd, (void)identity;
  return false;
#endif
}

/*
 * For Linux before 4.11, and for seccomp filters that refuse statx(). Uses the system call where the
 * kernel's struct equals the C library's: linked against glibc 2.33 or newer, a call of fstat() would
 * keep the addon from loading on older versions.
 */
static bool read_stat(int fd, struct file_identity *identity) {
  struct stat file;
  if (!is_safe_call(SAFE_FSTAT)) return false;
#if defined(__x86_64__) || defined(__aarch64__)
  if (syscall(SYS_fstat, fd, &file) != 0) return false;
#else
  if (fstat(fd, &file) != 0) return false;
#endif
  identity->dev = (unsigned long long)file.st_dev;
  identity->ino = (unsigned long long)file.st_ino;
  identity->rdev = (unsigned long long)file.st_rdev;
  identity->kind = file.st_mode & S_IFMT;
  return true;
}

/* A hash (FNV-1a) of the target of the link /proc/self/fd/N; 0 if the link cannot be read. */
static unsigned long long hash_of_link(int fd) {
  char path[32] = "/proc/self/fd/", text[64];
  size_t length = strlen(path);
  size_t digits = 1;
  for (int rest = fd; rest >= 10; rest /= 10) digits++;
  for (size_t i = digits; i > 0; i--, fd /= 10) path[length + i - 1] = (char)('0' + fd % 10);
  path[length + digits] = '\0';

  ssize_t size = readlink(path, text, sizeof text);
  unsigned long long hash = 14695981039346656037ULL;
  for (ssize_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)text[i]) * 1099511628211ULL;
  return size > 0 ? hash : 0;
}

static bool read_file(int fd, struct file_identity *identity) {
  memset(identity, 0, sizeof *identity);
  if (!read_statx(fd, identity) && !read_stat(fd, identity)) return false;
  /* eventfd, epoll and others have no file type, and share one inode. */
  if (identity->kind == 0) identity->rdev = hash_of_link(fd);
  return true;
}

static bool read_access(int fd, struct file_identity *identity) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return false;
  /* These flags never change after open(); the others can. */
  identity->kind |= (unsigned long long)(unsigned)(flags & (O_ACCMODE | O_PATH)) << 32;
  return true;
}

bool identify(int fd, struct file_identity *identity) {
  return read_file(fd, identity) && read_access(fd, identity);
}

bool identify_without_access(int fd, struct file_identity *identity) {
  if (!read_file(fd, identity)) return false;
  if (identity->kind == S_IFLNK) return read_access(fd, identity);
  identity->kind |= ACCESS_UNKNOWN;
  return true;
}

/*
 * Overlayfs changes the birth time at the first write to a file: it then shows that of the copy. False if
 * the file system cannot be determined: then a kept file does not arrive after its first write.
 */
static bool is_on_overlay(int fd) {
  struct statfs file_system;
  return is_safe_call(SAFE_FSTATFS) && fstatfs(fd, &file_system) == 0 && file_system.f_type == OVERLAY_FILE_SYSTEM;
}

/* A new file can get the inode number of a deleted file. The birth time distinguishes them. */
static bool is_same_birth(int fd, unsigned long long before, unsigned long long now) {
  /* 0: unknown. A file server's birth time may be unknown until another program reads it. */
  return before == now || before == 0 || now == 0 || is_on_overlay(fd);
}

bool is_unchanged(const struct open_file *file) {
  const struct file_identity *before = &file->identity;
  struct file_identity now;
  bool (*read)(int, struct file_identity *) =
      before->kind & ACCESS_UNKNOWN ? identify_without_access : identify;
  return read(file->fd, &now) && now.dev == before->dev && now.ino == before->ino &&
         now.kind == before->kind && now.rdev == before->rdev &&
         is_same_birth(file->fd, before->born, now.born);
}

#endif
