// What the outcomes mean for the spawn: which slots to empty, which strays to keep.

import type { Outcome } from './dispose';
import type { Mode } from './policy';
import type { AnyFunction } from './replace-method';
import type { SpawnRequest, Stray } from './request';

/** What the patch has to do around the original call. */
export interface Plan {
  /** Passed in place of the caller's `stdio`; undefined leaves the call as it is. */
  readonly stdio: readonly unknown[] | undefined;
  /** Whether to mark: always in `enforce` and `strict`, otherwise only to carry out a denial. */
  readonly guarded: boolean;
  /** Strays that go to the child under their own numbers. Sorted. */
  readonly keep: readonly number[];
  /** FDs of the parent whose own flags have to be the same afterwards. Sorted. */
  readonly untouched: readonly number[];
  /** Strays that must not reach the child; for the stand-in, which cannot mark. Sorted. */
  readonly close: readonly number[];
  /** To be called when the child has ended; undefined where nobody waits for that. Never throws. */
  readonly after: (() => void) | undefined;
  /** An audit's part; undefined without one, or where nothing passes. */
  readonly trace: Trace | undefined;
}

/** Makes processes so that an audit sees what they do. Never throws but what the original does. */
export interface Trace {
  /** Runs work that makes a process by way of a handle, or without one synchronously. */
  readonly run: <T>(handle: object | undefined, work: () => T) => T;
  /** Calls the handle's own spawn(). */
  readonly call: (spawn: AnyFunction, self: unknown, args: readonly unknown[]) => unknown;
  /** Notes why a process is not traced that is about to be made, or to become another program. */
  readonly forgo: (reason: string, pid?: number) => void;
}

/** Of a spawn with nothing to judge. */
export function plainPlan(mode: Mode): Plan {
  return {
    stdio: undefined,
    guarded: mode === 'enforce' || mode === 'strict',
    keep: [],
    untouched: [],
    close: [],
    after: undefined,
    trace: undefined,
  };
}

export function apply(
  request: SpawnRequest,
  outcomes: readonly Outcome[],
  strays: readonly Stray[],
  mode: Mode,
): Omit<Plan, 'after' | 'trace'> {
  const closed = outcomes
    .filter(outcome => outcome.disposition === 'closed')
    .map(outcome => outcome.verdict.crossing);
  const passed = outcomes
    .filter(outcome => outcome.disposition === 'passed')
    .map(outcome => outcome.verdict.crossing);
  const denied = closed.filter(crossing => crossing.kind === 'stray').map(crossing => crossing.childFd);
  const hidden = straysBehindSlots(request, strays);
  const closedFds = new Set(closed.map(crossing => crossing.childFd));

  const sources = passed
    .filter(crossing => crossing.kind === 'fd' && crossing.sourceFd !== undefined && crossing.sourceFd > 2)
    .map(crossing => crossing.sourceFd as number);

  return {
    stdio: request.stdio === undefined ? undefined : emptied(request, closedFds),
    guarded: mode === 'enforce' || mode === 'strict' || closed.length > 0,
    keep: sorted(passed.filter(crossing => crossing.kind === 'stray').map(crossing => crossing.childFd)),
    // In `warn` a denial must change nothing else. What a slot hides stays as it was, and so does
    // the stray itself: the next caller may be one that the rule does not speak of.
    untouched: sorted(mode === 'warn' ? [...sources, ...hidden, ...denied] : sources),
    close: sorted([...denied, ...hidden.filter(fd => closedFds.has(fd))]),
  };
}

/** A denied slot becomes 'ignore', so `child.stdio[i]` is null, as Node documents for that. */
function emptied(request: SpawnRequest, closedFds: ReadonlySet<number>): readonly unknown[] {
  const stdio = request.stdio?.slice() ?? [];
  for (const [crossing, index] of request.indexes) {
    if (closedFds.has(crossing.childFd)) stdio[index] = 'ignore';
  }
  return stdio;
}

/** Their numbers are taken by slots; where the slot is denied, the stray must not show through. */
function straysBehindSlots(request: SpawnRequest, strays: readonly Stray[]): number[] {
  const taken = new Set([...request.indexes.keys()].map(crossing => crossing.childFd));
  return strays.map(stray => stray.fd).filter(fd => taken.has(fd));
}

function sorted(fds: readonly number[]): number[] {
  return [...new Set(fds)].sort((a, b) => a - b);
}
