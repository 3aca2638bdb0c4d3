import test from 'ava';
import { LINE_START, type ReportRecord, toLine } from '../../src/findings/record';
import { createRecordParser, type ParseResult } from '../../src/report/parse-records';

const RECORD: ReportRecord = {
  closefds: 1,
  time: '2026-11-24T03:11:38.123Z',
  pid: 123,
  thread: 0,
  mode: 'warn',
  code: 'CLOSEFDS_STRAY',
  effect: 'deny',
  disposition: 'passed',
  kind: 'stray',
  childFd: 20,
  target: `/data/${LINE_START}`,
  caller: { package: 'a', launchers: ['b'] },
  count: 1,
};

const LINE = toLine(RECORD).trimEnd();

function read(...lines: readonly string[]) {
  const records: ReportRecord[] = [];
  const parser = createRecordParser(record => records.push(record));
  for (const line of lines) parser.readLine(line);
  return { records, reading: parser.result() };
}

type Counts = Partial<Omit<ParseResult, 'newer'>>;
const line = (given: object) => JSON.stringify({ ...RECORD, ...given });

for (const { title, text, counts } of [
  { title: 'a record', text: LINE, counts: { records: 1 } },
  { title: 'a carriage return', text: `${LINE}\r`, counts: { records: 1 } },
  {
    title: 'keys nobody knows',
    text: line({ what2: 1, caller: { package: 'a', mood: 'good' } }),
    counts: { records: 1 },
  },
  { title: 'a code of a later version', text: line({ code: 'CLOSEFDS_NEW_ONE' }), counts: { records: 1 } },
  { title: 'a blank line', text: ' ', counts: { lines: 0 } },
  { title: 'a torn piece', text: LINE.slice(0, 50), counts: { torn: 1 } },
  { title: 'the very beginning', text: LINE.slice(0, 5), counts: { torn: 1 } },
  { title: 'a record behind a torn piece', text: LINE.slice(0, 50) + LINE, counts: { records: 1, torn: 1 } },
  {
    title: 'a record behind the very beginning',
    text: LINE.slice(0, 5) + LINE,
    counts: { records: 1, torn: 1 },
  },
  { title: 'a torn piece behind a record', text: LINE + LINE.slice(0, 50), counts: { records: 1, torn: 1 } },
  {
    title: 'the very beginning of one behind a record',
    text: LINE + LINE.slice(0, 5),
    counts: { records: 1 },
  },
  { title: 'two glued records', text: LINE + LINE, counts: { records: 2 } },
  {
    title: 'two behind two',
    text: LINE.slice(0, 50) + LINE + LINE.slice(0, 80) + LINE,
    counts: { records: 2, torn: 2 },
  },
  { title: 'a hole of zeros', text: '\0'.repeat(4096) + LINE, counts: { records: 1 } },
  { title: 'a byte order mark', text: `\uFEFF${LINE}`, counts: { records: 1 } },
  { title: 'a log collector in front', text: `Nov 24 03:11:38 host app[1]: ${LINE}`, counts: { records: 1 } },
  { title: 'a line of another program', text: 'listening on port 3000', counts: { foreign: 1 } },
  { title: 'JSON of another program', text: '{"level":30,"msg":"hi"}', counts: { foreign: 1 } },
  { title: 'no object', text: '[1]', counts: { foreign: 1 } },
  { title: 'null', text: 'null', counts: { foreign: 1 } },
  { title: 'no count', text: line({ count: undefined }), counts: { invalid: 1 } },
  { title: 'a count below zero', text: line({ count: -1 }), counts: { invalid: 1 } },
  { title: 'a count of text', text: line({ count: '1' }), counts: { invalid: 1 } },
  { title: 'no time', text: line({ time: 'yesterday' }), counts: { invalid: 1 } },
  { title: 'a month that is none', text: line({ time: '2026-13-24T03:11:38.123Z' }), counts: { invalid: 1 } },
  { title: 'a kind nobody knows', text: line({ kind: 'socket' }), counts: { invalid: 1 } },
  { title: 'a caller that is none', text: line({ caller: 'a' }), counts: { invalid: 1 } },
  {
    title: 'known ranges that are none',
    text: line({ rule: { source: 'default', knownIn: '1' } }),
    counts: { invalid: 1 },
  },
  {
    title: 'launchers that are none',
    text: line({ caller: { package: 'a', launchers: [1] } }),
    counts: { invalid: 1 },
  },
  { title: 'a version that is none', text: line({ closefds: '1' }), counts: { invalid: 1 } },
  {
    title: 'a use',
    text: line({ use: { verdict: 'used', heirs: [{ verdict: 'used', program: '/a' }], held: 1 } }),
    counts: { records: 1 },
  },
  {
    title: 'heirs that are none',
    text: line({ use: { verdict: 'used', heirs: {} } }),
    counts: { invalid: 1 },
  },
  {
    title: 'an heir that is none',
    text: line({ use: { verdict: 'used', heirs: [null] } }),
    counts: { invalid: 1 },
  },
  {
    title: 'a time held below zero',
    text: line({ use: { verdict: 'used', held: -1 } }),
    counts: { invalid: 1 },
  },
  {
    title: 'ranges that are none',
    text: line({ rule: { source: 'default', knownIn: 'all' } }),
    counts: { invalid: 1 },
  },
] as ReadonlyArray<{ readonly title: string; readonly text: string; readonly counts: Counts }>) {
  test(`a report reads ${title}`, t => {
    const none = { lines: 1, records: 0, torn: 0, invalid: 0, foreign: 0, tooLong: 0, warnings: 0 };
    const { reading, records } = read(text);
    t.deepEqual(reading, { ...none, ...counts, newer: { values: [], other: 0 } });
    t.is(records.length, reading.records);
    for (const record of records) t.like(record, { pid: 123, mode: 'warn' });
  });
}

test('newer versions of the format are counted by their number', t => {
  const lines = [2, 2, 7].map(closefds => line({ closefds, pid: 'another form' }));
  const { reading, records } = read(...lines, LINE.slice(0, 30) + lines[0]);
  t.deepEqual(records, []);
  t.deepEqual(reading.newer, {
    values: [
      { value: 2, count: 3 },
      { value: 7, count: 1 },
    ],
    other: 0,
  });
});
