// closefds report, run for real.

import { execFile, spawn } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { createReadingProgress } from '../../src/cli/progress';
import { colourOf } from '../../src/cli/terminal';
import { LONGEST_LINE, readLines } from '../../src/report/read-lines';
import { toPage } from '../../src/report/render-html';
import { toText } from '../../src/report/render-text';
import { createReport, type Report } from '../../src/report/report';
import { temporaryFolder } from '../support/programs';
import { line } from '../support/report-lines';
import { ROOT, type RunOptions, type RunResult, run } from '../support/run';

const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

function report(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(CLI, { nodeArgs: [], ...options, args: ['report', ...args] });
}

function file(t: ExecutionContext, name: string, text: string | Buffer): string {
  const place = path.join(temporaryFolder(t), name);
  writeFileSync(place, text);
  return place;
}

// ---------------------------------------------------------------------------------------------
// What it reads
// ---------------------------------------------------------------------------------------------

const THREE = line() + line({ pid: 124 }) + line({ count: 5, pid: 125 });

async function totals(result: Promise<RunResult>) {
  const { stdout } = await result;
  const { total, reading } = JSON.parse(stdout) as Report;
  return { count: total.count, processes: total.processes.count, torn: reading.torn };
}

const json = ['--format', 'json'];

test('a file', async t => {
  t.deepEqual(await totals(report([...json, file(t, 'a', THREE)])), { count: 7, processes: 3, torn: 0 });
});

test('stdin, without a file and for "-"', async t => {
  for (const args of [[], ['-']])
    t.deepEqual(await totals(report([...json, ...args], { input: THREE })), {
      count: 7,
      processes: 3,
      torn: 0,
    });
});

test('a file that is named twice is counted once', async t => {
  const name = file(t, 'a', THREE);
  const again = path.join(path.dirname(name), '.', 'a');
  symlinkSync(name, `${name}.link`);
  t.deepEqual(await totals(report([...json, name, name, again, `${name}.link`])), {
    count: 7,
    processes: 3,
    torn: 0,
  });
});

test('several files, and stdin among them', async t => {
  const args = [...json, file(t, 'a', THREE), '-', file(t, 'b', THREE)];
  t.deepEqual(await totals(report(args, { input: THREE })), { count: 21, processes: 9, torn: 0 });
});

test('gzipped files, told by their content, of several members', async t => {
  const bytes = Buffer.concat([gzipSync(line()), gzipSync(line() + line())]);
  t.is((await totals(report([...json, file(t, 'a.log', bytes)]))).count, 3);
});

test('a process that went on after a rotation is one process', async t => {
  const folder = temporaryFolder(t);
  const names = ['f.ndjson', 'f.ndjson.1', 'f.ndjson.2.gz', 'f.ndjson-20261124.gz'];
  const files = names.map(name => path.join(folder, name));
  for (const name of files) writeFileSync(name, name.endsWith('.gz') ? gzipSync(line()) : line());
  t.deepEqual(await totals(report([...json, ...files])), { count: 4, processes: 1, torn: 0 });
});

test('the last line without its line feed', async t => {
  t.is((await totals(report(json, { input: line().trimEnd() }))).count, 1);
});

test('a line of any length, and the record behind it', async t => {
  const { stdout, code } = await report(json, { input: line() + 'x'.repeat(5_000_000) + line() + line() });
  const { total, reading } = JSON.parse(stdout) as Report;
  t.is(code, 0);
  t.is(total.count, 3);
  t.is(reading.tooLong, 1);
});

test('of a line that is too long, the end is kept across pieces', async t => {
  const [first, second] = [line().slice(0, 100), line().slice(100)];
  const pieces = ['x'.repeat(LONGEST_LINE), `y${first}`, second, line()].map(text => Buffer.from(text));
  const lines: [string, boolean][] = [];
  const onLine = (text: string, isTooLong: boolean) =>
    lines.push([text.slice(-line().length + 1), isTooLong]);
  await readLines(Readable.from(pieces), { onLine, onBytes: () => {} });
  t.deepEqual(lines, [
    [line().trimEnd(), true],
    [line().trimEnd(), false],
  ]);
});

test('lines that begin in one piece of a pipe and end in another', async t => {
  const child = spawn(process.execPath, [CLI, 'report', ...json]);
  const bytes = Buffer.from(line({ target: '/dätä/🦊' }).repeat(20));
  for (let at = 0; at < bytes.length; at += 97) {
    child.stdin.write(bytes.subarray(at, at + 97));
    await new Promise(setImmediate);
  }
  child.stdin.end();
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  const { byCaller } = JSON.parse(text) as Report;
  t.deepEqual(
    byCaller.map(({ target, count }) => [target, count]),
    [['/dätä/🦊', 20]],
  );
});

