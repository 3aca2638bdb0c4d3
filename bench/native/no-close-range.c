/*
 * no-close-range COMMAND [ARGUMENT...]: close_range() does nothing and succeeds, here and below.
 * So a runtime that always closes shows what it costs when it does not.
 *
 * no-close-range - COMMAND [ARGUMENT...]: the same filter, for a system call that no program makes.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define NO_SUCH_CALL 4000

int main(int argc, char **argv) {
  int control = argc > 1 && strcmp(argv[1], "-") == 0;
  if (argc < 2 + control) return 125;
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, control ? NO_SUCH_CALL : SYS_close_range, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    return 125;
  execvp(argv[1 + control], argv + 1 + control);
  return 127;
}
