/*
 * deny CALL=RESULT[,CALL=RESULT...] COMMAND [ARGUMENT...]: a world in which some system calls fail.
 *
 * The calls are numbers or the names below. The result is an error (EPERM, ENOSYS, EINVAL or EBADF), as
 * container runtimes give it to programs, or KILL, which ends the process, as systemd's SystemCallFilter=
 * does. It holds for all that the command starts.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define MOST 8

static long call_number(const char *name) {
  if (strcmp(name, "close_range") == 0) return SYS_close_range;
  if (strcmp(name, "pselect6") == 0) return SYS_pselect6;
  if (strcmp(name, "getdents64") == 0) return SYS_getdents64;
  if (strcmp(name, "ptrace") == 0) return SYS_ptrace;
  if (strcmp(name, "fstatfs") == 0) return SYS_fstatfs;
  if (strcmp(name, "prctl") == 0) return SYS_prctl;
  if (strcmp(name, "clone") == 0) return SYS_clone; /* fork(); threads use clone3() */
  return atol(name);
}

static int error_number(const char *name) {
  if (strcmp(name, "ENOSYS") == 0) return ENOSYS;
  if (strcmp(name, "EINVAL") == 0) return EINVAL;
  if (strcmp(name, "EBADF") == 0) return EBADF; /* gVisor's pselect6 */
  return EPERM;
}

static unsigned result_of(const char *name) {
  return strcmp(name, "KILL") == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | (unsigned)error_number(name);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  struct sock_filter filter[2 + 2 * MOST];
  unsigned short length = 0;
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (char *pair = strtok(argv[1], ","); pair != NULL; pair = strtok(NULL, ",")) {
    char *error = strchr(pair, '=');
    if (error == NULL || length + 3 > (int)(sizeof filter / sizeof *filter)) return 2;
    *error++ = '\0';
    filter[length++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call_number(pair), 0, 1);
    filter[length++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, result_of(error));
  }
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

  struct sock_fprog program = {length, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("seccomp");
    return 125;
  }
  execvp(argv[2], argv + 2);
  perror(argv[2]);
  return 127;
}