// ---------------------------------------------------------------------------------------------
// What it says of what it cannot read
// ---------------------------------------------------------------------------------------------

for (const { title, args, message } of [
  {
    title: 'no such file',
    args: ['nowhere.ndjson'],
    message: 'nowhere.ndjson cannot be read: there is no such file',
  },
  { title: 'a folder', args: ['.'], message: 'expected a file, found a folder: .' },
  {
    title: 'a format nobody knows',
    args: ['--format', 'xml'],
    message: 'expected text, json or markdown after --format, found "xml"',
  },
  { title: 'stdin twice', args: ['-', '-'], message: 'expected "-" for stdin once, found it twice' },
] as const) {
  test(`a wrong call: ${title}`, async t => {
    const { code, stdout, stderr } = await report(args, { cwd: temporaryFolder(t) });
    t.is(stderr, `closefds: ${message}. See "closefds report --help".\n`);
    t.is(stdout, '');
    t.is(code, 2);
  });
}

test('a wrong call: an option nobody knows', async t => {
  const { code, stderr } = await report(['--colour']);
  t.regex(stderr, /^closefds: expected --format, --html, --since, .* or --help, found "--colour"/);
  t.is(code, 2);
});

test('a file that may not be read', async t => {
  const secret = file(t, 'secret', THREE);
  chmodSync(secret, 0);
  const through = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--clear-groups'] : [];
  chmodSync(path.dirname(secret), 0o755);
  // c8's folder is closed to other users, too.
  const { code, stderr } = await report([secret], { through, env: { NODE_V8_COVERAGE: '' } });
  t.is(stderr, `closefds: ${secret} cannot be read: permission denied. See "closefds report --help".\n`);
  t.is(code, 2);
});

for (const { title, bytes, message, count } of [
  {
    title: 'a gzip file that is cut off',
    bytes: gzipSync(THREE).subarray(0, -10),
    message: 'unexpected end of file',
    count: 7,
  },
  {
    title: 'another compression',
    bytes: Buffer.from('28b52ffd00000000', 'hex'),
    message: 'it is compressed by zstd, which closefds does not read: zstdcat FILE | closefds report',
    count: 0,
  },
] as const) {
  test(`${title}: the rest is reported, with exit code 1`, async t => {
    const broken = file(t, 'broken', bytes);
    const { code, stdout, stderr } = await report([...json, broken, file(t, 'whole', THREE)]);
    t.is(stderr, `closefds: ${broken} could not be read to its end: ${message}\n`);
    t.is((JSON.parse(stdout) as Report).total.count, count + 7);
    t.is(code, 1);
  });
}

test('a file that is no report', async t => {
  const { code, stderr } = await report([], { input: 'a\nb\n' });
  t.is(stderr, 'closefds: expected findings, found none in 2 lines\n');
  t.is(code, 1);
});

test('a report of a newer closefds', async t => {
  const { code, stdout, stderr } = await report([], { input: line({ closefds: 3 }) });
  t.is(stderr, 'closefds: expected findings, found none in one line; update closefds to read format 3\n');
  t.regex(
    stdout,
    /^No findings\.\n\nNot read, of 1 lines?: 1 of format 3, which is newer: update closefds\.\n$/,
  );
  t.is(code, 1);
});

test('nothing to report', async t => {
  t.deepEqual(await report([]), { code: 0, signal: null, stdout: 'No findings.\n', stderr: '' });
});

