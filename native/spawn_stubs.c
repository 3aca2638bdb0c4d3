/*
 * The wrappers that C cannot express.
 *
 * vfork() returns twice on the same stack: the child's calls overwrite what the parent left there, so the
 * return address stays in a register, which the kernel keeps for both.
 *
 * dlopen() and dlsym() ask where their caller is, so these jump to the C library's functions where the answer
 * matters, with the caller's return address in place.
 */
#define _GNU_SOURCE
#include "deep_guard.h"

#ifdef DEEP_GUARD_SUPPORTED

#include "fork_calls.h"

#if defined(__x86_64__)

#define FUNCTION(name) ".text\n.p2align 4\n.globl " name "\n.hidden " name "\n.type " name ",@function\n" name ":\n"
#define END(name) ".size " name ",.-" name "\n"

/* rdi and rsi hold the arguments. */
#define CALLER_STUB(name, asks, wrapper, real) \
  __asm__(FUNCTION(name)                       \
          ".cfi_startproc\n"                   \
          "endbr64\n"                          \
          "pushq %rdi\n"                       \
          ".cfi_adjust_cfa_offset 8\n"         \
          "pushq %rsi\n"                       \
          ".cfi_adjust_cfa_offset 8\n"         \
          "subq $8, %rsp\n"                    \
          ".cfi_adjust_cfa_offset 8\n"         \
          "call " asks "\n"                    \
          "addq $8, %rsp\n"                    \
          ".cfi_adjust_cfa_offset -8\n"        \
          "popq %rsi\n"                        \
          ".cfi_adjust_cfa_offset -8\n"        \
          "popq %rdi\n"                        \
          ".cfi_adjust_cfa_offset -8\n"        \
          "testl %eax, %eax\n"                 \
          "jne " wrapper "\n"                  \
          "jmpq *" real "(%rip)\n"             \
          ".cfi_endproc\n" END(name))

__asm__(FUNCTION("vfork_stub")
        ".cfi_startproc\n"
        "endbr64\n"
        "movq (%rsp), %rdi\n"
        "subq $8, %rsp\n"
        ".cfi_adjust_cfa_offset 8\n"
        "call vfork_begin\n"
        "addq $8, %rsp\n"
        ".cfi_adjust_cfa_offset -8\n"
        "testl %eax, %eax\n"
        "je 1f\n"
        "popq %rdi\n"
        ".cfi_adjust_cfa_offset -8\n"
        ".cfi_register %rip, %rdi\n"
        "movl $58, %eax\n" /* SYS_vfork */
        "syscall\n"
        "pushq %rdi\n"
        ".cfi_adjust_cfa_offset 8\n"
        ".cfi_rel_offset %rip, 0\n"
        "testq %rax, %rax\n"
        "je 2f\n"
        "js 3f\n"
        "ret\n"
        "2:\n"
        "subq $8, %rsp\n"
        ".cfi_adjust_cfa_offset 8\n"
        "call vfork_in_child\n"
        "addq $8, %rsp\n"
        ".cfi_adjust_cfa_offset -8\n"
        "xorl %eax, %eax\n"
        "ret\n"
        "3:\n"
        "movq %rax, %rdi\n"
        "jmp vfork_failed\n"
        "1:\n"
        "jmpq *deep_real_vfork(%rip)\n"
        ".cfi_endproc\n" END("vfork_stub"));

#else

#define FUNCTION(name) ".text\n.p2align 4\n.globl " name "\n.hidden " name "\n.type " name ",%function\n" name ":\n"
#define END(name) ".size " name ",.-" name "\n"

/* x0 and x1 hold the arguments; hint 34 is "bti c". */
#define CALLER_STUB(name, asks, wrapper, real)    \
  __asm__(FUNCTION(name)                          \
          ".cfi_startproc\n"                      \
          "hint #34\n"                            \
          "stp x29, x30, [sp, #-32]!\n"           \
          ".cfi_def_cfa_offset 32\n"              \
          ".cfi_offset 29, -32\n"                 \
          ".cfi_offset 30, -24\n"                 \
          "stp x0, x1, [sp, #16]\n"               \
          "bl " asks "\n"                         \
          "mov w9, w0\n"                          \
          "ldp x0, x1, [sp, #16]\n"               \
          "ldp x29, x30, [sp], #32\n"             \
          ".cfi_def_cfa_offset 0\n"               \
          ".cfi_restore 29\n"                     \
          ".cfi_restore 30\n"                     \
          "cbnz w9, 1f\n"                         \
          "adrp x16, " real "\n"                  \
          "ldr x16, [x16, #:lo12:" real "]\n"     \
          "br x16\n"                              \
          "1: b " wrapper "\n"                    \
          ".cfi_endproc\n" END(name))

/* vfork() is clone(CLONE_VM | CLONE_VFORK | SIGCHLD, 0). The kernel keeps x30, the return address, for both. */
__asm__(FUNCTION("vfork_stub")
        ".cfi_startproc\n"
        "hint #34\n"
        "stp x29, x30, [sp, #-16]!\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset 29, -16\n"
        ".cfi_offset 30, -8\n"
        "mov x0, x30\n"
        "bl vfork_begin\n"
        "ldp x29, x30, [sp], #16\n"
        ".cfi_def_cfa_offset 0\n"
        ".cfi_restore 29\n"
        ".cfi_restore 30\n"
        "cbz w0, 1f\n"
        "mov x0, #0x4111\n"
        "mov x1, #0\n"
        "mov x8, #220\n" /* SYS_clone */
        "svc #0\n"
        "cbz x0, 2f\n"
        "tbnz x0, #63, 3f\n"
        "ret\n"
        "2:\n"
        "stp x29, x30, [sp, #-16]!\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset 29, -16\n"
        ".cfi_offset 30, -8\n"
        "bl vfork_in_child\n"
        "ldp x29, x30, [sp], #16\n"
        ".cfi_def_cfa_offset 0\n"
        ".cfi_restore 29\n"
        ".cfi_restore 30\n"
        "mov x0, #0\n"
        "ret\n"
        "3: b vfork_failed\n"
        "1: adrp x16, deep_real_vfork\n"
        "ldr x16, [x16, #:lo12:deep_real_vfork]\n"
        "br x16\n"
        ".cfi_endproc\n" END("vfork_stub"));

#endif

CALLER_STUB("dlopen_stub", "deep_opens_path", "deep_dlopen", "deep_real_dlopen");
CALLER_STUB("dlsym_stub", "deep_finds_hook", "deep_dlsym", "deep_real_dlsym");

#endif
