// How many different ones there are, in bounded memory: exact up to a number, an estimate above.
//
// Of evenly spread hashes the k smallest tell how dense they lie, and so how many there are. The
// estimate is mostly within one part in the root of k: 6 % for 256, 1.6 % for 4,096.

const HASHES = 2 ** 32;

export interface HowMany {
  readonly count: number;
  /** Otherwise an estimate. */
  readonly exact: boolean;
}

export interface Distinct {
  readonly add: (hash: number) => void;
  readonly howMany: () => HowMany;
}

/** Takes what `spread()` gives; exact up to `kept`. */
export function createDistinct(kept: number): Distinct {
  const smallest = new Set<number>();
  let largest = 0;
  let full = false;

  return { add, howMany };

  function add(hash: number): void {
    if ((full && hash > largest) || smallest.has(hash)) return;
    smallest.add(hash);
    largest = Math.max(largest, hash);
    if (smallest.size <= kept) return;
    full = true;
    smallest.delete(largest);
    largest = Math.max(...smallest);
  }

  function howMany(): HowMany {
    if (!full) return { count: smallest.size, exact: true };
    return { count: Math.round(((kept - 1) * HASHES) / (largest + 1)), exact: false };
  }
}

/** A hash of 32 bits. One `seed`, different numbers: different hashes. */
export function hash32(number: number, seed: number): number {
  let hash = (number + Math.imul(seed, 0x9e3779b1)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
