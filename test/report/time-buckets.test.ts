import test from 'ava';
import { createTimeBuckets } from '../../src/report/time-buckets';

function sumsOf(mostBuckets: number, additions: readonly (readonly [number, number, number])[]) {
  const buckets = createTimeBuckets({ columns: 3, mostBuckets, nextWidth: width => width * 3 });
  for (const [seconds, column, count] of additions) buckets.add(seconds, column, count);
  const { width, sums } = buckets.result();
  const sorted = [...sums].sort((a, b) => a.start - b.start || a.column - b.column);
  return { width, sums: sorted.map(({ start, column, count }) => [start, column, count]) };
}

test('each bucket has a sum for each column', t => {
  const additions = [
    [10, 0, 1],
    [10.5, 0, 2],
    [10, 2, 4],
    [12, 1, 8],
    [10, 0, 16],
  ] as const;
  t.deepEqual(sumsOf(10, additions), {
    width: 1,
    sums: [
      [10, 0, 19],
      [10, 2, 4],
      [12, 1, 8],
    ],
  });
});

test('too many buckets are merged, column by column, in whatever order they come', t => {
  const additions = [
    [9, 0, 1],
    [10, 0, 2],
    [11, 2, 4],
    [9, 2, 8],
    [13, 2, 16],
    [17, 2, 32],
  ] as const;
  const merged = {
    width: 3,
    sums: [
      [9, 0, 3],
      [9, 2, 12],
      [12, 2, 16],
      [15, 2, 32],
    ],
  };
  t.deepEqual(sumsOf(4, additions), merged);
  t.deepEqual(sumsOf(4, [...additions].reverse()), merged);
});

test('the result can be asked for more than once', t => {
  const buckets = createTimeBuckets({ columns: 1, mostBuckets: 4, nextWidth: width => width * 2 });
  buckets.add(1, 0, 1);
  t.deepEqual(buckets.result().sums, [{ start: 1, column: 0, count: 1 }]);
  buckets.add(1, 0, 1);
  t.deepEqual(buckets.result().sums, [{ start: 1, column: 0, count: 2 }]);
});
