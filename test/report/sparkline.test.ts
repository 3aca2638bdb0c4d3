import test from 'ava';
import fc from 'fast-check';
import { createSparkline, SPARKLINE_PARTS } from '../../src/report/sparkline';

function sparkline(seconds: readonly number[], from: number, to: number): number[] {
  const counter = createSparkline();
  for (const second of seconds) counter.add(second, 1);
  return counter.result(from, to);
}

test('counts go to equal parts of the time', t => {
  const counts = sparkline([0, 1, 50, 100], 0, 100);
  t.is(counts.length, SPARKLINE_PARTS);
  t.deepEqual([counts[0], counts[12], counts[23]], [2, 1, 1]);
  t.deepEqual(sparkline([7], 7, 7)[0], 1);
});

test('no finding is lost, the order does not matter, and each is within a part of its place', t => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 300 }),
      times => {
        const [from, to] = [Math.min(...times), Math.max(...times)];
        const counts = sparkline(times, from, to);
        const backwards = sparkline([...times].reverse(), from, to);
        const sum = counts.reduce((a, b) => a + b);
        const isNear = times.every(time => {
          const part = Math.min(23, Math.floor(((time - from) / Math.max(to - from, 1)) * SPARKLINE_PARTS));
          return [part - 1, part, part + 1].some(near => (counts[near] ?? 0) > 0);
        });
        return sum === times.length && isNear && String(counts) === String(backwards);
      },
    ),
  );
  t.pass();
});
