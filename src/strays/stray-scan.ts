// Lists strays for reports, within a time budget.
//
// A scan makes a system call for every number of the FD table. Closing does not need it; only reports do. So
// scans use at most 1/400 of the run time, unless the caller needs a fresh list.

import { createTimeBudget } from '../base/time-budget';
import type { Stray } from '../model/spawn-request';

const SHARE = 400;

export interface StrayScanOptions {
  readonly list: () => readonly Stray[];
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

export function createStrayScan({ list, now }: StrayScanOptions): StrayScan {
  let strays: readonly Stray[] = [];
  let isFresh = false;
  const budget = createTimeBudget(SHARE, now);
  const onCall = () => {
    isFresh = false;
  };

  return { strays: look, onCall, expire: budget.expire };

  function look(fresh: boolean): readonly Stray[] {
    if (isFresh || (!fresh && !budget.canRun())) return strays;

    budget.begin();
    // The same list while nothing changed: src/spawn/decision-cache.ts compares by identity.
    strays = list();
    isFresh = true;
    budget.end();
    return strays;
  }
}
