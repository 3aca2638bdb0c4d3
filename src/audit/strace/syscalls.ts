// System calls: which FDs each of them uses, and which it only probes.
//
// strace traces the calls of this file (TRACED) and no others. It skips names that it or the
// architecture does not know. Constants are numbers, as in strace's raw output, from the kernel's
// include/uapi; where architectures differ, they are those of asm-generic, which x86 and arm share.

import { type TracedCall, toNumber, toPath } from './parse-line';

/**
 * `use`: accesses data, state or locks of the file that the FD refers to. `probe`: asks what the FD is,
 * or whether it is open. `delegate`: sends the FD to another process.
 */
export type Touch = 'use' | 'probe' | 'delegate';

type Touches = (call: TracedCall) => readonly (readonly [Touch, number | undefined])[];

/** A call that uses the FDs at these positions. */
const used =
  (...positions: readonly number[]): Touches =>
  ({ args }) =>
    positions.map(position => ['use', toFd(args[position])]);

const probed: Touches = ({ args }) => [['probe', toFd(args[0])]];

const first = used(0);

/** A call that resolves paths relative to directory FDs. The path follows its FD; an absolute path ignores it. */
const from =
  (...positions: readonly number[]): Touches =>
  ({ args }) =>
    positions
      .filter(position => !toPath(args[position + 1])?.startsWith('/'))
      .map(position => ['use', toFd(args[position])]);

/** fstatat() and the like: an empty path asks about the FD itself. */
const lookedUp: Touches = call => (toPath(call.args[1]) === '' ? probed(call) : from(0)(call));

const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
/** F_GETOWN, F_GETSIG, F_GETOWN_EX, F_GETLEASE, F_GETPIPE_SZ, F_GET_SEALS. */
const PROBING_COMMANDS = new Set([F_GETFD, F_SETFD, F_GETFL, 9, 11, 16, 1025, 1032, 1034]);
const COPYING_COMMANDS = new Set([0, 1030]); // F_DUPFD, F_DUPFD_CLOEXEC

const fcntl: Touches = ({ args }) => {
  const command = toNumber(args[1]) ?? -1;
  if (COPYING_COMMANDS.has(command)) return [];
  return [[PROBING_COMMANDS.has(command) ? 'probe' : 'use', toFd(args[0])]];
};

export const FIONCLEX = 0x5450;
export const FIOCLEX = 0x5451;
/** TCGETS and TCGETS2 (isatty()), TIOCGPGRP, TIOCGWINSZ; and FIOCLEX, which Node sets on all FDs that it inherits. */
const PROBING_IOCTLS = new Set([0x5401, 0x802c542a, 0x540f, 0x5413, FIOCLEX, FIONCLEX]);

const ioctl: Touches = ({ args }) => [
  [PROBING_IOCTLS.has(toNumber(args[1]) ?? -1) ? 'probe' : 'use', toFd(args[0])],
];

/** lseek(fd, 0, SEEK_CUR) asks whether the file is seekable. */
const lseek: Touches = ({ args }) => [
  [toNumber(args[1]) === 0 && toNumber(args[2]) === 1 ? 'probe' : 'use', toFd(args[0])],
];

const polled: Touches = ({ args }) => numbersAfter('fd=', args[0]).map(fd => ['use', fd]);

const selected: Touches = ({ args }) =>
  [args[1], args[2], args[3]]
    .flatMap(set => [...(set ?? '').matchAll(/\d+/g)])
    .map(([fd]) => ['use', Number(fd)]);

const sent: Touches = call => [
  ['use', toFd(call.args[0])],
  ...rightsIn(call).map(fd => ['delegate', fd] as const),
];

const P_PIDFD = 3;

