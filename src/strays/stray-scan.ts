// Scans for strays within a time budget.
//
// A scan asks the kernel about every number of the FD table. Closing does not depend on scans; reports do.
// So unless a scan must be fresh, scans use at most 0.25 % of run time, however large the table is.

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
  /** The strays; `fresh` scans at once. */
  readonly strays: (fresh: boolean) => readonly Stray[];
  /** FDs may have been opened since the last scan: the next call scans. */
  readonly expire: () => void;
}

export function createStrayScan({ list, describe, now }: StrayScanOptions): StrayScan {
  let strays: readonly Stray[] = [];
  let described = new Map<string, Stray>();
  const budget = createTimeBudget(SHARE, now);

  return { strays: look, expire: budget.expire };

  function look(fresh: boolean): readonly Stray[] {
    if (!fresh && !budget.canRun()) return strays;

    budget.begin();
    const before = described;
    described = new Map();
    const seen = list().map(({ fd, atStart, identity }) => {
      const key = `${fd} ${identity}`;
      const stray = before.get(key) ?? { fd, identity, atStart, file: describe(fd) };
      described.set(key, stray);
      return stray;
    });
    // The same array as long as its content is the same: see src/spawn/decision-cache.ts.
    if (!isSame(seen, strays)) strays = seen;
    budget.end();
    return strays;
  }
}

function isSame(seen: readonly Stray[], strays: readonly Stray[]): boolean {
  return seen.length === strays.length && seen.every((stray, index) => stray === strays[index]);
}
