// Simulates what the kernel does with the FDs that the audit follows, from the calls in a trace.
//
// Each FD carries the grants that it stems from wherever it goes: to other numbers (dup, F_DUPFD,
// /proc/self/fd), other tasks (fork, threads, SCM_RIGHTS) and other programs (exec). A call on an
// FD counts for all of its grants, in the program that makes the call.

import type { Use } from '../../model/fd-use';
import { type FdEntry, type Grant, Table } from './fd-table';
import { type TracedCall, toPath } from './parse-line';
import { fdIn, hasFlag, rightsIn, toFd, touchesOf } from './syscalls';
import { changeTable, type FinishedCall, withCloseOnExec } from './table-changes';
import { CREATES_TASK, childTable, type PendingCall, type Task, unshareTable } from './task';
import { activityOf, markUnknown, newProgram, type Program, toUse } from './verdict';

/** The FDs that a program got when it was started. */
export interface Given {
  /** The process; undefined for the first one of the trace. */
  readonly pid: number | undefined;
  /** Seconds since the epoch: the program is the one that this process executes next. */
  readonly since: number;
  readonly fds: readonly number[];
}

/** For each `Given`, the uses of its FDs in order; undefined if the trace does not have the program. */
export type Uses = readonly (readonly Use[] | undefined)[];

/** The task that created another one, and when the call began. */
export interface Creation {
  readonly parent: number;
  readonly time: number;
}

const OPENS = /^(?:open(?:at2?)?|creat)$/;
const EXECUTES = /^execve(?:at)?$/;
const MSG_CMSG_CLOEXEC = 0x40000000;

/**
 * Signals that end a program before it can do what it would have done. SIGTERM is not among them: a
 * program that is asked to end has ended normally.
 */
const ABRUPT = /^SIG(?:KILL|SEGV|BUS|ABRT|ILL|FPE|SYS|TRAP|XCPU|XFSZ)$/;
const TAKEN = 'a process took an FD of this number from another with pidfd_getfd';
const LOST = 'the trace does not tell where one of the processes came from';

export class Simulation {
  readonly #creations: ReadonlyMap<number, readonly Creation[]>;
  readonly #given: readonly Given[];
  readonly #tasks = new Map<number, Task>();
  readonly #roots = new Map<Given, { readonly program: Program; readonly grants: readonly Grant[] }>();
  /** FDs that were sent through sockets and not received yet. */
  readonly #sent: (readonly (FdEntry | undefined)[])[] = [];
  #now = 0;
  /** Whether a task appeared whose parent is unknown. */
  #hasOrphan = false;

  /** `creations`: for each pid, the calls that created a task with it, in order. */
  constructor(creations: ReadonlyMap<number, readonly Creation[]>, given: readonly Given[]) {
    this.#creations = creations;
    this.#given = given;
  }

  /** A call begins. `call` may have only the arguments that strace wrote at that time. */
  begin(pid: number, time: number, call: TracedCall): void {
    this.#now = time;
    const task = this.#tasks.get(pid) ?? this.#addTask(pid);
    task.call = this.#toPending(task, call);
    // The kernel frees the number before close() returns, even if close() fails.
    if (call.name === 'close') task.table.close(fdIn(call.args), time);
  }

  /** A call returns. */
  end(pid: number, time: number, call: TracedCall): void {
    this.#now = time;
    const task = this.#tasks.get(pid);
    if (task?.call === undefined) return;
    const begun = task.call;
    task.call = undefined;
    recordTouches(task.program, begun, call.error);
    if (call.result !== undefined && call.result >= 0) this.#apply(pid, { task, call, begun, now: time });
    // Without a child that took it, the call failed.
    begun.childTable?.release(time);
  }

  /** A thread executes a program: all other threads end, and it takes over the pid of the process. */
  supersede(pid: number, time: number, by: number): void {
    const thread = this.#tasks.get(by);
    if (thread === undefined || by === pid) return;
    this.leave(pid, time, undefined);
    this.#tasks.delete(by);
    this.#tasks.set(pid, thread);
  }

