// Counts distinct numbers in bounded memory: exactly up to a limit, as "more than" above it.

export interface DistinctCount {
  readonly count: number;
  /** `false` if there are more than `count`. */
  readonly exact: boolean;
}

export interface DistinctCounter {
  readonly add: (value: number) => void;
  readonly result: () => DistinctCount;
}

export function createDistinctCounter(limit: number): DistinctCounter {
  const seen = new Set<number>();
  let exact = true;

  return { add, result: () => ({ count: seen.size, exact }) };

  function add(value: number): void {
    if (seen.size < limit) seen.add(value);
    else if (exact) exact = seen.has(value);
  }
}
