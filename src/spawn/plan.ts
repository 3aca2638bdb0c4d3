// Turns the outcomes of an evaluation into a plan: which slots are denied, which strays are kept or closed.

import type { AnyFunction } from '../base/wrap-function';
import type { SpawnFinding } from '../findings/finding';
import type { ChildExit } from '../model/child-exit';
import type { SpawnRequest, Stray } from '../model/spawn-request';
import type { FdOutcome } from '../policy/apply-mode';
import type { Mode } from '../policy/rule';
import type { IdentifiedFd } from '../strays/stray-guard';

export interface Auditor {
  /** Prepares the trace of a spawn. The findings name all FDs that pass. */
  readonly prepare: (findings: readonly SpawnFinding[]) => Trace;
  /** The offset of the FD's file moved: a sign of use. */
  readonly noteLikelyUse: (finding: SpawnFinding) => void;
}

/** A slot whose FD the child must not get. `child.stdio[index]` is null in the parent. */
export interface DeniedSlot {
  readonly index: number;
  readonly childFd: number;
}

/** What a call does differently because of closefds. */
export interface Plan {
  /** The call's slots that were denied. */
  readonly denied: readonly DeniedSlot[];
  /** Numbers of denied strays that the child's arguments or environment name: a placeholder takes them. Sorted. */
  readonly cover: readonly number[];
  /** Whether all FDs get close-on-exec, in the parent and in the child: in `enforce` and `strict`. */
  readonly guarded: boolean;
  /** Strays that go to the child under their own numbers, as long as these mean the same files. Sorted. */
  readonly keep: readonly IdentifiedFd[];
  /** FDs of the parent whose flags must be the same afterwards. Sorted. */
  readonly untouched: readonly number[];
  /**
   * Strays that a rule denies in `warn`. Only the child loses them: the parent's flags are shared by all threads, and
   * the next call may get them. Sorted.
   */
  readonly deny: readonly IdentifiedFd[];
  /**
   * Strays that must not reach the child, to be covered where nothing can be closed in it. Sorted. Empty where the
   * stray guard closes all: there may be thousands, and decisions keep their plans.
   */
  readonly close: readonly number[];
  /** To be called when the child has ended; undefined where nothing needs that. Never throws. */
  readonly after: (() => void) | undefined;
  /** To be called with how the child ended; undefined where nothing needs that. Never throws. */
  readonly onExit: ((exit: ChildExit) => void) | undefined;
  /** An audit's part; undefined without one, or where nothing passes. */
  readonly trace: Trace | undefined;
}

/** Starts processes so that an audit sees what they do. Throws only what the original throws. */
export interface Trace {
  /** Runs work that starts a process with a handle, or synchronously without one. */
  readonly run: <T>(handle: object | undefined, work: () => T) => T;
  /** Calls the handle's own spawn(). */
  readonly call: (spawn: AnyFunction, self: unknown, args: readonly unknown[]) => unknown;
  /** Records why a process that is about to start, or to become another program, is not traced. */
  readonly forgo: (reason: string, pid?: number) => void;
}

/** The plan of a spawn without slots and strays. */
export function defaultPlan(mode: Mode): Plan {
  return {
    denied: [],
    cover: [],
    guarded: mode === 'enforce' || mode === 'strict',
    keep: [],
    untouched: [],
    deny: [],
    close: [],
    after: undefined,
    onExit: undefined,
    trace: undefined,
  };
}

export function toPlan(
  request: SpawnRequest,
  outcomes: readonly FdOutcome[],
  strays: readonly Stray[],
  announced: readonly number[],
  { mode, mustCover }: { readonly mode: Mode; readonly mustCover: boolean },
): Omit<Plan, 'after' | 'onExit' | 'trace'> {
  const closed = outcomes.filter(outcome => outcome.action === 'closed');
  const passed = outcomes.filter(outcome => outcome.action === 'passed');
  const closedFds = new Set(closed.map(({ match }) => match.fd.childFd));

  const sources = passed
    .map(({ match }) => match.fd)
    .filter(fd => fd.kind === 'fd' && fd.sourceFd !== undefined && fd.sourceFd > 2)
    .map(fd => fd.sourceFd as number);

  const isListed = mustCover || mode === 'warn';
  const strayFds = isListed || announced.length > 0 ? strayNumbers(closed) : [];
  const hidden = isListed ? straysBehindSlots(request, strays).filter(fd => closedFds.has(fd)) : [];
  const close = isListed ? sorted([...strayFds, ...hidden]) : [];
  return {
    denied: deniedSlots(request, closedFds),
    cover: sorted(strayFds.filter(fd => announced.includes(fd) && fd <= HIGHEST_COVERED)),
    guarded: mode === 'enforce' || mode === 'strict',
    keep: identified(strayNumbers(passed), strays),
    untouched: sorted(sources),
    deny: mode === 'warn' ? identified(close, strays) : [],
    close,
  };
}

function strayNumbers(outcomes: readonly FdOutcome[]): number[] {
  const numbers: number[] = [];
  for (const { match } of outcomes) {
    if (match.fd.kind !== 'stray') continue;
    numbers.push(match.fd.childFd);
    for (const { fd } of match.others ?? []) numbers.push(fd);
  }
  return numbers;
}

/** A stray above this number is only closed: covering it would take a slot for each number below. */
const HIGHEST_COVERED = 4095;

function deniedSlots({ indexes }: SpawnRequest, closedFds: ReadonlySet<number>): DeniedSlot[] {
  return [...indexes]
    .filter(([{ childFd }]) => closedFds.has(childFd))
    .map(([{ childFd }, index]) => ({ index, childFd }));
}

/** By the time of the spawn a number may mean another file, so each kept or denied FD has its file's identity. */
function identified(numbers: readonly number[], strays: readonly Stray[]): IdentifiedFd[] {
  if (numbers.length === 0) return [];
  const fds = new Set(numbers);
  return strays
    .filter(({ fd }) => fds.has(fd))
    .map(({ fd, identity }) => ({ fd, identity }))
    .sort((a, b) => a.fd - b.fd);
}

/** Strays whose numbers are taken by slots. Where the slot is denied, the stray must not arrive either. */
function straysBehindSlots(request: SpawnRequest, strays: readonly Stray[]): number[] {
  if (request.indexes.size === 0) return [];
  const taken = new Set([...request.indexes.keys()].map(fd => fd.childFd));
  return strays.map(stray => stray.fd).filter(fd => taken.has(fd));
}

/** Each number once. Without a Set: a process may have thousands of strays. */
function sorted(fds: readonly number[]): number[] {
  return fds
    .slice()
    .sort((a, b) => a - b)
    .filter((fd, index, all) => fd !== all[index - 1]);
}
