// Tasks (threads, and processes with one thread) and the system call that each of them is in.

import type { FdEntry, Table } from './fd-table';
import type { TracedCall } from './parse-line';
import { flagsIn, hasFlag, type Touch } from './syscalls';
import type { Program } from './verdict';

export interface Task {
  table: Table;
  program: Program;
  /** Undefined between calls. */
  call: PendingCall | undefined;
}

/** The state that a call found when it began: other tasks can change it before the call returns. */
export interface PendingCall {
  readonly name: string;
  readonly time: number;
  readonly touched: readonly { readonly touch: Touch; readonly entry: FdEntry }[];
  /** The entry that the call copies to another number. */
  readonly source: FdEntry | undefined;
  /** The FD table of the task that the call creates, until that task takes it. */
  childTable: Table | undefined;
}

/** Calls that create a task. */
export const CREATES_TASK = /^(?:clone3?|v?fork)$/;

const CLONE_FILES = 0x400;

/** The FD table of the task that `call` creates: shared, or a copy. */
export function childTable({ table }: Task, { args }: TracedCall, now: number): Table {
  if (!hasFlag(flagsIn(args), CLONE_FILES)) return table.copy(now);
  table.tasks++;
  return table;
}

/** Gives the task an FD table of its own. */
export function unshareTable(task: Task, now: number): void {
  if (task.table.tasks === 1) return;
  const own = task.table.copy(now);
  task.table.tasks--;
  task.table = own;
}

/** Unshares the table if the flags of unshare(2) say so. */
export function unshareByFlags(task: Task, flags: string | undefined, now: number): void {
  if (hasFlag(flags, CLONE_FILES)) unshareTable(task, now);
}
