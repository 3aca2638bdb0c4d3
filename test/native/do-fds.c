/*
 * do-fds STEP...: does to FDs what its arguments say, for tests that watch it.
 *
 * A step is a word with numbers behind colons. Those that make a process or a thread, or execute a
 * program, leave the remaining steps to it and wait for it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static int run(char **steps);

static void *run_thread(void *steps) {
  run(steps);
  return NULL;
}

static int execute(char **steps, const char *file) {
  char *argv[64] = {"do-fds"};
  for (int i = 0; i < 62 && steps[i] != NULL; i++) argv[i + 1] = steps[i];
  execv(file, argv);
  perror(file);
  return 127;
}

static int execute_in_child(char **steps) {
  pid_t child = vfork();
  if (child == 0) _exit(execute(steps, "/proc/self/exe"));
  (void)waitpid(child, NULL, 0);
  return 0;
}

static void *execute_thread(void *steps) {
  execute(steps, "/proc/self/exe");
  return NULL;
}

/* 0x80 is how 32-bit programs call the kernel; a 64-bit one may, too. */
#ifdef __x86_64__
static long call32(long number, long one, const void *two, long three) {
  __asm__ volatile("int $0x80"
                   : "+a"(number)
                   : "b"(one), "c"(two), "d"(three)
                   : "memory", "r8", "r9", "r10", "r11");
  return number;
}

static void *low_memory(void) {
  return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
}

static void read32(int fd) { (void)call32(3, fd, low_memory(), 1); }

/* socketcall(SYS_SEND, {fd, buffer, length, flags}) */
static void send32(int fd) {
  unsigned *arguments = low_memory();
  arguments[0] = (unsigned)fd;
  arguments[1] = (unsigned)(unsigned long)(arguments + 8);
  arguments[2] = 1;
  (void)call32(102, 9, arguments, 0);
}
#else
static void read32(int fd) { (void)!read(fd, &fd, 1); }
static void send32(int fd) { (void)!send(fd, &fd, 1, 0); }
#endif

/* Sends an FD to itself, and gives it back under a new number. */
static int pass(int fd) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return -1;
  char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  if (sendmsg(ends[0], &message, 0) < 0) return -1;
  close(fd);
  if (recvmsg(ends[1], &message, 0) < 0) return -1;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  close(ends[0]);
  close(ends[1]);
  return fd;
}

static int run(char **steps) {
  for (; *steps != NULL; steps++) {
    char word[32] = "", path[64], byte[1];
    int a = -1, b = -1, c = 0;
    if (sscanf(*steps, "%31[a-z_0-9]:%d:%d:%d", word, &a, &b, &c) < 1) return 2;
#define STEP(name) if (strcmp(word, name) == 0)
    STEP("read") (void)!read(a, byte, 1);
    STEP("read32") read32(a);
    STEP("send32") send32(a);
    STEP("fstat") { struct stat s; (void)fstat(a, &s); }
    STEP("isatty") (void)isatty(a);
    STEP("getfd") (void)fcntl(a, F_GETFD);
    STEP("cloexec") (void)fcntl(a, F_SETFD, b);
    STEP("fioclex") (void)ioctl(a, FIOCLEX);
    STEP("dup") (void)!dup(a);
    STEP("dup2") (void)dup2(a, b);
    STEP("dup3") (void)dup3(a, b, c ? O_CLOEXEC : 0);
    STEP("dupfd") (void)fcntl(a, F_DUPFD, b);
    STEP("dupfd_cloexec") (void)fcntl(a, F_DUPFD_CLOEXEC, b);
    STEP("close") (void)close(a);
    STEP("close_range") (void)syscall(SYS_close_range, a, b, c);
    STEP("unshare") (void)unshare(CLONE_FILES);
    STEP("flock") (void)flock(a, LOCK_SH);
    STEP("mmap") (void)mmap(NULL, 1, PROT_READ, MAP_PRIVATE, a, 0);
    STEP("seek") (void)lseek(a, b, SEEK_CUR);
    STEP("openat") (void)!openat(a, "x", O_RDONLY);
    STEP("absolute") (void)!openat(a, "/x", O_RDONLY);
    STEP("poll") { struct pollfd p = {.fd = a, .events = POLLIN}; (void)poll(&p, 1, 0); }
    STEP("select") {
      struct timeval zero = {0};
      fd_set set;
      FD_ZERO(&set);
      FD_SET(a, &set);
      (void)select(a + 1, &set, NULL, NULL, &zero);
    }
    STEP("epoll") { struct epoll_event e = {.events = EPOLLIN}; (void)epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, a, &e); }
    STEP("reopen") { snprintf(path, sizeof path, b > 0 ? "/dev/fd/%d" : "/proc/self/fd/%d", a); (void)!open(path, O_RDONLY); }
    STEP("pass") (void)pass(a);
    STEP("send") (void)!fcntl(pass(a), F_GETFD);
    STEP("uring") {
      struct io_uring_params params = {0};
      int ring = (int)syscall(SYS_io_uring_setup, 4, &params);
      (void)syscall(SYS_io_uring_enter, ring, a, 0, 0, NULL, 0);
    }
    STEP("getfd_of") (void)syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, getpid(), 0), a, 0);
    STEP("sleep") usleep((useconds_t)a * 1000);
    STEP("kill") { (void)kill(getpid(), a); pause(); }
    STEP("fork") {
      pid_t child = fork();
      if (child == 0) _exit(run(steps + 1));
      (void)waitpid(child, NULL, 0);
      return 0;
    }
    STEP("vfork") return execute_in_child(steps + 1);
    STEP("also") { if (fork() == 0) _exit(run(steps + 1)); } /* and the parent goes on, too */
    STEP("thread") {
      pthread_t thread;
      pthread_create(&thread, NULL, run_thread, steps + 1);
      pthread_join(thread, NULL);
      return 0;
    }
    STEP("exec") return execute(steps + 1, "/proc/self/exe");
    STEP("noexec") execute(steps + 1, "/nonexistent");
    STEP("thread_exec") {
      pthread_t thread;
      pthread_create(&thread, NULL, execute_thread, steps + 1);
      pthread_join(thread, NULL);
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  (void)argc;
  return run(argv + 1);
}
