// Counts findings over time, by result and mode.

import type { ReportRecord } from '../findings/record';
import type { Action } from '../policy/apply-mode';
import { MODES, type Mode } from '../policy/rule';
import { fdCount, secondsOf } from './aggregate';
import { type BucketSum, createTimeBuckets } from './time-buckets';

export interface Timeline {
  /** ISO 8601, the begin of the first bucket; undefined without one. */
  readonly start: string | undefined;
  /** The width of a bucket, in seconds. */
  readonly seconds: number;
  readonly series: readonly Series[];
  /** When the modes in force changed, by the buckets that have findings. */
  readonly modeChanges: readonly ModeChange[];
}

export interface ModeChange {
  /** The begin of the first bucket with the new modes. */
  readonly time: string;
  readonly from: readonly Mode[];
  readonly to: readonly Mode[];
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
/** A sum for each kind, result and mode. */
const COLUMNS = SORTS.length * DISPOSITIONS.length * MODES.length;

export function createTimeline(mostBuckets = MOST_BUCKETS): TimelineCounter {
  const buckets = createTimeBuckets({ columns: COLUMNS, mostBuckets, nextWidth });

  return {
    add(record) {
      const { time, kind, disposition, mode } = record;
      const count = fdCount(record);
      if (kind === undefined || disposition === undefined || count === 0 || time === '') return;
      const column = columnOf(kind === 'stray' ? 'stray' : 'designated', disposition, mode);
      buckets.add(secondsOf(time), column, count);
    },
    result() {
      const { width, sums } = buckets.result();
      const starts = sums.map(({ start }) => start);
      const first = starts.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
      const last = starts.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const length = sums.length === 0 ? 0 : (last - first) / width + 1;
      return {
        start: sums.length === 0 ? undefined : timeOf(first),
        seconds: width,
        series: seriesOf(sums, length, start => (start - first) / width),
        modeChanges: changesOf(sums),
      };
    },
  };
}

function seriesOf(
  sums: readonly BucketSum[],
  length: number,
  indexOf: (start: number) => number,
): readonly Series[] {
  const series = SORTS.flatMap(sort =>
    DISPOSITIONS.map(disposition => ({ sort, disposition, counts: new Array<number>(length).fill(0) })),
  );
  for (const { start, column, count } of sums) {
    const counts = series[Math.floor(column / MODES.length)]?.counts ?? [];
    const index = indexOf(start);
    counts[index] = (counts[index] ?? 0) + count;
  }
  return series;
}

function changesOf(sums: readonly BucketSum[]): ModeChange[] {
  const modes = new Map<number, number>();
  for (const { start, column } of sums)
    modes.set(start, (modes.get(start) ?? 0) | (1 << (column % MODES.length)));
  const sorted = [...modes].sort(([a], [b]) => a - b);
  return sorted.flatMap(([start, bits], index) => {
    const before = sorted[index - 1]?.[1] ?? bits;
    return before === bits ? [] : [{ time: timeOf(start), from: modesOf(before), to: modesOf(bits) }];
  });
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function modesOf(bits: number): Mode[] {
  return MODES.filter((_, index) => bits & (1 << index));
}

function nextWidth(width: number): number {
  return WIDTHS.find(wider => wider > width) ?? width * 2;
}

function columnOf(sort: Series['sort'], disposition: Action, mode: Mode): number {
  const row = SORTS.indexOf(sort) * DISPOSITIONS.length + DISPOSITIONS.indexOf(disposition);
  return row * MODES.length + MODES.indexOf(mode);
}
