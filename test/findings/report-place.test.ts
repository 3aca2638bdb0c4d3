// Where a report goes, and what is refused, by programs that run for real.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../support/programs';
import { type RunOptions, type RunResult, run } from '../support/run';

const SPAWNS = path.join(__dirname, '..', '..', '..', 'test', 'fixtures', 'designate-many.js');

const SPAWNS_AT_TWO_PLACES = path.join(path.dirname(SPAWNS), 'designate-twice.js');

/** Runs a program with as many findings as asked, which prints a line before and after each. */
function runWith(t: ExecutionContext, place: string, findings: number, more: RunOptions = {}) {
  const cwd = temporaryFolder(t);
  return run(SPAWNS, { cwd, args: [String(findings)], env: { CLOSEFDS_REPORT: place }, ...more });
}

const LINE = /^\{"closefds":1,.*"command":"(command-\d+)".*\}$/;

function commandsIn(text: string): string[] {
  return text.split('\n').flatMap(line => LINE.exec(line)?.[1] ?? []);
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `command-${index}`);
const printed = (count: number) =>
  numbered(count).flatMap(command => [`before ${command}`, `after ${command}`]);

// ---------------------------------------------------------------------------------------------
// stdout and stderr
// ---------------------------------------------------------------------------------------------

const STDOUT = ['stdout', 'fd:1', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'];
const STDERR = ['stderr', 'fd:2', '/dev/stderr', '/dev/fd/2', '/proc/self/fd/2'];

for (const place of STDOUT) {
  test(`a report to ${place} and the program's own lines share a redirected stdout`, async t => {
    const out = path.join(temporaryFolder(t), 'out');
    const { code } = await runWith(t, place, 3, {
      through: ['sh', '-c', 'out=$0; exec "$@" > "$out"', out],
    });
    const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
    t.is(code, 0);
    t.deepEqual(
      lines.map(line => LINE.exec(line)?.[1] ?? line),
      numbered(3).flatMap(command => [`before ${command}`, command, `after ${command}`]),
    );
  });
}

for (const { title, through } of [
  { title: 'a socket', through: [] },
  { title: 'a pipe', through: ['sh', '-c', '{ "$0" "$@" 2>&1 >&3 | cat >&2; } 3>&1'] },
]) {
  for (const place of STDERR) {
    test(`a report to ${place} arrives where stderr is ${title}`, async t => {
      const { stdout, stderr, code } = await runWith(t, place, 3, { through });
      t.deepEqual(
        { code, commands: commandsIn(stderr), printed: stdout.trimEnd().split('\n') },
        { code: 0, commands: numbered(3), printed: printed(3) },
      );
      t.notRegex(stderr, /CLOSEFDS_REPORT_FAILED/);
    });
  }
}

test('a process that stderr is closed for goes on without a report', async t => {
  const { code, stdout } = await runWith(t, 'stderr', 2, { through: ['sh', '-c', 'exec "$0" "$@" 2>&-'] });
  t.deepEqual({ code, printed: stdout.trimEnd().split('\n') }, { code: 0, printed: printed(2) });
});

for (const place of ['fd:3', 'fd:0', '/dev/fd/7', '/proc/self/fd/12']) {
  test(`the process does not start with a report to ${place}`, async t => {
    const { code, stdout, stderr } = await runWith(t, place, 1);
    t.deepEqual([code, stdout], [1, '']);
    t.true(
      stderr.startsWith(
        `closefds: the report: expected a file, stdout (fd:1) or stderr (fd:2), found "${place}".\n`,
      ),
      stderr,
    );
  });
}

// ---------------------------------------------------------------------------------------------
// Files that are not for this user alone
// ---------------------------------------------------------------------------------------------

const isRoot = process.geteuid?.() === 0;
const uid = process.geteuid?.() ?? 0;

interface Refused {
  readonly title: string;
  /** Makes the file. */
  readonly make: (file: string) => void;
  readonly why: string;
}

const refused: readonly Refused[] = [
  {
    title: 'a symbolic link',
    make: file => symlinkSync('elsewhere', file),
    why: 'expected a file, found a symbolic link; name what it leads to',
  },
  ...[0o644, 0o602, 0o606].map(mode => ({
    title: `permissions ${mode.toString(8)}`,
    make: (file: string) => create(file, mode),
    why: `expected a file that is closed to other users, found permissions ${mode.toString(8)}; 600 is enough`,
  })),
  {
    title: 'a FIFO that is open to others',
    make: file => void execFileSync('mkfifo', ['-m', '622', file]),
    why: 'expected a file that is closed to other users, found permissions 622; 600 is enough',
  },
  {
    title: 'a folder that is not there',
    make: () => {},
    why: 'ENOENT: no such file or directory, access ',
  },
  ...(isRoot
    ? [
        {
          title: 'a file of another user',
          make: (file: string) => {
            create(file, 0o600);
            chownSync(file, 65534, 65534);
          },
          why: 'expected a file of uid 0 or of root, found one of uid 65534',
        },
      ]
    : []),
];

function create(file: string, mode: number): void {
  writeFileSync(file, '');
  chmodSync(file, mode);
}

for (const { title, make, why } of refused) {
  test(`a report place is refused at start, without a finding: ${title}`, async t => {
    const folder = temporaryFolder(t);
    const file = title.startsWith('a folder') ? path.join(folder, 'no', 'f') : path.join(folder, 'f');
    make(file);
    // A reader, without which a FIFO cannot be opened.
    const reader = title.startsWith('a FIFO') ? openSync(file, 'r+') : undefined;
    const { code, stdout, stderr } = await runWith(t, file, 0);
    if (reader !== undefined) closeSync(reader);
    t.deepEqual([code, stdout], [0, '']);
    t.deepEqual(failuresIn(stderr), [`the report file ${file} cannot be written: ${why}`]);
  });

  test(`nothing is written to a refused place: ${title}`, async t => {
    const folder = temporaryFolder(t);
    const file = title.startsWith('a folder') ? path.join(folder, 'no', 'f') : path.join(folder, 'f');
    make(file);
    const { code, stderr } = await runWith(t, file, 2);
    t.is(code, 0);
    t.is(
      failuresIn(stderr)[1],
      `2 lines of the report could not be written to ${file} before the process ended`,
    );
    t.deepEqual(execFileSync('find', [folder, '-type', 'f', '-size', '+0c'], { encoding: 'utf8' }), '');
  });
}

/** The messages, without the name of the file that a system call gives at the end. */
function failuresIn(stderr: string): string[] {
  const found = stderr.matchAll(/\[CLOSEFDS_REPORT_FAILED\] ClosefdsWarning: (.*?)(?:'[^']*')?$/gm);
  return [...found].map(([, message = '']) => message);
}

test('files of the user, of root, and of a group of the process are written', async t => {
  const folder = temporaryFolder(t);
  const counts: number[] = [];
  for (const mode of [0o600, 0o640, 0o660]) {
    const file = path.join(folder, mode.toString(8));
    create(file, mode);
    const { stderr } = await runWith(t, file, 1);
    t.deepEqual(failuresIn(stderr), [], `uid ${uid}`);
    counts.push(commandsIn(readFileSync(file, 'utf8')).length);
  }
  t.deepEqual(counts, [1, 1, 1]);
});

// ---------------------------------------------------------------------------------------------
// Warnings beside the report
// ---------------------------------------------------------------------------------------------

for (const { title, place, warnings, expected } of [
  { title: 'are printed by default', place: 'f', warnings: '', expected: { warned: 2, written: 2 } },
  {
    title: 'are not printed where the report has the findings',
    place: 'f',
    warnings: 'report',
    expected: { warned: 0, written: 2 },
  },
  {
    title: 'are printed where there is no report',
    place: '',
    warnings: 'report',
    expected: { warned: 2, written: 0 },
  },
  {
    title: 'are printed where the report cannot be written',
    place: 'no/f',
    warnings: 'report',
    expected: { warned: 2, written: 0 },
  },
]) {
  test(`warnings ${title}`, async t => {
    const cwd = temporaryFolder(t);
    const { stderr } = await run(SPAWNS_AT_TWO_PLACES, {
      cwd,
      env: { CLOSEFDS_REPORT: place, CLOSEFDS_WARNINGS: warnings },
    });
    const file = path.join(cwd, 'f');
    const written = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').length : 0;
    t.deepEqual(
      { warned: stderr.match(/^\(node:\d+\) \[CLOSEFDS_DESIGNATED\]/gm)?.length ?? 0, written },
      expected,
    );
  });
}

// ---------------------------------------------------------------------------------------------
// A FIFO whose reader is slow
// ---------------------------------------------------------------------------------------------

/** More than the 64 KB that fit into a pipe. */
const MANY = 300;

test('a reader of a FIFO that reads only when the program has ended its work gets all lines', async t => {
  const folder = temporaryFolder(t);
  const fifo = makeFifo(folder);
  const out = path.join(folder, 'out');
  const { code, stderr } = await runWith(t, fifo, MANY, {
    through: ['bash', '-c', READ_LATE, fifo, out],
    env: { CLOSEFDS_REPORT: fifo, DONE: `${out}.done` },
  });
  t.is(code, 0);
  t.deepEqual(failuresIn(stderr).slice(1), []);
  t.deepEqual(commandsIn(readFileSync(out, 'utf8')), numbered(MANY));
});

/** The shell holds the FIFO open, so that the last lines are not lost when the program ends. */
const READ_LATE = `
  fifo=$0 out=$1
  shift
  exec 9<> "$fifo"
  (until [ -e "$DONE" ]; do sleep 0.01; done; exec cat <&9 > "$out") &
  reader=$!
  "$@" 9<&-
  code=$?
  sleep 0.2
  kill $reader
  exit $code
`;

test('what a blocked FIFO does not take before the process ends is counted in a warning', async t => {
  const fifo = makeFifo(temporaryFolder(t));
  const reader = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const result: RunResult = await runWith(t, fifo, MANY);
  const text = readAll(reader);
  closeSync(reader);
  const [, lost] =
    /(\d+) lines of the report could not be written/.exec(failuresIn(result.stderr).at(-1) ?? '') ?? [];
  const arrived = commandsIn(text);
  t.is(result.code, 0);
  t.true(arrived.length > 0 && arrived.length < MANY);
  t.deepEqual(arrived, numbered(arrived.length));
  t.is(Number(lost), MANY - arrived.length);
});

function makeFifo(folder: string): string {
  const fifo = path.join(folder, 'fifo');
  execFileSync('mkfifo', ['-m', '600', fifo]);
  return fifo;
}

function readAll(fd: number): string {
  const chunks: Buffer[] = [];
  const chunk = Buffer.alloc(2 ** 17);
  try {
    for (;;) chunks.push(Buffer.from(chunk.subarray(0, readSync(fd, chunk))));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  return Buffer.concat(chunks).toString();
}
