// Looking for strays, as often as it costs next to nothing.
//
// A look asks the kernel about every number of the FD table. Closing never waits for it; only
// reports do. So unless a look must be fresh, it is taken when the last one has been paid off:
// at most one part in four hundred of the time goes into looking, however large the table.

import { createTimeBudget } from '../base/time-budget';
import type { OpenFile, Stray } from '../model/spawn-request';
import type { ListedStray } from './stray-guard';

const SHARE = 400;

export interface StrayScanOptions {
  readonly list: () => readonly ListedStray[];
  readonly describe: (fd: number) => OpenFile;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

export interface StrayScan {
  /** The strays; `fresh` looks at once. */
  readonly strays: (fresh: boolean) => readonly Stray[];
  /** FDs were opened that no look has seen: the next look is due. */
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
    // The same list as long as it holds the same: see src/spawn/decision-cache.ts.
    if (!isSame(seen, strays)) strays = seen;
    budget.end();
    return strays;
  }
}

function isSame(seen: readonly Stray[], strays: readonly Stray[]): boolean {
  return seen.length === strays.length && seen.every((stray, index) => stray === strays[index]);
}
