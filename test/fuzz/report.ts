// Report files: whatever is in one, it is read, all that it holds is counted somewhere, and nothing
// in it gets at the terminal or the page where the report is shown.

import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Tally } from '../../src/base/counter';
import { FINDING_CODES } from '../../src/findings/finding';
import { LINE_START, type ReportRecord } from '../../src/findings/record';
import { ACCESSES, EFFECTS, FILE_TYPES, KINDS, MODES } from '../../src/policy/rule';
import { createRecordParser } from '../../src/report/parse-records';
import { readLines } from '../../src/report/read-lines';
import { toPage } from '../../src/report/render-html';
import { toText } from '../../src/report/render-text';
import { createReport, type Report } from '../../src/report/report';
import { damaged, must, property, type Target } from './target';

const text = fc.oneof(
  fc.constantFrom(
    '/a',
    'pipe:[81]',
    '\x1b]0;x\x07',
    '</script><script>',
    '\u202e',
    '\u2028',
    '__proto__',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const name = fc.oneof(fc.constantFrom('.', '?', 'a', '@b/c', 'constructor'), text);
const version = fc.oneof(fc.constantFrom('1.2.3', '0.1.0', '2.0.0-rc.1', 'newest'), text);
const number = fc.oneof(fc.nat(40), fc.maxSafeNat());
const fd = fc.oneof(fc.nat(40), fc.nat());
const seconds = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
const disposition = fc.constantFrom('passed', 'closed', 'refused');
const verdict = fc.constantFrom(
  ...['used', 'probed', 'closed unused', 'never touched', 'delegated', 'inherited on', 'unknown'],
);

const programUse = {
  verdict,
  reason: text,
  program: text,
  version,
  calls: fc.array(text, { maxLength: 2 }),
  after: seconds,
};
const use = fc.record(
  {
    ...programUse,
    heirs: fc.array(fc.record(programUse, { requiredKeys: ['verdict'] }), { maxLength: 2 }),
    held: seconds,
    running: fc.constant(true),
  },
  { requiredKeys: ['verdict'] },
);
const caller = fc.record(
  {
    package: name,
    version,
    declaredName: name,
    file: text,
    fileInPackage: text,
    line: number,
    column: number,
    function: text,
    launchers: fc.array(name, { maxLength: 2 }),
  },
  { requiredKeys: ['package'] },
);
const rule = fc.record(
  { source: text, reason: text, knownUpTo: version, knownIn: fc.array(version, { maxLength: 2 }) },
  { requiredKeys: ['source'] },
);

const PARTS = {
  effect: fc.constantFrom(...EFFECTS),
  disposition,
  kind: fc.constantFrom(...KINDS),
  childFd: fd,
  sourceFd: fd,
  target: text,
  type: fc.constantFrom(...FILE_TYPES),
  access: fc.constantFrom(...ACCESSES),
  atStart: fc.boolean(),
  opener: fc.record({ package: name, version, source: text }),
  route: fc.constantFrom('spawn', 'execSync'),
  command: text,
  caller,
  rule,
  announcement: text,
  candidate: fc.record({ effect: fc.constantFrom(...EFFECTS), disposition, rule }),
  used: fc.constantFrom(true, 'likely', false, 'unknown'),
  offsetMoved: fc.constantFrom('synchronous', 'inherited', 'designated'),
  exit: fc.oneof(fc.record({ code: number }), fc.record({ signal: text })),
  use,
  what: text,
};
const HEAD = {
  closefds: fc.constant(1),
  time: fc
    .date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map(date => date.toISOString()),
  pid: number,
  thread: number,
  mode: fc.constantFrom(...MODES),
  code: fc.constantFrom(...FINDING_CODES),
  count: number,
};

/** As finding.schema.json says, and in the order in which they are written. */
export const records = fc
  .record({ ...HEAD, ...PARTS }, { requiredKeys: Object.keys(HEAD) as (keyof typeof HEAD)[] })
  .map(({ closefds, ...rest }) => ({ closefds, ...rest }) as unknown as ReportRecord);

const lines = records.map(record => JSON.stringify(record));

/** One place of a record, however deep, is anything else. */
const wrong = fc
  .tuple(records, fc.nat(), fc.jsonValue({ maxDepth: 2 }))
  .map(([record, at, value]) => JSON.stringify(replaced(record, at, value)));

function replaced(record: ReportRecord, at: number, value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(record)) as Record<string, unknown>;
  const places = placesIn(copy);
  const [holder, key] = places[at % places.length] as (typeof places)[number];
  holder[key] = value;
  return copy;
}

function placesIn(value: object): (readonly [Record<string, unknown>, string])[] {
  const holder = value as Record<string, unknown>;
  return Object.entries(holder).flatMap(([key, part]) => [
    [holder, key] as const,
    ...(typeof part === 'object' && part !== null ? placesIn(part) : []),
  ]);
}

const newer = fc.tuple(lines, fc.nat(30)).map(([line, more]) => line.replace(':1', `:${more + 2}`));
const others = fc.oneof(
  fc.constantFrom('', ' ', '{}', '[1]', 'null', LINE_START),
  fc.string({ unit: 'binary' }),
);
const files = fc
  .array(
    fc.oneof(lines, wrong, newer, others, damaged(lines, [LINE_START, '\n', '\0', '\uFEFF', '}', '"'])),
    { maxLength: 12 },
  )
  .map(all => all.join('\n'));

// ---------------------------------------------------------------------------------------------
// Anything
// ---------------------------------------------------------------------------------------------

const inputs = fc.record({
  file: files,
  piece: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 9, max: 4096 })),
  zipped: fc.boolean(),
});
type Input = typeof inputs extends fc.Arbitrary<infer T> ? T : never;