  /** A task ends; `signal` if a signal killed it. */
  leave(pid: number, time: number, signal: string | undefined): void {
    this.#now = time;
    // A child may end before the call that created it returns, without a call of its own.
    const task = this.#tasks.get(pid) ?? this.#addTask(pid);
    this.#tasks.delete(pid);
    if (this.#releaseTable(task, signal)) task.table.closeAll(time);
  }

  /** The trace ends. */
  finish(): Uses {
    const running = new Set([...this.#tasks.values()].flatMap(({ table }) => [...table.grants()]));
    for (const task of this.#tasks.values()) this.#releaseTable(task);
    return this.#given.map(start => {
      const root = this.#roots.get(start);
      if (this.#hasOrphan && root !== undefined) markUnknown(root.grants, root.program, LOST);
      return root?.grants.map(grant => toUse(root.program, grant, this.#now, running.has(grant)));
    });
  }

  // Calls -------------------------------------------------------------------------------------

  #toPending(task: Task, call: TracedCall): PendingCall {
    const { name, args } = call;
    const touched = touchesOf(call).flatMap(({ touch, fd }) => {
      const entry = task.table.get(fd);
      return entry === undefined ? [] : [{ touch, entry }];
    });
    const byPath = this.#namedByPath(task, call);
    if (byPath !== undefined) touched.push({ touch: 'use', entry: byPath.entry });
    const opened = byPath?.isItself === true ? byPath.entry : undefined;
    return {
      name,
      time: this.#now,
      touched,
      source: OPENS.test(name) ? opened : task.table.get(fdIn(args)),
      childTable: CREATES_TASK.test(name) ? childTable(task, call, this.#now) : undefined,
    };
  }

  /** The FD that a path opens or executes, or in which the path starts. */
  #namedByPath(task: Task, call: TracedCall) {
    if (!OPENS.test(call.name) && !EXECUTES.test(call.name)) return undefined;
    const [found, pid, fd, stdio = '', rest] = FD_IN_PATH.exec(pathIn(call)) ?? [];
    if (found === undefined) return undefined;
    const number = fd === undefined ? ['stdin', 'stdout', 'stderr'].indexOf(stdio) : Number(fd);
    const entry = (pid === undefined ? task : this.#tasks.get(Number(pid)))?.table.get(number);
    return entry && { entry, isItself: rest === undefined };
  }

  #apply(pid: number, finished: FinishedCall): void {
    const { task, call, begun } = finished;
    switch (call.name) {
      case 'clone':
      case 'clone3':
      case 'fork':
      case 'vfork':
        if (call.result) this.#takeTable(call.result, task, begun);
        break;
      case 'execve':
      case 'execveat':
        this.#execute(pid, task, call);
        break;
      case 'sendmsg':
      case 'sendmmsg':
        this.#send(task, call);
        break;
      case 'recvmsg':
      case 'recvmmsg':
      case 'recvmmsg_time64':
        this.#receive(task, call);
        break;
      case 'pidfd_getfd':
        this.#markTaken(toFd(call.args[1]) ?? -1);
        break;
      default:
        changeTable(finished);
    }
  }

  // Sockets -----------------------------------------------------------------------------------

  #send({ table }: Task, call: TracedCall): void {
    const entries = rightsIn(call).map(fd => table.get(fd));
    if (entries.some(entry => entry !== undefined)) this.#sent.push(entries);
  }

  /** The trace does not name the sending socket, so this takes the oldest message with as many FDs. */
  #receive({ table }: Task, call: TracedCall): void {
    const fds = rightsIn(call);
    const at = this.#sent.findIndex(entries => entries.length === fds.length);
    const [entries = []] = at === -1 ? [] : this.#sent.splice(at, 1);
    const closesOnExec = hasFlag(call.args[2], MSG_CMSG_CLOEXEC);
    for (const [index, fd] of fds.entries())
      table.put(fd, withCloseOnExec(entries[index], closesOnExec), this.#now);
  }

  /** The trace does not name the process that the FD was taken from, so it may be any of them. */
  #markTaken(fd: number): void {
    for (const { table, program } of this.#tasks.values())
      markUnknown(table.get(fd)?.grants ?? [], program, TAKEN);
  }

  // Tasks -------------------------------------------------------------------------------------

  /** The new task takes the FD table that the call prepared; undefined if another task took it. */
  #takeTable(pid: number, { program }: Task, begun: PendingCall): Task | undefined {
    if (begun.childTable === undefined) return undefined;
    const task: Task = { table: begun.childTable, program, call: undefined };
    begun.childTable = undefined;
    this.#tasks.set(pid, task);
    return task;
  }

  /** The first task of all, or a child whose lines begin before the call that created it returns. */
  #addTask(pid: number): Task {
    const known = this.#creations.get(pid)?.filter(({ time }) => time <= this.#now) ?? [];
    const parent = this.#tasks.get(known.at(-1)?.parent ?? -1) ?? this.#onlyParent();
    const child = parent?.call && this.#takeTable(pid, parent, parent.call);
    if (child !== undefined) return child;
    if (this.#tasks.size > 0) this.#hasOrphan = true;
    const task: Task = { table: new Table(), program: newProgram(), call: undefined };
    this.#tasks.set(pid, task);
    return task;
  }

  /** The one task that is creating another: if it is killed, its call never returns the pid. */
  #onlyParent(): Task | undefined {
    const parents = [...this.#tasks.values()].filter(({ call }) => call?.childTable !== undefined);
    return parents.length === 1 ? parents[0] : undefined;
  }

  /** Whether the task was the last one of its FD table; then its FDs were open when it ended. */
  #releaseTable({ call, table, program }: Task, signal?: string): boolean {
    // A read that never returned is a use, too.
    if (call !== undefined) recordTouches(program, call);
    call?.childTable?.release(this.#now);
    table.tasks--;
    if (table.tasks > 0) return false;
    for (const grant of table.grants()) {
      const activity = activityOf(program, grant);
      activity.openAtEnd = true;
      if (signal !== undefined && ABRUPT.test(signal)) activity.killedBy = signal;
    }
    return true;
  }

  // Programs ----------------------------------------------------------------------------------

  #execute(pid: number, task: Task, { name, args }: TracedCall): void {
    const before = task.program;
    unshareTable(task, this.#now);
    task.program = newProgram(toPath(name === 'execve' ? args[0] : args[1]) || undefined);
    for (const [fd, { closesOnExec }] of task.table.entries())
      if (closesOnExec) task.table.close(fd, this.#now);
    for (const grant of task.table.grants()) activityOf(before, grant).descendants.add(task.program);

    for (const start of this.#given) {
      if (this.#roots.has(start) || start.since > this.#now) continue;
      if (start.pid === undefined ? this.#roots.size === 0 : start.pid === pid) this.#attachFds(task, start);
    }
  }

  #attachFds({ table, program }: Task, start: Given): void {
    const grants = start.fds.map(fd => {
      const grant: Grant = { fd, since: this.#now, open: 0, closed: undefined };
      const others = table.get(fd)?.grants ?? [];
      table.put(fd, { grants: [...others, grant], closesOnExec: false }, this.#now);
      return grant;
    });
    this.#roots.set(start, { program, grants });
  }
}

function recordTouches(program: Program, { name, time, touched }: PendingCall, error?: string): void {
  for (const { touch, entry } of touched)
    for (const grant of entry.grants) {
      // EBADF: the FD is open, but not for this operation, so the call was a probe at most.
      const calls = activityOf(program, grant).calls[error === 'EBADF' ? 'probe' : touch];
      if (!calls.has(name)) calls.set(name, time);
    }
}

/** Open FDs as files: `/proc/self/fd/3`, `/proc/12/fd/3`, `/dev/fd/3`, `/dev/stdin`; or a path that starts in one. */
const FD_IN_PATH =
  /^\/(?:(?:dev|proc\/(?:self|thread-self|(\d+))(?:\/task\/\d+)?)\/fd\/(\d+)|dev\/(stdin|stdout|stderr))(\/.*)?$/s;

function pathIn({ name, args }: TracedCall): string {
  return toPath(args[/^(?:openat2?|execveat)$/.test(name) ? 1 : 0]) ?? '';
}
