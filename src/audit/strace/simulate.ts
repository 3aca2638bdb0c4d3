// What the kernel does with the FDs that are followed, as far as a trace tells.
//
// Each FD carries the grants it stems from wherever it goes: to other numbers (dup, F_DUPFD,
// /proc/self/fd), other tasks (fork, threads, SCM_RIGHTS) and other programs (exec). What a call
// does with an FD counts for all of its grants, in the program that makes the call.

import type { Use } from '../../model/fd-use';
import { type FdEntry, type Grant, Table } from './fd-table';
import { type TracedCall, toNumber, toPath } from './parse-line';
import { FIOCLEX, FIONCLEX, rightsIn, type Touch, toFd, touchesOf } from './syscalls';
import { activityOf, newProgram, type Program, toUse } from './verdict';

/** FDs that a program got when it was started. */
export interface Given {
  /** The process; undefined for the first one of the trace. */
  readonly pid: number | undefined;
  /** Seconds since the epoch: the program is the one that this process executes next. */
  readonly since: number;
  readonly fds: readonly number[];
}

/** For each one given, the uses of its FDs in order; undefined if the trace does not have the program. */
export type Uses = readonly (readonly Use[] | undefined)[];

/** A process's maker, and when the call that made it began. */
export interface Birth {
  readonly parent: number;
  readonly time: number;
}

/** A thread, or a process with only one. */
interface Task {
  table: Table;
  program: Program;
  /** The call under way. */
  call: PendingCall | undefined;
}

/** What a call found when it began; others can change it before it returns. */
interface PendingCall {
  readonly name: string;
  readonly time: number;
  readonly touched: readonly { readonly touch: Touch; readonly entry: FdEntry }[];
  /** What it gives another number. */
  readonly source: FdEntry | undefined;
  /** What its child has of FDs, until the child takes it. */
  child: Table | undefined;
}

type CallHandler = (task: Task, call: TracedCall, begun: PendingCall) => void;

/** Calls that make a task. */
export const MAKES = /^(?:clone3?|v?fork)$/;
const OPENS = /^(?:open(?:at2?)?|creat)$/;
const EXECUTES = /^execve(?:at)?$/;

const O_CLOEXEC = 0x80000;
const CLONE_FILES = 0x400;
const CLOSE_RANGE_UNSHARE = 2;
const CLOSE_RANGE_CLOEXEC = 4;
const MSG_CMSG_CLOEXEC = 0x40000000;
const IORING_SETUP_SQPOLL = 2;
/**
 * From Node 22 on, libuv has a ring of its own for epoll_ctl(), and puts nothing else into it
 * (uv__epoll_ctl_prep in its linux.c): what it waits for, it then reads by system calls. The ring
 * that reads files, which is off by default, has a thread of the kernel's (SQPOLL).
 */
const LIBUV_ENTRIES = '256';
const NODE = /(?:^|\/)node(?:js)?$/;
const F_DUPFD = 0;
const F_SETFD = 2;
const F_DUPFD_CLOEXEC = 1030;

/** To be told to end is an ordinary end; by these a program had no chance to do what it would have done. */
const VIOLENT = /^SIG(?:KILL|SEGV|BUS|ABRT|ILL|FPE|SYS|TRAP|XCPU|XFSZ)$/;
const IO_URING = 'it used io_uring, which a trace does not see into';
const TAKEN = 'a process took an FD of this number from another with pidfd_getfd';
const LOST = 'the trace does not tell where one of the processes came from';