/** All calls whose arguments can have an FD that was given to a program. */
const TOUCHES: Readonly<Record<string, Touches>> = {
  ...each('read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 vmsplice', first),
  ...each('fsync fdatasync syncfs sync_file_range sync_file_range2 ftruncate ftruncate64', first),
  ...each('fallocate fadvise64 fadvise64_64 readahead flock fchmod fchown fchown32', first),
  ...each('fsetxattr fgetxattr flistxattr fremovexattr getdents getdents64 fchdir', first),
  ...each('accept accept4 bind connect listen shutdown setsockopt send recv sendto recvfrom', first),
  ...each('recvmsg recvmmsg recvmmsg_time64 epoll_wait epoll_pwait epoll_pwait2', first),
  ...each('timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64', first),
  ...each('signalfd signalfd4 inotify_add_watch inotify_rm_watch pidfd_send_signal setns', first),
  ...each('mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64', first),
  ...each('mq_notify mq_getsetattr finit_module quotactl_fd pidfd_getfd', first),
  ...each('openat openat2 mkdirat mknodat fchownat unlinkat readlinkat fchmodat fchmodat2', from(0)),
  ...each('faccessat faccessat2 utimensat futimesat name_to_handle_at execveat', from(0)),
  ...each('renameat renameat2 linkat', from(0, 2)),
  ...each('symlinkat', from(1)),
  ...each('open_by_handle_at', first),
  ...each('fstat fstat64 fstatfs fstatfs64 getsockname getpeername getsockopt cachestat', probed),
  ...each('newfstatat fstatat64 statx', lookedUp),
  ...each('sendfile sendfile64 tee', used(0, 1)),
  ...each('splice copy_file_range epoll_ctl', used(0, 2)),
  ...each('mmap mmap2', used(4)),
  ...each('lseek', lseek),
  ...each('_llseek', ({ args }) => [
    [args[1] === '0' && args[2] === '0' && args[4] === '0x1' ? 'probe' : 'use', toFd(args[0])],
  ]),
  ...each('fanotify_mark', call => [...first(call), ...from(3)(call)]),
  ...each('sendmsg sendmmsg', sent),
  ...each('poll ppoll ppoll_time64', polled),
  ...each('select _newselect pselect6 pselect6_time64', selected),
  ...each('fcntl fcntl64', fcntl),
  ...each('ioctl', ioctl),
  ...each('io_submit', ({ args }) => numbersAfter('aio_fildes=', args[2]).map(fd => ['use', fd])),
  ...each('waitid', ({ args }) => (toNumber(args[0]) === P_PIDFD ? [['use', toFd(args[1])]] : [])),
};

/**
 * Calls that copy or close FDs, create or execute processes, or hide the use of FDs; see
 * src/audit/strace/simulate.ts. 32-bit programs make socket calls by socketcall(); strace prints which one.
 */
const OTHERS = [
  ...'close close_range dup dup2 dup3 open creat clone clone3 fork vfork unshare execve'.split(' '),
  ...'io_uring_setup io_uring_enter socketcall'.split(' '),
];

export const TRACED: readonly string[] = [...Object.keys(TOUCHES), ...OTHERS];

/** Calls of which strace must print whole lists and structures. */
export const IN_FULL: readonly string[] = [
  ...'poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64'.split(' '),
  ...'sendmsg sendmmsg recvmsg recvmmsg recvmmsg_time64 io_submit clone3 io_uring_setup'.split(' '),
];

/** What a call does with the FDs that it names. A call that only copies an FD does not touch it. */
export function touchesOf(call: TracedCall): { readonly touch: Touch; readonly fd: number }[] {
  const touches = Object.hasOwn(TOUCHES, call.name) ? TOUCHES[call.name] : undefined;
  return (touches?.(call) ?? []).flatMap(([touch, fd]) =>
    fd === undefined || fd < 0 ? [] : [{ touch, fd }],
  );
}

/** The FDs in the ancillary data of sendmsg() and recvmsg(): SOL_SOCKET, SCM_RIGHTS. */
export function rightsIn({ args }: TracedCall): number[] {
  const messages = (args[1] ?? '').matchAll(/cmsg_level=0x1, cmsg_type=0x1, cmsg_data=\[([\d, ]*)/g);
  return [...messages].flatMap(([, list = '']) => [...list.matchAll(/\d+/g)].map(([fd]) => Number(fd)));
}

/** Undefined for AT_FDCWD (-100) without a sign, as 32-bit programs pass it. */
export function toFd(text: string | undefined): number | undefined {
  const number = toNumber(text);
  return number === undefined || number > 0x7fffffff ? undefined : number;
}

/** The FD in the first argument; -1 if there is none. */
export function fdIn(args: readonly string[]): number {
  return toFd(args[0]) ?? -1;
}

/** The flags in the structure that clone3(), openat2() and others take. */
export function flagsIn(args: readonly string[]): string | undefined {
  return /flags=([^,}]*)/.exec(args.join())?.[1];
}

export function hasFlag(text: string | undefined, flag: number): boolean {
  // Not `&`: a flag may be the highest of 32 bits.
  return Math.floor((toNumber(text) ?? 0) / flag) % 2 === 1;
}

function numbersAfter(key: string, text = ''): number[] {
  return text
    .split(key)
    .slice(1)
    .map(rest => Number.parseInt(rest, 10))
    .filter(number => number >= 0);
}

function each(names: string, touches: Touches): Record<string, Touches> {
  return Object.fromEntries(names.split(' ').map(name => [name, touches]));
}
