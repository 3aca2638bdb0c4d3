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

for (const [title, text, counts] of [
  ['a record', LINE, { records: 1 }],
  ['a carriage return', `${LINE}\r`, { records: 1 }],
  ['keys nobody knows', line({ what2: 1, caller: { package: 'a', mood: 'good' } }), { records: 1 }],
  ['a code of a later version', line({ code: 'CLOSEFDS_NEW_ONE' }), { records: 1 }],
  ['a blank line', ' ', { lines: 0 }],
  ['a torn piece', LINE.slice(0, 50), { torn: 1 }],
  ['the very beginning', LINE.slice(0, 5), { torn: 1 }],
  ['a record behind a torn piece', LINE.slice(0, 50) + LINE, { records: 1, torn: 1 }],
  ['a record behind the very beginning', LINE.slice(0, 5) + LINE, { records: 1, torn: 1 }],
  ['a torn piece behind a record', LINE + LINE.slice(0, 50), { records: 1, torn: 1 }],
  ['the very beginning of one behind a record', LINE + LINE.slice(0, 5), { records: 1 }],
  ['two glued records', LINE + LINE, { records: 2 }],
  ['two behind two', LINE.slice(0, 50) + LINE + LINE.slice(0, 80) + LINE, { records: 2, torn: 2 }],
  ['a hole of zeros', '\0'.repeat(4096) + LINE, { records: 1 }],
  ['a byte order mark', `\uFEFF${LINE}`, { records: 1 }],
  ['a log collector in front', `Nov 24 03:11:38 host app[1]: ${LINE}`, { records: 1 }],
  ['a line of another program', 'listening on port 3000', { foreign: 1 }],
  ['JSON of another program', '{"level":30,"msg":"hi"}', { foreign: 1 }],
  ['no object', '[1]', { foreign: 1 }],
  ['null', 'null', { foreign: 1 }],
  ['no count', line({ count: undefined }), { invalid: 1 }],
  ['a count below zero', line({ count: -1 }), { invalid: 1 }],
  ['a count of text', line({ count: '1' }), { invalid: 1 }],
  ['no time', line({ time: 'yesterday' }), { invalid: 1 }],
  ['a month that is none', line({ time: '2026-13-24T03:11:38.123Z' }), { invalid: 1 }],
  ['a kind nobody knows', line({ kind: 'socket' }), { invalid: 1 }],
  ['a caller that is none', line({ caller: 'a' }), { invalid: 1 }],
  ['known ranges that are none', line({ rule: { source: 'default', knownIn: '1' } }), { invalid: 1 }],
  ['launchers that are none', line({ caller: { package: 'a', launchers: [1] } }), { invalid: 1 }],
  ['a version that is none', line({ closefds: '1' }), { invalid: 1 }],
  [
    'a use',
    line({ use: { verdict: 'used', heirs: [{ verdict: 'used', program: '/a' }], held: 1 } }),
    { records: 1 },
  ],
  ['heirs that are none', line({ use: { verdict: 'used', heirs: {} } }), { invalid: 1 }],
  ['an heir that is none', line({ use: { verdict: 'used', heirs: [null] } }), { invalid: 1 }],
  ['a time held below zero', line({ use: { verdict: 'used', held: -1 } }), { invalid: 1 }],
  ['ranges that are none', line({ rule: { source: 'default', knownIn: 'all' } }), { invalid: 1 }],
] as ReadonlyArray<readonly [string, string, Counts]>) {
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