export function createSimulation(births: ReadonlyMap<number, readonly Birth[]>, given: readonly Given[]) {
  const tasks = new Map<number, Task>();
  const roots = new Map<Given, { readonly program: Program; readonly grants: readonly Grant[] }>();
  /** FDs on their way through sockets. */
  const sent: (readonly (FdEntry | undefined)[])[] = [];
  let now = 0;
  /** The process whose call it is. */
  let current = 0;
  let lost = false;

  const handlers: Readonly<Record<string, CallHandler>> = {
    ...both(['dup', 'dup2', 'dup3'], copy),
    ...both(['fcntl', 'fcntl64'], control),
    ...both(['open', 'openat', 'openat2', 'creat'], open),
    ...both(['clone', 'clone3', 'fork', 'vfork'], made),
    ...both(['execve', 'execveat'], execute),
    ...both(['sendmsg', 'sendmmsg'], send),
    ...both(['recvmsg', 'recvmmsg', 'recvmmsg_time64'], receive),
    ioctl: ({ table }, { args }) => {
      const request = toNumber(args[1]);
      if (request === FIOCLEX || request === FIONCLEX) table.mark(fdIn(args), request === FIOCLEX);
    },
    close_range: closeRange,
    unshare: (task, { args }) => {
      if (hasFlag(args[0], CLONE_FILES)) unshare(task);
    },
    io_uring_setup: ({ table, program }, { args, result = -1 }) => {
      if (hasFlag(flagsIn(args), IORING_SETUP_SQPOLL)) markUnknown(table.grants(), program, IO_URING);
      else if (args[0] === LIBUV_ENTRIES && NODE.test(program.file ?? '')) program.libuvRings.add(result);
    },
    io_uring_enter: ({ table, program }, { args }) => {
      if (toNumber(args[1]) === 0 || program.libuvRings.has(fdIn(args))) return;
      markUnknown(table.grants(), program, IO_URING);
    },
    pidfd_getfd: (_, { args }) => {
      for (const { table, program } of tasks.values())
        markUnknown(table.get(toFd(args[1]) ?? -1)?.grants ?? [], program, TAKEN);
    },
  };

  return { begin, end, supersede, leave, finish };

  /** `call` may have only the arguments that strace wrote when it began. */
  function begin(pid: number, time: number, call: TracedCall): void {
    now = time;
    const task = tasks.get(pid) ?? addTask(pid);
    const { name, args } = call;
    const touched = touchesOf(call).flatMap(({ touch, fd }) => {
      const entry = task.table.get(fd);
      return entry === undefined ? [] : [{ touch, entry }];
    });
    const byPath = namedByPath(task, call);
    if (byPath !== undefined) touched.push({ touch: 'use', entry: byPath.entry });
    const opened = byPath?.isItself === true ? byPath.entry : undefined;
    const source = OPENS.test(name) ? opened : task.table.get(fdIn(args));
    task.call = { name, time, touched, source, child: MAKES.test(name) ? toChild(task, call) : undefined };
    // An FD is free before close() returns, and is so even if that fails.
    if (name === 'close') task.table.close(fdIn(args), now);
  }

  function end(pid: number, time: number, call: TracedCall): void {
    now = time;
    current = pid;
    const task = tasks.get(pid);
    if (task?.call === undefined) return;
    const begun = task.call;
    task.call = undefined;
    record(task, begun, call.error);
    const handler = Object.hasOwn(handlers, call.name) ? handlers[call.name] : undefined;
    if (call.result !== undefined && call.result >= 0) handler?.(task, call, begun);
    drop(begun.child);
  }

  function record({ program }: Task, { name, time, touched }: PendingCall, error?: string): void {
    for (const { touch, entry } of touched)
      for (const grant of entry.grants) {
        // It is open, but not for this: a look, at most.
        const calls = activityOf(program, grant).calls[error === 'EBADF' ? 'probe' : touch];
        if (!calls.has(name)) calls.set(name, time);
      }
  }

  // Numbers -----------------------------------------------------------------------------------

  function copy({ table }: Task, { name, args, result = -1 }: TracedCall, { source }: PendingCall): void {
    // Of dup(), it is another one: its source was closed meanwhile.
    if (name === 'dup2' && result === fdIn(args)) return;
    table.put(result, marked(source, name === 'dup3' && hasFlag(args[2], O_CLOEXEC)), now);
  }

  function control({ table }: Task, { args, result = -1 }: TracedCall, { source }: PendingCall): void {
    const command = toNumber(args[1]);
    if (command === F_DUPFD || command === F_DUPFD_CLOEXEC)
      table.put(result, marked(source, command === F_DUPFD_CLOEXEC), now);
    if (command === F_SETFD) table.mark(fdIn(args), hasFlag(args[2], 1));
  }

  function open(task: Task, call: TracedCall, { source }: PendingCall): void {
    const { name, args, result = -1 } = call;
    const flags = { open: args[1], openat: args[2], openat2: flagsIn(args) }[name];
    task.table.put(result, marked(source, hasFlag(flags, O_CLOEXEC)), now);
  }

  /** The FD that is opened or executed by a path, or in which the path starts. */
  function namedByPath(task: Task, call: TracedCall) {
    if (!OPENS.test(call.name) && !EXECUTES.test(call.name)) return undefined;
    const [found, pid, fd, stdio = '', rest] = FD_IN_PATH.exec(pathIn(call)) ?? [];
    if (found === undefined) return undefined;
    const number = fd === undefined ? ['stdin', 'stdout', 'stderr'].indexOf(stdio) : Number(fd);
    const entry = (pid === undefined ? task : tasks.get(Number(pid)))?.table.get(number);
    return entry && { entry, isItself: rest === undefined };
  }

  function closeRange(task: Task, { args }: TracedCall): void {
    const [first = 0, last = 0] = args.map(toNumber);
    if (hasFlag(args[2], CLOSE_RANGE_UNSHARE)) unshare(task);
    for (const [fd] of task.table.entries()) {
      if (fd < first || fd > last) continue;
      if (hasFlag(args[2], CLOSE_RANGE_CLOEXEC)) task.table.mark(fd, true);
      else task.table.close(fd, now);
    }
  }

  // Sockets -----------------------------------------------------------------------------------

  function send({ table }: Task, call: TracedCall): void {
    const entries = rightsIn(call).map(fd => table.get(fd));
    if (entries.some(entry => entry !== undefined)) sent.push(entries);
  }

  /** Which socket a message came from is not known; so it is the oldest with as many FDs. */
  function receive({ table }: Task, call: TracedCall): void {
    const fds = rightsIn(call);
    const at = sent.findIndex(entries => entries.length === fds.length);
    const [entries = []] = at === -1 ? [] : sent.splice(at, 1);
    const closesOnExec = hasFlag(call.args[2], MSG_CMSG_CLOEXEC);
    for (const [index, fd] of fds.entries()) table.put(fd, marked(entries[index], closesOnExec), now);
  }

  // Tasks -------------------------------------------------------------------------------------

  function toChild({ table }: Task, { args }: TracedCall): Table {
    if (!hasFlag(flagsIn(args), CLONE_FILES)) return table.copy(now);
    table.tasks++;
    return table;
  }

  /** The child was not made after all. */
  function drop(child: Table | undefined): void {
    if (child === undefined) return;
    child.tasks--;
    if (child.tasks === 0) child.closeAll(now);
  }

  function made(task: Task, { result = 0 }: TracedCall, begun: PendingCall): void {
    if (result > 0) take(result, task, begun);
  }

  function take(pid: number, { program }: Task, begun: PendingCall): Task | undefined {
    if (begun.child === undefined) return undefined;
    const task: Task = { table: begun.child, program, call: undefined };
    begun.child = undefined;
    tasks.set(pid, task);
    return task;
  }

  /** The first of all, or a child that speaks before the call that made it returns. */
  function addTask(pid: number): Task {
    const known = births.get(pid)?.filter(({ time }) => time <= now) ?? [];
    const maker = tasks.get(known.at(-1)?.parent ?? -1) ?? onlyMaker();
    const child = maker?.call && take(pid, maker, maker.call);
    if (child !== undefined) return child;
    if (tasks.size > 0) lost = true;
    const task: Task = { table: new Table(), program: newProgram(), call: undefined };
    tasks.set(pid, task);
    return task;
  }

  /** Whose call never returns, because it is killed. */
  function onlyMaker(): Task | undefined {
    const makers = [...tasks.values()].filter(({ call }) => call?.child !== undefined);
    return makers.length === 1 ? makers[0] : undefined;
  }

  /** A thread executes a program: all others end, and it takes over the number of the process. */
  function supersede(pid: number, time: number, by: number): void {
    const thread = tasks.get(by);
    if (thread === undefined || by === pid) return;
    leave(pid, time, undefined);
    tasks.delete(by);
    tasks.set(pid, thread);
  }

  function unshare(task: Task): void {
    if (task.table.tasks === 1) return;
    const own = task.table.copy(now);
    task.table.tasks--;
    task.table = own;
  }

  function leave(pid: number, time: number, signal: string | undefined): void {
    now = time;
    // A child may end before the call that made it returns, and say nothing else.
    const task = tasks.get(pid) ?? addTask(pid);
    tasks.delete(pid);
    if (releaseTable(task, signal)) task.table.closeAll(now);
  }

  /** What the last task of a table leaves open. */
  function releaseTable(
    { call, table, program }: Task & { call: PendingCall | undefined },
    signal?: string,
  ): boolean {
    // A read that never returned is one all the same.
    if (call !== undefined) record({ call, table, program }, call);
    drop(call?.child);
    table.tasks--;
    if (table.tasks > 0) return false;
    for (const grant of table.grants()) {
      const activity = activityOf(program, grant);
      activity.held = true;
      if (signal !== undefined && VIOLENT.test(signal)) activity.killed = signal;
    }
    return true;
  }

  // Programs ----------------------------------------------------------------------------------

  function execute(task: Task, { name, args }: TracedCall): void {
    const before = task.program;
    unshare(task);
    task.program = newProgram(toPath(name === 'execve' ? args[0] : args[1]) || undefined);
    for (const [fd, { closesOnExec }] of task.table.entries()) if (closesOnExec) task.table.close(fd, now);
    for (const grant of task.table.grants()) activityOf(before, grant).descendants.add(task.program);

    for (const start of given) {
      if (roots.has(start) || start.since > now) continue;
      if (start.pid === undefined ? roots.size === 0 : start.pid === current) attachFds(task, start);
    }
  }

  function attachFds({ table, program }: Task, start: Given): void {
    const grants = start.fds.map(fd => {
      const grant: Grant = { fd, since: now, open: 0, closed: undefined };
      const others = table.get(fd)?.grants ?? [];
      table.put(fd, { grants: [...others, grant], closesOnExec: false }, now);
      return grant;
    });
    roots.set(start, { program, grants });
  }

  // What a trace does not tell ------------------------------------------------------------------

  function markUnknown(grants: Iterable<Grant>, program: Program, why: string): void {
    for (const grant of grants) activityOf(program, grant).unknownReason ??= why;
  }

  function finish(): Uses {
    const running = new Set([...tasks.values()].flatMap(({ table }) => [...table.grants()]));
    for (const task of tasks.values()) releaseTable(task);
    return given.map(start => {
      const root = roots.get(start);
      if (lost && root !== undefined) markUnknown(root.grants, root.program, LOST);
      return root?.grants.map(grant => toUse(root.program, grant, now, running.has(grant)));
    });
  }
}

