// Limits repeated work to a share of the run time.

export interface TimeBudget {
  /** Whether enough time has passed since the last run. */
  readonly canRun: () => boolean;
  /** Allows the next run at once. */
  readonly expire: () => void;
  readonly begin: () => void;
  readonly end: () => void;
}

/**
 * Limits work between `begin` and `end` to one part in `share` of the time. `now` is a monotonic clock in
 * milliseconds.
 */
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
