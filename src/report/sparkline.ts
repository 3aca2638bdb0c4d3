// Counts one group's findings over time in little memory: a few buckets, whose width doubles when there are too many.

export interface SparklineCounter {
  /** `seconds` since 1970. */
  readonly add: (seconds: number, count: number) => void;
  /** Counts for equal parts of the time `from` to `to`, both in seconds since 1970. */
  readonly result: (from: number, to: number) => number[];
}

export const SPARKLINE_PARTS = 24;
/** More than twice the parts, so that a bucket is narrower than half a part. */
const MOST_BUCKETS = 64;

export function createSparkline(): SparklineCounter {
  let buckets = new Map<number, number>();
  let width = 1;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  /** The bucket that was counted last, and what it has besides `buckets`: the next record mostly has the same. */
  const current = { bucket: Number.NaN, count: 0 };

  return { add, result };

  function add(seconds: number, count: number): void {
    const bucket = Math.floor(seconds / width);
    if (bucket === current.bucket) {
      current.count += count;
      return;
    }
    store();
    current.bucket = bucket;
    put(bucket, count);
    while (highest - lowest >= MOST_BUCKETS) widen();
  }

  function store(): void {
    if (current.count > 0) put(current.bucket, current.count);
    current.count = 0;
  }

  function put(bucket: number, count: number): void {
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + count);
    if (bucket < lowest) lowest = bucket;
    if (bucket > highest) highest = bucket;
  }

  function widen(): void {
    const finer = buckets;
    buckets = new Map();
    width *= 2;
    current.bucket = Number.NaN;
    lowest = Number.POSITIVE_INFINITY;
    highest = Number.NEGATIVE_INFINITY;
    for (const [bucket, count] of finer) put(Math.floor(bucket / 2), count);
  }

  function result(from: number, to: number): number[] {
    store();
    const counts = Array.from({ length: SPARKLINE_PARTS }, () => 0);
    const span = Math.max(to - from, 1);
    for (const [bucket, count] of buckets) {
      const middle = bucket * width + (width - 1) / 2;
      const part = Math.floor(((middle - from) / span) * SPARKLINE_PARTS);
      const index = Math.min(Math.max(part, 0), SPARKLINE_PARTS - 1);
      counts[index] = (counts[index] ?? 0) + count;
    }
    return counts;
  }
}
