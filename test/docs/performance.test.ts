// The page about performance shows what was measured last, and how numbers are made and shown.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ROOT } from '../support/run';

interface Render {
  readonly renderInto: (page: string, results: object) => string;
  readonly toText: (section: object) => string;
}
interface Harness {
  readonly inTurns: (players: object, options: object) => Promise<Record<string, readonly object[]>>;
  readonly compare: (batches: readonly object[], base: readonly object[]) => object;
}

const load = <T>(name: string) => import(pathToFileURL(path.join(ROOT, 'bench', name)).href) as Promise<T>;
const read = (name: string) => readFileSync(path.join(ROOT, name), 'utf8');

test('docs/dev/performance.md shows bench/results.json (npm run bench:docs)', async t => {
  const { renderInto } = await load<Render>('render.mjs');
  const page = read('docs/dev/performance.md');
  t.is(page, renderInto(page, JSON.parse(read('bench/results.json')) as object));
});

test('docs/images/cost.svg is the chart of bench/results.json (npm run bench:docs)', async t => {
  const { chart } = await load<{ readonly chart: (results: object) => string }>('chart.mjs');
  t.is(read('docs/images/cost.svg'), chart(JSON.parse(read('bench/results.json')) as object));
});

test('a confidence interval is that of the median: half of the values are on each side, and 95 % of the medians in it', async t => {
  const { interval } = await load<{ readonly interval: (list: number[]) => object }>('numbers.mjs');
  t.deepEqual(interval([3, 1, 2]), { median: 2, low: 1, high: 3 });
  // Ranks 40 and 61 of 100, by the binomial distribution.
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  t.deepEqual(interval(hundred), { median: 51, low: 40, high: 61 });
});

test('more page faults or instructions than the limit allows fail a check, fewer do not', async t => {
  const { compareCheck } = await load<{
    readonly compareCheck: (found: object, kept: object, print: (line: string) => void) => boolean;
  }>('check.mjs');
  const lines: string[] = [];
  const check = (found: number, kept: number) =>
    compareCheck({ spawn: { faults: found } }, { spawn: { faults: kept } }, line => lines.push(line));
  t.deepEqual([check(1.1, 1.08), check(1.1, 1.06), check(1, 1.2)], [true, false, true]);
  t.deepEqual(
    lines.filter(line => line.includes('faults')),
    [
      'ok     spawn, faults: 1.100 of bare, 1.080 before',
      'WORSE  spawn, faults: 1.100 of bare, 1.060 before',
      'ok     spawn, faults: 1.000 of bare, 1.200 before',
    ],
  );
});

test('a page without its markers is refused', async t => {
  const { renderInto } = await load<Render>('render.mjs');
  t.throws(() => renderInto('# Page', {}), { message: /^expected the lines/ });
});

test('shows numbers by their unit, with quartiles, and what is missing as a dash', async t => {
  const { toText } = await load<Render>('render.mjs');
  const columns = [
    { title: 'way' },
    { title: 'time', unit: 'ms' },
    { title: 'ratio', unit: 'ratio' },
    { title: 'FDs', unit: 'count' },
  ];
  const rows = [
    ['bare', 1.2345, null, 10_000],
    ['enforce', 123.45, { median: 1.0123, low: 1, high: 1.1 }, 0],
  ];
  const machine = { cpu: '2 x CPU', memory: '1 GB', kernel: 'Linux 6', node: 'v20.0.0' };
  const section = {
    title: 'T',
    date: '2026-11-24',
    seconds: 3,
    load: [1, 2],
    machine,
    tables: [{ title: 'Table', columns, rows }],
    notes: ['Note.'],
  };
  t.deepEqual(toText(section).split('\n\n').slice(2), [
    'Table',
    [
      'way      time (ms)  ratio                 FDs',
      'bare     1.23       -                     10,000',
      'enforce  123        1.012 [1.000, 1.100]  0',
    ].join('\n'),
    'Note.',
  ]);
});

test('players take turns, each round begun by another, and a slow one stops early', async t => {
  const { inTurns } = await load<Harness>('harness.mjs');
  const order: string[] = [];
  const player = (name: string) => async () => {
    order.push(name);
    return { times: [1], cpu: 1 };
  };
  await inTurns({ a: player('a'), b: player('b') }, { rounds: 2, warmUp: 1 });
  t.deepEqual(order, ['b', 'a', 'a', 'b', 'b', 'a']);
  const batches = await inTurns({ a: player('a'), b: player('b') }, { rounds: 5, warmUp: 0, most: -1 });
  t.deepEqual([batches.a?.length, batches.b?.length], [1, 1]);
});

test('ratios are of batches of the same round', async t => {
  const { compare } = await load<Harness>('harness.mjs');
  const batch = (round: number, time: number) => ({ round, times: [time], cpu: time, median: time });
  const found = compare(
    [batch(0, 4), batch(1, 40), batch(3, 8)],
    [batch(0, 2), batch(1, 20), batch(2, 1), batch(3, 4)],
  );
  t.like(found, { ratio: { low: 2, median: 2, high: 2 }, added: { low: 2, median: 4, high: 20 } });
});