/** The numbers of open FDs as files: `/proc/self/fd/3`, `/proc/12/fd/3`, `/dev/fd/3`, `/dev/stdin`; or in a folder. */
const FD_IN_PATH =
  /^\/(?:(?:dev|proc\/(?:self|thread-self|(\d+))(?:\/task\/\d+)?)\/fd\/(\d+)|dev\/(stdin|stdout|stderr))(\/.*)?$/s;

function pathIn({ name, args }: TracedCall): string {
  return toPath(args[/^(?:openat2?|execveat)$/.test(name) ? 1 : 0]) ?? '';
}

function fdIn(args: readonly string[]): number {
  return toFd(args[0]) ?? -1;
}

function flagsIn(args: readonly string[]): string | undefined {
  return /flags=([^,}]*)/.exec(args.join())?.[1];
}

function hasFlag(text: string | undefined, flag: number): boolean {
  // Not `&`: a flag may be the highest of 32 bits.
  return Math.floor((toNumber(text) ?? 0) / flag) % 2 === 1;
}

function marked(entry: FdEntry | undefined, closesOnExec: boolean): FdEntry | undefined {
  return entry && { ...entry, closesOnExec };
}

function both(names: readonly string[], effect: CallHandler): Record<string, CallHandler> {
  return Object.fromEntries(names.map(name => [name, effect]));
}
