// Lists strays for reports, within a time budget.
//
// A scan makes a system call for every number of the FD table. Closing does not need it; only reports do. So
// scans use at most 1/400 of the run time, unless the caller needs a fresh list.

import { createTimeBudget } from '../base/time-budget';
import type { OpenFile, Stray } from '../model/spawn-request';
import type { ListedStray } from './stray-guard';

const SHARE = 400;

export interface StrayScanOptions {
  readonly list: () => readonly ListedStray[];
  readonly describe: (fd: number) => OpenFile;
  /** In milliseconds, monotonic. */
  readonly now: () => number;
}

export interface StrayScan {
  /** The strays as of the last scan. With `fresh`, as of a scan since the call came in, at the earliest. */
  readonly strays: (fresh: boolean) => readonly Stray[];
  /** A call comes in: earlier scans are not fresh for it. */
  readonly onCall: () => void;
  /** Makes the next call scan. Call it when FDs may have been opened. */
  readonly expire: () => void;
}

export function createStrayScan({ list, describe, now }: StrayScanOptions): StrayScan {
  let strays: readonly Stray[] = [];
  let described = new Map<number, Stray>();
  let isFresh = false;
  const budget = createTimeBudget(SHARE, now);
  const onCall = () => {
    isFresh = false;
  };

  return { strays: look, onCall, expire: budget.expire };

  function look(fresh: boolean): readonly Stray[] {
    if (isFresh || (!fresh && !budget.canRun())) return strays;

    budget.begin();

    const before = described;
    described = new Map();
    const seen = list().map(({ fd, atStart, identity }) => {
      const known = before.get(fd);
      const isKnown = known !== undefined && known.identity === identity;
      const stray = isKnown ? known : { fd, identity, atStart, file: describe(fd) };
      described.set(fd, stray);
      return stray;
    });
    // Returns the same array while its content is the same: src/spawn/decision-cache.ts compares by identity.
    if (!isSame(seen, strays)) strays = seen;
    isFresh = true;
    budget.end();
    return strays;
  }
}

function isSame(seen: readonly Stray[], strays: readonly Stray[]): boolean {
  return seen.length === strays.length && seen.every((stray, index) => stray === strays[index]);
}
