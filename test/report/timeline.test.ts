import test from 'ava';
import type { ReportRecord } from '../../src/findings/record';
import { createTimeline } from '../../src/report/timeline';

const START = Date.parse('2026-11-24T00:00:00.000Z');

function at(seconds: number, given: Partial<ReportRecord> = {}): ReportRecord {
  const time = new Date(START + seconds * 1000).toISOString();
  return { time, mode: 'enforce', kind: 'stray', disposition: 'closed', count: 1, ...given } as ReportRecord;
}

function timelineOf(records: readonly ReportRecord[], mostBuckets?: number) {
  const timeline = createTimeline(mostBuckets);
  for (const record of records) timeline.add(record);
  const { start, seconds, series } = timeline.result();
  const seen = series.filter(({ counts }) => counts.some(count => count > 0));
  return {
    start: start?.slice(0, 19),
    seconds,
    series: seen.map(({ sort, disposition, counts }) => [sort, disposition, counts]),
  };
}

test('no records make no timeline', t => {
  t.deepEqual(timelineOf([]), { start: undefined, seconds: 1, series: [] });
});

test('a timeline counts by kind and outcome, empty buckets included', t => {
  const pipe = { kind: 'pipe', disposition: 'passed', count: 5 } as const;
  t.deepEqual(timelineOf([at(0), at(3, pipe), at(0.5)]), {
    start: '2026-11-24T00:00:00',
    seconds: 1,
    series: [
      ['stray', 'closed', [2, 0, 0, 0]],
      ['designated', 'passed', [0, 0, 0, 5]],
    ],
  });
});

for (const { title, record } of [
  { title: 'that only adds something', record: at(0, { count: 0 }) },
  { title: 'about closefds itself', record: { ...at(0), kind: undefined, disposition: undefined } },
] as const) {
  test(`a timeline has no record ${title}`, t => {
    t.deepEqual(timelineOf([record as ReportRecord]).series, []);
  });
}

for (const { span, most, seconds, counts } of [
  { span: 3, most: 4, seconds: 1, counts: [1, 0, 0, 1] },
  { span: 4, most: 4, seconds: 5, counts: [2] },
  { span: 5, most: 4, seconds: 5, counts: [1, 1] },
  { span: 20, most: 4, seconds: 15, counts: [1, 1] },
  { span: 3600, most: 4, seconds: 1800, counts: [1, 0, 1] },
  { span: 86_400 * 3, most: 4, seconds: 86_400, counts: [1, 0, 0, 1] },
] as const) {
  test(`two records ${span} seconds apart in at most ${most} buckets make buckets of ${seconds} seconds`, t => {
    for (const records of [
      [at(0), at(span)],
      [at(span), at(0)],
    ]) {
      const timeline = timelineOf(records, most);
      t.is(timeline.seconds, seconds);
      t.deepEqual(timeline.series as unknown, [['stray', 'closed', counts]]);
    }
  });
}

test('records at any distance make no more buckets than asked for', t => {
  const [first, last] = [
    at(0, { time: '0001-01-01T00:00:00.000Z' }),
    at(0, { time: '9999-12-31T23:59:59.999Z' }),
  ];
  const timeline = createTimeline();
  for (const record of [first, at(1), last]) timeline.add(record);
  const [counts = []] = timeline
    .result()
    .series.flatMap(({ sort, disposition, counts }) =>
      sort === 'stray' && disposition === 'closed' ? [counts] : [],
    );
  t.true(counts.length <= 120);
  t.is(
    counts.reduce((a, b) => a + b),
    3,
  );
});

test('a timeline has the moments at which the modes changed, in any order of records', t => {
  const records = [
    at(0, { mode: 'warn' }),
    at(50, { mode: 'warn' }),
    at(60, { mode: 'warn' }),
    at(60, { mode: 'enforce' }),
    at(120, { mode: 'enforce' }),
  ];
  for (const ordered of [records, [...records].reverse()]) {
    const timeline = createTimeline();
    for (const record of ordered) timeline.add(record);
    t.deepEqual(
      timeline.result().modeChanges.map(({ time, from, to }) => [time.slice(11, 19), from, to]),
      [
        ['00:01:00', ['warn'], ['warn', 'enforce']],
        ['00:02:00', ['warn', 'enforce'], ['enforce']],
      ],
    );
  }
});
