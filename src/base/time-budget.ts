// Work that may take no more than its share of the time.

export interface TimeBudget {
  /** Whether the last time is paid off. */
  readonly canRun: () => boolean;
  /** At once, whatever is owed. */
  readonly expire: () => void;
  readonly begin: () => void;
  readonly end: () => void;
}

/** One part in `share` of the time, by a clock that gives milliseconds and never goes back. */
export function createTimeBudget(share: number, now: () => number): TimeBudget {
  let start = 0;
  let next = Number.NEGATIVE_INFINITY;

  return {
    canRun: () => now() >= next,
    expire: () => {
      next = Number.NEGATIVE_INFINITY;
    },
    begin: () => {
      start = now();
    },
    end: () => {
      const end = now();
      next = end + (end - start) * share;
    },
  };
}
