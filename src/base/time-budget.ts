// Limits a kind of work to its share of run time.

export interface TimeBudget {
  /** Whether the work may run again. */
  readonly canRun: () => boolean;
  /** Lets the work run at once. */
  readonly expire: () => void;
  readonly begin: () => void;
  readonly end: () => void;
}

/** Allows 1/`share` of run time. `now` returns milliseconds and never goes back. */
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
