// Counts findings over time in bounded memory; their order does not matter.
//
// Time is divided into buckets of equal width. When there are too many, buckets are merged into wider ones.

import type { ReportRecord } from '../findings/record';
import type { Action } from '../policy/apply-mode';
import { MODES, type Mode } from '../policy/rule';
import { fdCount, secondsOf } from './aggregate';

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
const COLUMNS = SORTS.flatMap(sort => DISPOSITIONS.map(disposition => ({ sort, disposition })));

export function createTimeline(mostBuckets = MOST_BUCKETS): TimelineCounter {
  let buckets = new Map<number, number[]>();
  /** The modes of each bucket, as bits. */
  let modes = new Map<number, number>();
  let width = 1;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;

  return { add, result };

  function add(record: ReportRecord): void {
    const { time, kind, disposition, mode } = record;
    const count = fdCount(record);
    if (kind === undefined || disposition === undefined || count === 0 || time === '') return;
    const column = columnOf(kind === 'stray' ? 'stray' : 'designated', disposition);
    const bucket = Math.floor(secondsOf(time) / width);
    put(bucket, column, count);
    addModes(bucket, 1 << MODES.indexOf(mode));
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

  function addModes(bucket: number, bits: number): void {
    modes.set(bucket, (modes.get(bucket) ?? 0) | bits);
  }

  function widen(): void {
    const [finer, finerModes] = [buckets, modes];
    [buckets, modes] = [new Map(), new Map()];
    const factor = nextWidth(width) / width;
    width *= factor;
    lowest = Number.POSITIVE_INFINITY;
    highest = Number.NEGATIVE_INFINITY;
    for (const [bucket, counts] of finer)
      for (const [column, count] of counts.entries()) put(Math.floor(bucket / factor), column, count);
    for (const [bucket, bits] of finerModes) addModes(Math.floor(bucket / factor), bits);
  }

  function result(): Timeline {
    const isEmpty = buckets.size === 0;
    const numbers = isEmpty ? [] : Array.from({ length: highest - lowest + 1 }, (_, index) => lowest + index);
    return {
      start: isEmpty ? undefined : timeOf(lowest),
      seconds: width,
      series: COLUMNS.map((column, index) => ({
        ...column,
        counts: numbers.map(number => buckets.get(number)?.[index] ?? 0),
      })),
      modeChanges: changes(),
    };
  }

  function timeOf(bucket: number): string {
    return new Date(bucket * width * 1000).toISOString();
  }

  function changes(): ModeChange[] {
    const sorted = [...modes].sort(([a], [b]) => a - b);
    return sorted.flatMap(([bucket, bits], index) => {
      const before = sorted[index - 1]?.[1] ?? bits;
      return before === bits ? [] : [{ time: timeOf(bucket), from: modesOf(before), to: modesOf(bits) }];
    });
  }
}

function modesOf(bits: number): Mode[] {
  return MODES.filter((_, index) => bits & (1 << index));
}

function nextWidth(width: number): number {
  return WIDTHS.find(wider => wider > width) ?? width * 2;
}

function columnOf(sort: Series['sort'], disposition: Action): number {
  return SORTS.indexOf(sort) * DISPOSITIONS.length + DISPOSITIONS.indexOf(disposition);
}
