// How system calls change the FD table of the task that makes them.

import type { FdEntry } from './fd-table';
import { type TracedCall, toNumber } from './parse-line';
import { FIOCLEX, FIONCLEX, fdIn, flagsIn, hasFlag } from './syscalls';
import { type PendingCall, type Task, unshareByFlags, unshareTable } from './task';
import { markUnknown } from './verdict';

/** A call that returned successfully. */
export interface FinishedCall {
  readonly task: Task;
  readonly call: TracedCall;
  readonly begun: PendingCall;
  /** When it returned, in seconds since the epoch. */
  readonly now: number;
}

type CallHandler = (finished: FinishedCall) => void;

const O_CLOEXEC = 0x80000;
const FD_CLOEXEC = 1;
const CLOSE_RANGE_UNSHARE = 2;
const CLOSE_RANGE_CLOEXEC = 4;
const F_DUPFD = 0;
const F_SETFD = 2;
const F_DUPFD_CLOEXEC = 1030;
const IORING_SETUP_SQPOLL = 2;
/**
 * Since Node 22, libuv has a ring of its own for epoll_ctl() and submits nothing else to it
 * (uv__epoll_ctl_prep in its linux.c): it reads ready FDs by system calls. libuv's ring for files,
 * which is off by default, has a kernel thread (SQPOLL).
 */
const LIBUV_ENTRIES = '256';
const NODE = /(?:^|\/)node(?:js)?$/;
const IO_URING = 'it used io_uring, which a trace does not see into';

const HANDLERS: Readonly<Record<string, CallHandler>> = {
  dup: copy,
  dup2: copy,
  dup3: copy,
  fcntl: control,
  fcntl64: control,
  ioctl: setCloseOnExec,
  open,
  openat: open,
  openat2: open,
  creat: open,
  close_range: closeRange,
  unshare: ({ task, call, now }) => unshareByFlags(task, call.args[0], now),
  io_uring_setup: setUpRing,
  io_uring_enter: enterRing,
};

/** Does nothing for a call that changes no table. */
export function changeTable(finished: FinishedCall): void {
  const { name } = finished.call;
  const handler = Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined;
  handler?.(finished);
}

function copy({ task, call: { name, args, result = -1 }, begun: { source }, now }: FinishedCall): void {
  // dup2() to the same number changes nothing. dup() returns its argument only if that was closed meanwhile.
  if (name === 'dup2' && result === fdIn(args)) return;
  task.table.put(result, withCloseOnExec(source, name === 'dup3' && hasFlag(args[2], O_CLOEXEC)), now);
}

function control({ task, call: { args, result = -1 }, begun: { source }, now }: FinishedCall): void {
  const command = toNumber(args[1]);
  if (command === F_DUPFD || command === F_DUPFD_CLOEXEC)
    task.table.put(result, withCloseOnExec(source, command === F_DUPFD_CLOEXEC), now);
  if (command === F_SETFD) task.table.setCloseOnExec(fdIn(args), hasFlag(args[2], FD_CLOEXEC));
}

function setCloseOnExec({ task, call: { args } }: FinishedCall): void {
  const request = toNumber(args[1]);
  if (request === FIOCLEX || request === FIONCLEX) task.table.setCloseOnExec(fdIn(args), request === FIOCLEX);
}

function open({ task, call: { name, args, result = -1 }, begun: { source }, now }: FinishedCall): void {
  const flags = { open: args[1], openat: args[2], openat2: flagsIn(args) }[name];
  task.table.put(result, withCloseOnExec(source, hasFlag(flags, O_CLOEXEC)), now);
}

function closeRange({ task, call: { args }, now }: FinishedCall): void {
  const [first = 0, last = 0] = args.map(toNumber);
  if (hasFlag(args[2], CLOSE_RANGE_UNSHARE)) unshareTable(task, now);
  for (const [fd] of task.table.entries()) {
    if (fd < first || fd > last) continue;
    if (hasFlag(args[2], CLOSE_RANGE_CLOEXEC)) task.table.setCloseOnExec(fd, true);
    else task.table.close(fd, now);
  }
}

function setUpRing({ task: { table, program }, call: { args, result = -1 } }: FinishedCall): void {
  if (hasFlag(flagsIn(args), IORING_SETUP_SQPOLL)) markUnknown(table.grants(), program, IO_URING);
  else if (args[0] === LIBUV_ENTRIES && NODE.test(program.file ?? '')) program.libuvRings.add(result);
}

function enterRing({ task: { table, program }, call: { args } }: FinishedCall): void {
  if (toNumber(args[1]) === 0 || program.libuvRings.has(fdIn(args))) return;
  markUnknown(table.grants(), program, IO_URING);
}

export function withCloseOnExec(entry: FdEntry | undefined, closesOnExec: boolean): FdEntry | undefined {
  return entry && { ...entry, closesOnExec };
}
