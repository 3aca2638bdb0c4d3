// Counts one group's findings over time in little memory.

import { createTimeBuckets } from './time-buckets';

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
  const buckets = createTimeBuckets({
    columns: 1,
    mostBuckets: MOST_BUCKETS,
    nextWidth: width => width * 2,
  });

  return {
    add: (seconds, count) => buckets.add(seconds, 0, count),
    result(from, to) {
      const counts = Array.from({ length: SPARKLINE_PARTS }, () => 0);
      const span = Math.max(to - from, 1);
      const { width, sums } = buckets.result();
      for (const { start, count } of sums) {
        const middle = start + (width - 1) / 2;
        const part = Math.floor(((middle - from) / span) * SPARKLINE_PARTS);
        const index = Math.min(Math.max(part, 0), SPARKLINE_PARTS - 1);
        counts[index] = (counts[index] ?? 0) + count;
      }
      return counts;
    },
  };
}
