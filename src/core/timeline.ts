// How many at which time, in bounded memory, whatever the order in which they come.
//
// Time is cut into buckets of one width. When they become too many, each two become one.

import type { Disposition } from './dispose';
import type { ReportRecord } from './report-record';

export interface Timeline {
  /** ISO 8601: where the first bucket begins; undefined where there is none. */
  readonly start: string | undefined;
  /** Of a bucket, in seconds. */
  readonly seconds: number;
  readonly series: readonly Series[];
}

export interface Series {
  readonly sort: 'stray' | 'designated';
  readonly disposition: Disposition;
  /** One for each bucket. */
  readonly counts: readonly number[];
}

export interface TimelineCounter {
  readonly add: (record: ReportRecord) => void;
  readonly result: () => Timeline;
}

const MOST_BUCKETS = 120;
const SORTS = ['stray', 'designated'] as const;
const DISPOSITIONS = ['passed', 'closed', 'refused'] as const;
const COLUMNS = SORTS.flatMap(sort => DISPOSITIONS.map(disposition => ({ sort, disposition })));

export function createTimeline(mostBuckets = MOST_BUCKETS): TimelineCounter {
  let buckets = new Map<number, number[]>();
  let width = 1000;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;

  return { add, result };

  function add({ time, kind, disposition, count }: ReportRecord): void {
    if (kind === undefined || disposition === undefined || count === 0) return;
    const column = columnOf(kind === 'stray' ? 'stray' : 'designated', disposition);
    put(Math.floor(Date.parse(time) / width), column, count);
    while (highest - lowest >= mostBuckets) halve();
  }

  function put(bucket: number, column: number, count: number): void {
    let counts = buckets.get(bucket);
    if (counts === undefined) {
      counts = COLUMNS.map(() => 0);
      buckets.set(bucket, counts);
      lowest = Math.min(lowest, bucket);
      highest = Math.max(highest, bucket);
    }
    counts[column] = (counts[column] ?? 0) + count;
  }

  function halve(): void {
    const finer = buckets;
    buckets = new Map();
    width *= 2;
    lowest = Number.POSITIVE_INFINITY;
    highest = Number.NEGATIVE_INFINITY;
    for (const [bucket, counts] of finer)
      for (const [column, count] of counts.entries()) put(Math.floor(bucket / 2), column, count);
  }

  function result(): Timeline {
    const isEmpty = buckets.size === 0;
    const numbers = isEmpty ? [] : Array.from({ length: highest - lowest + 1 }, (_, index) => lowest + index);
    return {
      start: isEmpty ? undefined : new Date(lowest * width).toISOString(),
      seconds: width / 1000,
      series: COLUMNS.map((column, index) => ({
        ...column,
        counts: numbers.map(number => buckets.get(number)?.[index] ?? 0),
      })),
    };
  }
}

function columnOf(sort: Series['sort'], disposition: Disposition): number {
  return SORTS.indexOf(sort) * DISPOSITIONS.length + DISPOSITIONS.indexOf(disposition);
}
