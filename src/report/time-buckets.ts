// Sums over time in bounded memory; the order of additions does not matter.
//
// Time is divided into buckets of equal width. When there are too many, buckets are merged into wider ones.

export interface TimeBucketsOptions {
  /** Each bucket has so many sums. */
  readonly columns: number;
  readonly mostBuckets: number;
  /** The next wider width, a multiple of the given one. Both in seconds. */
  readonly nextWidth: (width: number) => number;
}

export interface BucketSum {
  /** The begin of the bucket, in seconds since 1970. */
  readonly start: number;
  readonly column: number;
  readonly count: number;
}

export interface TimeBuckets {
  /** `seconds` since 1970. */
  readonly add: (seconds: number, column: number, count: number) => void;
  /** The width of a bucket in seconds, and the sums, in no order. */
  readonly result: () => { readonly width: number; readonly sums: readonly BucketSum[] };
}

export function createTimeBuckets({ columns, mostBuckets, nextWidth }: TimeBucketsOptions): TimeBuckets {
  /** By `bucket * columns + column`: an object for each bucket would take more memory than its sums. */
  let sums = new Map<number, number>();
  let width = 1;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  /** The key that was added to last, and its count besides `sums`: the next record mostly has the same. */
  const current = { key: Number.NaN, count: 0 };

  return { add, result };

  function add(seconds: number, column: number, count: number): void {
    const bucket = Math.floor(seconds / width);
    const key = bucket * columns + column;
    if (key === current.key) {
      current.count += count;
      return;
    }
    store();
    current.key = key;
    put(bucket, column, count);
    while (highest - lowest >= mostBuckets) widen();
  }

  function store(): void {
    if (current.count > 0) sums.set(current.key, (sums.get(current.key) ?? 0) + current.count);
    current.count = 0;
  }

  function put(bucket: number, column: number, count: number): void {
    const key = bucket * columns + column;
    sums.set(key, (sums.get(key) ?? 0) + count);
    if (bucket < lowest) lowest = bucket;
    if (bucket > highest) highest = bucket;
  }

  function widen(): void {
    const finer = sums;
    const wider = nextWidth(width);
    const factor = wider / width;
    sums = new Map();
    width = wider;
    current.key = Number.NaN;
    lowest = Number.POSITIVE_INFINITY;
    highest = Number.NEGATIVE_INFINITY;
    for (const [key, count] of finer) {
      const bucket = Math.floor(key / columns);
      put(Math.floor(bucket / factor), key - bucket * columns, count);
    }
  }

  function result(): ReturnType<TimeBuckets['result']> {
    store();
    return {
      width,
      sums: [...sums].map(([key, count]) => {
        const bucket = Math.floor(key / columns);
        return { start: bucket * width, column: key - bucket * columns, count };
      }),
    };
  }
}