test('a reader that has seen enough', async t => {
  const many = Array.from({ length: 5000 }, (_, index) => line({ target: `/a/${index}` })).join('');
  const input = file(t, 'many', many);
  const script = `"$0" "$@" | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve, reject) => {
    execFile('bash', ['-c', script, process.execPath, CLI, 'report', input], (error, stdout, stderr) =>
      error ? reject(error) : resolve({ stdout, stderr }),
    );
  });
  t.is(stderr, '');
  t.regex(stdout, /^5,000 findings .*\n0\n$/);
});

// ---------------------------------------------------------------------------------------------
// What it prints
// ---------------------------------------------------------------------------------------------

const gpg = {
  package: 'gpg',
  version: '0.6.0',
  file: '/app/node_modules/gpg/lib/gpg.js',
  fileInPackage: 'lib/gpg.js',
  line: 41,
  column: 13,
  launchers: ['execa'],
};
const lmdb = { package: 'lmdb', version: '3.5.6', source: 'compat/packages/lmdb.json' };
const pipe = { code: 'CLOSEFDS_DESIGNATED', kind: 'pipe', childFd: 3, target: undefined, caller: gpg };

const SAMPLE = [
  line({ childFd: 22, target: '/data/data.mdb', opener: lmdb, atStart: false, count: 812 }),
  line({
    childFd: 22,
    target: '/data/data.mdb',
    opener: lmdb,
    atStart: false,
    count: 96,
    command: 'git',
    pid: 140,
  }),
  line({ childFd: 200, target: '/run/deploy.lock', atStart: true, count: 40, pid: 140 }),
  line({
    ...pipe,
    mode: 'warn',
    disposition: 'passed',
    command: 'gpg',
    announcement: '--status-fd 3',
    count: 7,
  }),
  line({ childFd: 24, target: 'pipe:[81]', mode: 'warn', disposition: 'passed', used: 'unknown', pid: 151 }),
  line({ childFd: 24, target: 'pipe:[82]', mode: 'warn', disposition: 'passed', used: 'unknown', pid: 152 }),
  line({
    kind: 'fd',
    code: 'CLOSEFDS_DESIGNATED',
    childFd: 3,
    target: '/data/in.csv',
    disposition: 'passed',
    used: 'unknown',
  }),
  line({
    kind: 'fd',
    code: 'CLOSEFDS_DESIGNATED',
    childFd: 3,
    target: '/data/in.csv',
    disposition: 'passed',
    used: true,
    use: { verdict: 'used' },
    count: 0,
  }),
  line({
    code: 'CLOSEFDS_RULE_EXPIRED',
    kind: undefined,
    route: undefined,
    what: 'the rule at closefds.json#/rules/2 expired on 2026-11-20',
  }),
  '{"closefds":1,"time":"2026-11-24T04:0\n',
].join('');

test('the table of docs/cli.md', async t => {
  const { stdout } = await report([], { input: SAMPLE });
  const page = readFileSync(path.join(ROOT, 'docs', 'cli.md'), 'utf8');
  t.true(page.includes(`\`\`\`text\n${stdout}\`\`\``), stdout);
});

function summary(text: string): Report {
  const maker = createReport();
  for (const one of text.split('\n')) maker.readLine(one, false, 0);
  return maker.result();
}

for (const columns of [60, 80, 120]) {
  test(`a terminal of ${columns} columns`, t => {
    const text = toText(summary(SAMPLE), { colour: false, columns });
    const table = text.split('\n\n')[1] ?? '';
    t.deepEqual(
      table.split('\n').filter(row => row.length > columns),
      [],
    );
  });
}

test('shows more processes than are counted as ">4,096"', t => {
  const maker = createReport();
  for (let pid = 1; pid <= 5000; pid++) maker.readLine(line({ pid }), false, 0);
  const report = maker.result();
  const text = toText(report, { colour: false, columns: undefined });
  t.is(text.split(',').slice(0, 3).join(), '5,000 findings in >4,096 processes');
  t.regex(text, /^closed {2}5,000 {2}>256 {2}/m);
  t.true(toPage(report).includes('>5,000 findings in &gt;4,096 processes'));
});

test('a terminal that does not know its size', t => {
  const text = (columns: number | undefined) => toText(summary(SAMPLE), { colour: false, columns });
  t.is(text(0), text(undefined));
});

test('what paths hold does nothing to a terminal', async t => {
  const { stdout } = await report([], {
    input: line({ target: '/a\u001b[31m\n\u202ered', command: '\u0007sh', env: { FORCE_COLOR: '0' } }),
  });
  t.true(stdout.includes(String.raw`/a\x1b[31m\x0a\u{202e}red`));
  t.true(stdout.includes(String.raw`\x07sh`));
});

for (const { env, isTTY, colour } of [
  { env: {}, isTTY: true, colour: true },
  { env: {}, isTTY: false, colour: false },
  { env: { NO_COLOR: '1' }, isTTY: true, colour: false },
  { env: { NO_COLOR: '' }, isTTY: true, colour: true },
  { env: { NO_COLOR: '1', FORCE_COLOR: '1' }, isTTY: true, colour: false },
  { env: { FORCE_COLOR: '1' }, isTTY: false, colour: true },
  { env: { FORCE_COLOR: '' }, isTTY: false, colour: true },
  { env: { FORCE_COLOR: '0' }, isTTY: true, colour: false },
  { env: { TERM: 'dumb' }, isTTY: true, colour: false },
] as const) {
  test(`colour with ${JSON.stringify(env)} on ${isTTY ? 'a terminal' : 'a pipe'}: ${colour}`, async t => {
    t.is(colourOf({ isTTY }, env), colour);
    if (isTTY) return;
    const { stdout } = await report([], { input: SAMPLE, env });
    t.is(stdout.includes('\u001b['), colour);
  });
}

