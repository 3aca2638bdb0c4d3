// Counts how often each value occurs, in bounded memory: only the first few distinct values are kept.

export interface Tally<T> {
  /** Most frequent first. */
  readonly values: readonly Counted<T>[];
  /** The number of occurrences of all values that are not kept. */
  readonly other: number;
}

export interface Counted<T> {
  readonly value: T;
  readonly count: number;
}

export interface TallyCounter<T> {
  readonly add: (value: T, count: number) => void;
  /** Counts values that are not known. */
  readonly addOther: (count: number) => void;
  readonly result: () => Tally<T>;
}

/** Keeps up to `most` values. `hasRoom` is called before a new value is kept, and can reject it. */
export function createTally<T extends string | number | boolean>(
  most: number,
  hasRoom: (value: T) => boolean = () => true,
): TallyCounter<T> {
  const values: T[] = [];
  const counts: number[] = [];
  let other = 0;

  return { add, addOther, result };

  function addOther(count: number): void {
    other += count;
  }

  function add(value: T, count: number): void {
    // Most fields have one value only, and each line of a report calls this a dozen times.
    const index = value === values[0] ? 0 : values.indexOf(value);
    if (index >= 0) counts[index] = (counts[index] ?? 0) + count;
    else if (values.length < most && hasRoom(value)) {
      values.push(value);
      counts.push(count);
    } else other += count;
  }

  function result(): Tally<T> {
    const counted = values.map((value, index) => ({ value, count: counts[index] ?? 0 }));
    return { values: counted.sort((a, b) => b.count - a.count || compare(a.value, b.value)), other };
  }
}

/** Compares by code units, so that the order is the same in every locale. */
export function compare<T extends string | number | boolean>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