async function checkFile({ file, piece, zipped }: Input): Promise<void> {
  const plain = Buffer.from(file);
  const report = await read(inPieces(zipped ? gzipSync(plain) : plain, piece));
  must(isDeepStrictEqual(report, await read([plain])), 'however it comes, it says the same');

  const { reading, total } = report;
  const written = plain
    .toString()
    .split('\n')
    .filter(line => line.trim() !== '');
  const { torn, invalid, foreign, tooLong } = reading;
  must(reading.lines === written.length, `${reading.lines} of ${written.length} lines`);
  must(
    reading.records + torn + invalid + foreign + tooLong + sum(reading.newer) >= reading.lines,
    `each line is something: ${JSON.stringify(reading)}`,
  );
  must(total.records === reading.records, 'each record is in the report');
  checkSums(report);
  checkShown(report);
}

function inPieces(bytes: Buffer, size: number): Buffer[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

async function read(pieces: readonly Buffer[]): Promise<Report> {
  const maker = createReport();
  await readLines(Readable.from(pieces), {
    onLine: (line, isTooLong) => maker.readLine(line, isTooLong, 0),
    onBytes: () => {},
  });
  return maker.result();
}

/** Beyond what a number can count, the order of summing shows. */
function checkSums({ total, byCaller, bySelf, other, timeline }: Report): void {
  const groups = [...byCaller, ...bySelf].reduce((all, { count }) => all + count, other.count);
  must(isNear(groups, total.count), `groups ${groups}, all ${total.count}`);
  const drawn = timeline.series.flatMap(({ counts }) => counts).reduce((all, count) => all + count, 0);
  must(drawn <= total.count || isNear(drawn, total.count), `timeline ${drawn}, all ${total.count}`);
  for (const group of byCaller)
    must(isNear(sum(group.codes), group.count), `codes ${sum(group.codes)}, group ${group.count}`);
}

function sum<T>({ values, other }: Tally<T>): number {
  return values.reduce((all, { count }) => all + count, other);
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= Number.EPSILON * 64 * Math.max(a, b);
}

/** All that terminals obey, and what turns the direction of what follows. */
const OBEYED = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

function checkShown(report: Report): void {
  for (const columns of [undefined, 60])
    must(!OBEYED.test(toText(report, { colour: false, columns })), 'the terminal gets nothing to obey');

  const [, data = ''] =
    /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(toPage(report)) ?? [];
  must(!/[<>]/.test(data), 'no text ends the element');
  const { total } = JSON.parse(data) as Report;
  must(isDeepStrictEqual(total, JSON.parse(JSON.stringify(report.total))), 'the page has all of it');
}

// ---------------------------------------------------------------------------------------------
// Torn lines
// ---------------------------------------------------------------------------------------------

/** What a process that died left, what was glued to it, and whether that ended its line. */
const tears = fc.array(fc.tuple(lines, fc.nat(), lines, fc.boolean()), { maxLength: 8 });

function checkTears(parts: readonly (readonly [string, number, string, boolean])[]): void {
  const pieces = parts.map(([torn, at]) => torn.slice(0, at % torn.length));
  const file = parts.map(([, , whole, ends], i) => `${pieces[i]}${whole}${ends ? '\n' : ''}`).join('');
  const found: ReportRecord[] = [];
  const parser = createRecordParser(record => found.push(record));
  for (const line of file.split('\n')) parser.readLine(line);

  const whole = parts.map(([, , line]) => JSON.parse(line) as ReportRecord);
  must(isDeepStrictEqual(found, whole), `${found.length} of ${whole.length} whole records`);
  const { torn, invalid, foreign } = parser.result();
  must(invalid === 0 && foreign === 0, `nothing else is in it: ${invalid} invalid, ${foreign} foreign`);
  const most = pieces.filter(piece => piece !== '').length;
  // Of a piece that is shorter than what all lines begin with, nobody may know whose it was.
  const least = pieces.filter(piece => piece.length >= LINE_START.length).length;
  must(torn >= least && torn <= most, `${least} to ${most} are torn, found ${torn}`);
}

export const REPORT_TARGETS: readonly Target[] = [
  property('report', 'a report counts all that it reads, and shows it as text', 300, inputs, checkFile),
  property('report-torn', 'whole records are found between torn ones', 1000, tears, checkTears),
];
