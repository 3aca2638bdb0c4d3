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
  let isFresh = false;
  const budget = createTimeBudget(SHARE, now);
  const onCall = () => {
    isFresh = false;
  };

  return { strays: look, onCall, expire: budget.expire };

  function look(fresh: boolean): readonly Stray[] {
    if (isFresh || (!fresh && !budget.canRun())) return strays;

    budget.begin();

    const seen = merge(list());
    // Returns the same array while its content is the same: src/spawn/decision-cache.ts compares by identity.
    if (!isSame(seen, strays)) strays = seen;
    isFresh = true;
    budget.end();
    return strays;
  }

  /** Keeps the value of each stray that is still the same. Lists are sorted by number. */
  function merge(listed: readonly ListedStray[]): Stray[] {
    let at = 0;
    return listed.map(stray => {
      while (at < strays.length && (strays[at]?.fd ?? 0) < stray.fd) at++;
      const known = strays[at];
      const isKnown = known?.fd === stray.fd && known.identity === stray.identity;
      return isKnown ? known : new ScannedStray(stray, describe);
    });
  }
}

/** The file is described when it is first asked for: of thousands of strays, few are. */
class ScannedStray implements Stray {
  readonly fd: number;
  readonly atStart: boolean;
  readonly #listed: ListedStray;
  readonly #describe: (fd: number) => OpenFile;
  #file: OpenFile | undefined;

  constructor(listed: ListedStray, describe: (fd: number) => OpenFile) {
    this.fd = listed.fd;
    this.atStart = listed.atStart;
    this.#listed = listed;
    this.#describe = describe;
  }

  get identity(): string {
    return this.#listed.identity;
  }

  get file(): OpenFile {
    this.#file ??= this.#describe(this.fd);
    return this.#file;
  }
}

function isSame(seen: readonly Stray[], strays: readonly Stray[]): boolean {
  return seen.length === strays.length && seen.every((stray, index) => stray === strays[index]);
}
