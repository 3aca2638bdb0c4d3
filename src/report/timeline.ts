// Counts findings over time in bounded memory; their order does not matter.
//
// Time is divided into buckets of equal width. When there are too many, buckets are merged into wider ones.

import type { ReportRecord } from '../findings/record';
import type { Action } from '../policy/apply-mode';

export interface Timeline {
  /** ISO 8601, the begin of the first bucket; undefined without one. */
  readonly start: string | undefined;
  /** The width of a bucket, in seconds. */
  readonly seconds: number;
  readonly series: readonly Series[];
}

export interface Series {
  readonly sort: 'stray' | 'designated';
  readonly disposition: Action;
  /** One for each bucket. */
  readonly counts: readonly number[];
}

export interface TimelineCounter {
  readonly add: (record: ReportRecord) => void;
  readonly result: () => Timeline;
}

const MOST_BUCKETS = 120;
/** In seconds. Each is a multiple of the one before. Beyond the last, each width is twice the one before. */
const WIDTHS = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800];
const SORTS = ['stray', 'designated'] as const;
const DISPOSITIONS = ['passed', 'closed', 'refused'] as const;
const COLUMNS = SORTS.flatMap(sort => DISPOSITIONS.map(disposition => ({ sort, disposition })));

export function createTimeline(mostBuckets = MOST_BUCKETS): TimelineCounter {
  let buckets = new Map<number, number[]>();
  let width = 1;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;

  return { add, result };

  function add({ time, kind, disposition, count }: ReportRecord): void {
    if (kind === undefined || disposition === undefined || count === 0 || time === '') return;
    const column = columnOf(kind === 'stray' ? 'stray' : 'designated', disposition);
    put(Math.floor(Date.parse(time) / 1000 / width), column, count);
    while (highest - lowest >= mostBuckets) widen();
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

  function widen(): void {
    const finer = buckets;
    buckets = new Map();
    const factor = nextWidth(width) / width;
    width *= factor;
    lowest = Number.POSITIVE_INFINITY;
    highest = Number.NEGATIVE_INFINITY;
    for (const [bucket, counts] of finer)
      for (const [column, count] of counts.entries()) put(Math.floor(bucket / factor), column, count);
  }

  function result(): Timeline {
    const isEmpty = buckets.size === 0;
    const numbers = isEmpty ? [] : Array.from({ length: highest - lowest + 1 }, (_, index) => lowest + index);
    return {
      start: isEmpty ? undefined : new Date(lowest * width * 1000).toISOString(),
      seconds: width,
      series: COLUMNS.map((column, index) => ({
        ...column,
        counts: numbers.map(number => buckets.get(number)?.[index] ?? 0),
      })),
    };
  }
}

function nextWidth(width: number): number {
  return WIDTHS.find(wider => wider > width) ?? width * 2;
}

function columnOf(sort: Series['sort'], disposition: Action): number {
  return SORTS.indexOf(sort) * DISPOSITIONS.length + DISPOSITIONS.indexOf(disposition);
}