test('progress on a terminal only, and only of what takes long', t => {
  const shown = (isTTY: boolean, step: number) => {
    const written: string[] = [];
    let time = 0;
    const write = (text: string) => written.push(text) > 0;
    const stream = { isTTY, write } as Parameters<typeof createReadingProgress>[0]['stream'];
    const progress = createReadingProgress({
      stream,
      size: 4 * 2 ** 20,
      records: () => 1234,
      now: () => time,
    });
    for (let piece = 0; piece < 4; piece++) {
      time += step;
      progress.onBytes(2 ** 20);
    }
    progress.end();
    return written;
  };
  t.deepEqual(shown(true, 300), [
    '\r\u001b[K50 %, 2 MB read, 1,234 findings',
    '\r\u001b[K75 %, 3 MB read, 1,234 findings',
    '\r\u001b[K100 %, 4 MB read, 1,234 findings',
    '\r\u001b[K',
  ]);
  t.deepEqual(shown(true, 1), []);
  t.deepEqual(shown(false, 300), []);
});

test('the same in every order', async t => {
  const lines = SAMPLE.trimEnd().split('\n');
  const backwards = [...lines].reverse().join('\n');
  for (const format of ['text', 'json']) {
    const args = ['--format', format];
    const [a, b] = [await report(args, { input: SAMPLE }), await report(args, { input: backwards })];
    t.is(a.stdout, b.stdout);
  }
});

// ---------------------------------------------------------------------------------------------
// The page; what it looks like and does is in test/report/render-html.browser.ts
// ---------------------------------------------------------------------------------------------

test('--html writes a page for nobody else, and prints where it is', async t => {
  const page = path.join(temporaryFolder(t), 'report.html');
  const result = await report(['--html', page], { input: SAMPLE });
  t.deepEqual(result, { code: 0, signal: null, stdout: `The page is ${page}\n`, stderr: '' });
  t.is(statSync(page).mode & 0o777, 0o600);
  t.true(readFileSync(page, 'utf8').startsWith('<!doctype html>'));
});

test('--html with --format does both, and takes the place of an older page', async t => {
  const page = file(t, 'report.html', 'x'.repeat(1_000_000));
  const { stdout, stderr } = await report(['--html', page, '--format', 'text'], { input: SAMPLE });
  t.is(stderr, `The page is ${page}\n`);
  t.is(stdout, (await report([], { input: SAMPLE })).stdout);
  t.regex(readFileSync(page, 'utf8'), /<\/html>\n$/);
});

for (const { title, args, message } of [
  {
    title: 'a folder',
    args: ['--html', '.', 'in'],
    message: 'expected a file after --html, found a folder: .',
  },
  {
    title: 'a folder that is not there',
    args: ['--html', 'no/where.html', 'in'],
    message: 'no/where.html cannot be written: there is no such file',
  },
  {
    title: 'what is read',
    args: ['--html', './in', 'in'],
    message: 'expected another FILE after --html than what is read: ./in',
  },
  { title: 'stdout', args: ['--html=-', 'in'], message: 'expected a FILE after --html, found "-"' },
  {
    title: 'no such input',
    args: ['--html', 'new.html', 'nowhere'],
    message: 'nowhere cannot be read: there is no such file',
  },
] as const) {
  test(`a wrong call with --html: ${title}`, async t => {
    const cwd = temporaryFolder(t);
    writeFileSync(path.join(cwd, 'in'), THREE);
    const { code, stdout, stderr } = await report(args, { cwd });
    t.is(stderr, `closefds: ${message}. See "closefds report --help".\n`);
    t.is(stdout, '');
    t.is(code, 2);
    t.deepEqual(readdirSync(cwd), ['in']);
    t.is(readFileSync(path.join(cwd, 'in'), 'utf8'), THREE);
  });
}

test('a page that cannot be written after all', async t => {
  const { code, stderr } = await report(['--html', '/dev/full'], { input: SAMPLE });
  t.regex(stderr, /^closefds: \/dev\/full cannot be written: the disk is full/);
  t.is(code, 1);
});

test('the data of a page ends where it should, and is what was read', t => {
  const target = '/</script><!--<script>&\u2028\u2029';
  const page = toPage(summary(line({ target })));
  const [, json = ''] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page) ?? [];
  t.regex(json, /^[^<>&\u2028\u2029]+$/);
  const { byCaller } = JSON.parse(json) as Report;
  t.is(byCaller[0]?.target, String.raw`/</script><!--<script>&\u{2028}\u{2029}`);
});

test('a page names nothing outside of it', t => {
  const page = toPage(summary(SAMPLE));
  t.deepEqual(page.match(/(?:https?:)?\/\/[a-z][^\s'"]*|\burl\([^)]*\)|@import|\bsrc=/g) ?? [], [
    // The name of a namespace, which nobody fetches.
    'http://www.w3.org/2000/svg',
  ]);
});
