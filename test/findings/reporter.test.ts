// The report file and the diagnostics channel, by programs that run for real.

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import test, { type ExecutionContext } from 'ava';
import { FINDING_CODES } from '../../src/findings/finding';
import { LINE_START, type ReportRecord } from '../../src/findings/record';
import { createReportFile } from '../../src/findings/report-file';
import { openPlace } from '../../src/findings/report-place';
import { temporaryFolder, write } from '../support/programs';
import { inheriting, LEAK, REGISTER, ROOT, type RunOptions, run } from '../support/run';

const schema = JSON.parse(readFileSync(path.join(ROOT, 'finding.schema.json'), 'utf8'));
const isValid = new Ajv2020({ formats: { 'date-time': true } }).compile(schema);

/** Spawns with a pipe that no rule allows; `n` is the call site. */
const PRELUDE = `
  const { spawn, spawnSync } = require('node:child_process');
  const fs = require('node:fs');
  const pipe = ['ignore', 'ignore', 'ignore', 'pipe'];
  const leak = () => spawnSync('true', { stdio: pipe });
`;

interface Reported {
  readonly lines: readonly string[];
  readonly records: readonly ReportRecord[];
  readonly stderr: string;
  readonly code: number | null;
}

async function reported(t: ExecutionContext, code: string, options: RunOptions = {}): Promise<Reported> {
  const folder = temporaryFolder(t);
  const program = write(folder, { 'app.js': PRELUDE + code });
  const file = path.join(folder, 'findings.ndjson');
  const result = await run(program, {
    ...options,
    cwd: folder,
    env: { CLOSEFDS_REPORT: file, ...options.env },
  });
  return { ...linesOf(file), stderr: result.stderr, code: result.code };
}

function linesOf(file: string): Pick<Reported, 'lines' | 'records'> {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const lines = text.split('\n').slice(0, -1);
  return { lines, records: lines.map(line => JSON.parse(line) as ReportRecord) };
}

const counted = (records: readonly ReportRecord[]) => records.map(({ code, count }) => [code, count]);

const ONCE = [['CLOSEFDS_DESIGNATED', 1]];
const THRICE = [
  ['CLOSEFDS_DESIGNATED', 1],
  ['CLOSEFDS_DESIGNATED', 2],
];

for (const { title, code, expected } of [
  { title: 'one occurrence', code: 'leak();', expected: ONCE },
  { title: 'further ones are counted', code: 'leak(); leak(); leak();', expected: THRICE },
  { title: 'nothing to report', code: 'spawnSync("true");', expected: [] },
  {
    title: 'a process that kills itself',
    code: 'leak(); leak(); leak(); process.kill(process.pid, "SIGKILL");',
    expected: THRICE,
  },
  { title: 'process.abort()', code: 'leak(); process.abort();', expected: ONCE },
  { title: 'process.exit()', code: 'leak(); leak(); leak(); process.exit(3);', expected: THRICE },
  { title: 'an uncaught error', code: 'leak(); leak(); leak(); throw new Error();', expected: THRICE },
  {
    title: 'a listener of warnings that throws',
    code: 'process.on("warning", () => { throw new Error(); }); leak(); leak(); leak();',
    expected: THRICE,
  },
  {
    title: 'a spawn at exit, behind our listener',
    code: 'process.on("exit", () => leak()); leak();',
    expected: THRICE.map(([c, n]) => [c, n === 2 ? 1 : n]),
  },
  {
    title: 'fs functions that were replaced',
    code: 'fs.openSync = fs.writeSync = () => { throw new Error(); }; leak();',
    expected: ONCE,
  },
  {
    title: 'fake timers and clocks',
    code: 'globalThis.setTimeout = () => { throw new Error(); }; Date.now = () => NaN; leak(); leak(); leak();',
    expected: THRICE,
  },
] as const) {
  test(`a record is written: ${title}`, async t => {
    const { records } = await reported(t, code);
    t.deepEqual(counted(records) as unknown, expected as unknown);
  });
}

/** From one place two hundred times, and from another one now and then. */
const BUSY = `
  require(${JSON.stringify(LEAK)}).open(__filename + '.opened', 40);
  const often = () => spawnSync('true');
  const seldom = () => spawnSync('true');
  for (let i = 0; i < 200; i++) { often(); if (i % 50 === 49) seldom(); }
`;

for (const mode of ['warn', 'enforce']) {
  test(`${mode}: each spawn of a busy process is counted, and each place is found`, async t => {
    const { records } = await reported(t, BUSY, { env: { CLOSEFDS_MODE: mode } });
    const sums = new Map<string, number>();
    for (const { caller, count } of records) {
      const place = caller?.function ?? '';
      sums.set(place, (sums.get(place) ?? 0) + count);
    }
    t.deepEqual([...sums.keys()].sort(), ['often', 'seldom']);
    t.is(
      [...sums.values()].reduce((a, b) => a + b),
      204,
    );
    // In `enforce`, it may take a habit a while to notice that it is broken.
    if (mode === 'warn') t.is(sums.get('seldom'), 4);
  });
}

test('each command and each file is written down, and each call site warns once', async t => {
  const code = `
    const files = ['a', 'b'].map(name => fs.openSync(name, 'w'));
    for (const command of ['true', 'echo', 'true'])
      for (const file of files) spawnSync(command, { stdio: ['ignore', 'ignore', 'ignore', file] });
  `;
  const { records, stderr } = await reported(t, code);
  t.deepEqual(
    records.map(({ command, target = '', count }) => [command, path.basename(target), count]),
    [
      ['true', 'a', 1],
      ['true', 'b', 1],
      ['echo', 'a', 1],
      ['echo', 'b', 1],
      ['true', 'a', 1],
      ['true', 'b', 1],
    ],
  );
  t.is(stderr.split('[CLOSEFDS_DESIGNATED]').length - 1, 1);
});

test('counts are written at intervals', async t => {
  const code = `
    leak(); leak();
    const wait = () => (lines() < 2 ? setTimeout(wait, 10) : process.kill(process.pid, 'SIGKILL'));
    const lines = () => fs.readFileSync(process.env.CLOSEFDS_REPORT, 'utf8').split('\\n').length - 1;
    wait();
  `;
  const { records } = await reported(t, code, {
    env: { CLOSEFDS_REPORT_INTERVAL: '0.05' },
  });
  t.deepEqual(counted(records), [
    ['CLOSEFDS_DESIGNATED', 1],
    ['CLOSEFDS_DESIGNATED', 1],
  ]);
});

test('a worker that its process ends has written the first counts after a second', async t => {
  const code = `
    const { isMainThread, Worker } = require('node:worker_threads');
    if (isMainThread) new Worker(__filename).on('message', () => process.exit(0));
    else {
      leak(); leak(); leak();
      const lines = () => fs.readFileSync(process.env.CLOSEFDS_REPORT, 'utf8').split('\\n').length - 1;
      const wait = () => (lines() < 2 ? setTimeout(wait, 10) : require('node:worker_threads').parentPort.postMessage(0));
      wait();
    }
  `;
  const { records } = await reported(t, code);
  t.deepEqual(counted(records) as unknown, THRICE as unknown);
});

test('a count does not keep the process alive', async t => {
  const { records } = await reported(t, 'leak(); leak();', { env: { CLOSEFDS_REPORT_INTERVAL: '1000000' } });
  t.is(records.length, 2);
});

test('every sort of record fits the schema, and starts with the version', async t => {
  const file = path.join(temporaryFolder(t), 'stray');
  const { lines, records } = await reported(
    t,
    `
    leak();
    spawn('true', ['--status-fd', '3'], { stdio: pipe });
    require('node:child_process').fork(__filename, ['child'], { stdio: [0, 1, 2, 'ipc', 'pipe'] }).disconnect?.();
    spawnSync('true', require(${JSON.stringify(ROOT)}).unsafe({}, 'reviewed'));
    require(${JSON.stringify(path.join(ROOT, 'dist/register/strict.js'))});
    `.replace('leak();', 'if (process.argv[2]) process.exit(); leak();'),
    { through: inheriting(200, file), env: { CLOSEFDS_MODE: 'warn' } },
  );
  for (const [index, record] of records.entries()) {
    t.true(lines[index]?.startsWith(LINE_START));
    t.true(isValid(record), JSON.stringify(isValid.errors));
  }
  t.deepEqual([...new Set(records.map(({ code }) => code))].sort(), [
    'CLOSEFDS_DESIGNATED',
    'CLOSEFDS_SECOND_COPY',
    'CLOSEFDS_STRAY',
    'CLOSEFDS_UNSAFE',
  ]);
});

test('the schema names the codes', t => {
  t.deepEqual(schema.properties.code.enum, FINDING_CODES);
});

test('a record has what the warning says, and who and when', async t => {
  const { records } = await reported(t, 'function start() { leak(); }\nstart();');
  const [{ time, pid, host, script, caller, target, ...rest } = {} as ReportRecord] = records;
  t.deepEqual(rest as unknown, {
    closefds: 1,
    thread: 0,
    mode: 'enforce',
    code: 'CLOSEFDS_DESIGNATED',
    effect: 'deny',
    disposition: 'closed',
    kind: 'pipe',
    childFd: 3,
    route: 'spawnSync',
    command: 'true',
    rule: { source: 'default', reason: 'no rule allows it' },
    count: 1,
  });
  t.regex(time ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.true(Number(pid) > 1);
  t.is(caller?.package, '.');
  t.is(caller?.fileInPackage, 'app.js');
  t.is(caller?.function, 'leak');
});

for (const { title, code } of [
  { title: 'a worker', code: 'leak(); leak();' },
  { title: 'a worker that calls process.exit()', code: 'leak(); leak(); process.exit();' },
] as const) {
  test(`a record is written: ${title}`, async t => {
    const worker = JSON.stringify(PRELUDE + code);
    const { records } = await reported(
      t,
      `new (require('node:worker_threads').Worker)(${worker}, { eval: true });`,
    );
    t.deepEqual(
      records.map(({ thread, count }) => [thread, count]),
      [
        [1, 1],
        [1, 1],
      ],
    );
  });
}

test('fifty processes at once tear no line', async t => {
  const spawns = "spawnSync('true', { stdio: pipe });\n".repeat(20);
  const start = 'for (let i = 0; i < 50; i++) spawn(process.execPath, [__filename, "child"]);';
  const { records } = await reported(t, `if (process.argv[2]) {\n${spawns}} else ${start}`, {
    nodeArgs: [],
    env: { NODE_OPTIONS: `--require ${JSON.stringify(REGISTER)}` },
  });
  const counts = new Map<number, number>();
  for (const { pid, count } of records) counts.set(pid, (counts.get(pid) ?? 0) + count);
  t.deepEqual([...counts.values()], new Array(50).fill(20));
});

test('%p is the pid, and the config may name the file', async t => {
  const folder = temporaryFolder(t);
  const program = write(folder, {
    'app.js': `${PRELUDE} leak(); console.log(process.pid);`,
    'closefds.json': '{"report": "reports/%p.ndjson"}',
    'reports/.keep': '',
  });
  const { stdout } = await run(program);
  t.deepEqual(counted(linesOf(path.join(folder, 'reports', `${stdout.trim()}.ndjson`)).records), [...ONCE]);
});

// ---------------------------------------------------------------------------------------------
// Files that cannot be written
// ---------------------------------------------------------------------------------------------

const FAILED = /\[CLOSEFDS_REPORT_FAILED\] ClosefdsWarning: the report file \S+ cannot be written: (\w+)/g;

for (const { title, file, why } of [
  { title: 'a full disk', file: '/dev/full', why: 'ENOSPC' },
  { title: 'a folder', file: '/tmp', why: 'EISDIR' },
  { title: 'a folder that is not there', file: '/no/such/folder/f', why: 'ENOENT' },
  { title: 'a file system that takes none', file: '/proc/f', why: 'ENOENT' },
  { title: 'a name that is too long', file: `/tmp/${'f'.repeat(300)}`, why: 'ENAMETOOLONG' },
] as const) {
  test(`a report that cannot be written is told once and changes nothing else: ${title}`, async t => {
    const code = 'leak(); leak(); spawnSync("false", { stdio: pipe }); console.error("goes on");';
    const { stderr, code: exit } = await reported(t, code, { env: { CLOSEFDS_REPORT: file } });
    t.deepEqual(
      {
        why: [...stderr.matchAll(FAILED)].map(([, found]) => found),
        exit,
        told: stderr.match(/\[CLOSEFDS_DESIGNATED\]/g)?.length,
        goesOn: stderr.includes('goes on\n'),
      },
      { why: [why], exit: 0, told: 2, goesOn: true },
    );
  });
}

test('a FIFO that nobody reads does not stop the program', async t => {
  const fifo = path.join(temporaryFolder(t), 'fifo');
  execFileSync('mkfifo', [fifo]);
  const { stderr, code } = await reported(t, 'leak();', { env: { CLOSEFDS_REPORT: fifo } });
  t.deepEqual([[...stderr.matchAll(FAILED)].map(([, why]) => why), code], [['ENXIO'], 0]);
});

test('a file that is rotated away, and a folder that vanishes for a while', async t => {
  const { records } = await reported(
    t,
    `
    const path = require('node:path');
    const file = process.env.CLOSEFDS_REPORT, folder = path.dirname(file);
    leak();
    fs.renameSync(file, file + '.1');
    spawnSync('true', { stdio: pipe });
    fs.renameSync(folder, folder + '.away');
    spawnSync('true', { stdio: pipe });
    fs.renameSync(folder + '.away', folder);
    spawnSync('true', { stdio: pipe });
    `,
  );
  t.deepEqual(counted(records), [...ONCE, ...ONCE, ...ONCE]);
});

test('findings beyond the limit are counted', async t => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'later', 'f');
  const failures: unknown[] = [];
  const report = createReportFile({
    open: () => openPlace(file, { openSync, writeSync, closeSync, fstatSync }),
    onFailure: error => failures.push((error as NodeJS.ErrnoException).code),
    lostLine: lost => `lost ${lost}\n`,
  });
  const numbers = Array.from({ length: 1500 }, (_, i) => `${i}\n`);
  for (const line of numbers) report.append([line]);
  t.true(report.isBehind());
  mkdirSync(path.dirname(file));
  report.append([]);
  t.false(report.isBehind());
  t.is(readFileSync(file, 'utf8'), `${numbers.slice(0, 1000).join('')}lost 500\n`);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.deepEqual(failures, ['ENOENT']);
});

for (const interval of ['0', '-1', 'soon', '1e9']) {
  test(`the process does not start with an interval of ${interval}`, async t => {
    const { stderr, code } = await reported(t, 'leak();', { env: { CLOSEFDS_REPORT_INTERVAL: interval } });
    t.is(code, 1);
    t.regex(stderr, /CLOSEFDS_REPORT_INTERVAL: expected seconds, more than 0 and at most 2147483, found "/);
  });
}

// ---------------------------------------------------------------------------------------------
// Signs of use
// ---------------------------------------------------------------------------------------------

const WARN = { CLOSEFDS_MODE: 'warn' };
const OPEN = `fs.writeFileSync('data', 'x'.repeat(100)); const fd = fs.openSync('data', 'r');`;
const slots = `{ stdio: ['ignore', 'ignore', 'ignore', fd] }`;
const IDLE = ['unknown'];
const LIKELY = ['unknown', 'likely'];

for (const { title, code, used } of [
  { title: 'a child that reads', code: `spawnSync('sh', ['-c', 'head -c 5 <&3'], ${slots});`, used: LIKELY },
  { title: 'one that does not', code: `spawnSync('sh', ['-c', 'true'], ${slots});`, used: IDLE },
  {
    title: 'an asynchronous one that reads',
    code: `spawn('sh', ['-c', 'head -c 5 <&3'], ${slots});`,
    used: LIKELY,
  },
  {
    title: 'one that writes',
    code: `const out = fs.openSync('out', 'a'); spawnSync('sh', ['-c', 'echo a >&3'], ${slots.replace('fd]', 'out]')});`,
    used: LIKELY,
  },
  {
    title: 'one that reads at a place',
    code: `spawnSync(process.execPath, ['-e', 'require("fs").readSync(3, Buffer.alloc(1), 0, 1, 7)'], ${slots});`,
    used: IDLE,
  },
  {
    title: 'the FD is another file by then',
    code: `spawn('sh', ['-c', 'head -c 5 <&3'], ${slots}); fs.closeSync(fd); fs.openSync(__filename);`,
    used: IDLE,
  },
  {
    title: 'what is closed is not used',
    code: `spawnSync('sh', ['-c', 'head -c 5 <&3 || true'], ${slots});`,
    used: [undefined],
  },
  { title: 'a pipe has no offset', code: `leak();`, used: [undefined] },
] as const) {
  test(`the use of an FD is recorded: ${title}`, async t => {
    const env = title.startsWith('what is closed') ? {} : WARN;
    const { records } = await reported(t, OPEN + code, { env });
    t.deepEqual(records.map(record => record.used) as unknown, [...used] as unknown);
  });
}

test('the use of an inherited stray by an asynchronous child is recorded', async t => {
  const file = path.join(temporaryFolder(t), 'stray');
  writeFileSync(file, 'some text');
  const { records } = await reported(t, `spawn('bash', ['-c', 'head -c 4 <&200']);`, {
    through: inheriting(200, file),
    env: WARN,
  });
  t.deepEqual(
    records.map(({ kind, used, count }) => [kind, used, count]),
    [
      ['stray', 'unknown', 1],
      ['stray', 'likely', 0],
    ],
  );
});

for (const { title, call, moved } of [
  { title: 'synchronous', call: 'spawnSync', moved: 'synchronous' },
  { title: 'designated, and the parent goes on', call: 'spawn', moved: 'designated' },
])
  test(`a likely use has the condition under which the offset moved: ${title}`, async t => {
    const { records } = await reported(t, `${OPEN} ${call}('sh', ['-c', 'head -c 5 <&3'], ${slots});`, {
      env: WARN,
    });
    t.deepEqual(
      records.map(({ used, offsetMoved }) => [used, offsetMoved]),
      [
        ['unknown', undefined],
        ['likely', moved],
      ],
    );
  });

test('what the parent writes to its own log makes a use likely, never proved', async t => {
  const code = `
    const log = fs.openSync('log', 'a');
    const child = spawn('sleep', ['0.1'], ${slots.replace('fd]', 'log]')});
    fs.writeSync(log, 'a line of the parent');
  `;
  const { records } = await reported(t, code, { env: WARN });
  t.deepEqual(
    records.map(({ used, offsetMoved }) => [used, offsetMoved]),
    [
      ['unknown', undefined],
      ['likely', 'designated'],
    ],
  );
});

test('looking for use leaves no trace in the program', async t => {
  const code = `
    ${OPEN}
    const child = spawn('true', ${slots});
    const seen = [child.listenerCount('exit'), Object.keys(child._handle).includes('onexit')];
    child.on('exit', () => fs.writeFileSync('seen', JSON.stringify([...seen, new Error().stack.includes('dist')])));
  `;
  const folder = temporaryFolder(t);
  await run(write(folder, { 'app.js': PRELUDE + code }), { cwd: folder, env: WARN });
  t.deepEqual(JSON.parse(readFileSync(path.join(folder, 'seen'), 'utf8')), [0, true, false]);
});

// ---------------------------------------------------------------------------------------------
// Secrets, candidates
// ---------------------------------------------------------------------------------------------

async function configured(t: ExecutionContext, config: object, code: string): Promise<Reported> {
  const file = path.join(temporaryFolder(t), 'closefds.json');
  writeFileSync(file, JSON.stringify(config));
  return reported(t, OPEN + code, { env: { CLOSEFDS_CONFIG: file } });
}

for (const mode of ['enforce', 'strict'] as const) {
  test(`a target that is redacted is told nowhere: ${mode}`, async t => {
    const { lines, stderr } = await configured(
      t,
      { mode, redact: ['/**/data'] },
      `spawnSync('true', ${slots});`,
    );
    t.false(/\/data\b/.test(`${lines}${stderr}`));
    t.true(stderr.includes('(file [redacted], read-only'));
  });
}

test('what strict refuses is in the report and in no warning, and what else would have passed is in neither', async t => {
  const { records, stderr } = await configured(
    t,
    { mode: 'strict', rules: [{ fds: [4], effect: 'warn' }] },
    `
      const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'];
      const errors = [1, 2, 3].map(() => { try { spawnSync('true', { stdio }); } catch (error) { return error; } });
      console.error(errors.map(({ code, message }) => [code, ...message.match(/.* not allowed$|FD \\d+/gm)].join()).join('\\n'));
    `,
  );
  t.deepEqual(
    records.map(({ code, disposition, childFd, count }) => ({ code, disposition, childFd, count })),
    [1, 2].map(count => ({ code: 'CLOSEFDS_DESIGNATED', disposition: 'refused', childFd: 3, count })),
  );
  const told = 'ERR_CLOSEFDS_DENIED,closefds refused to start "true": one FD is not allowed,FD 3\n';
  t.is(stderr, told.repeat(3));
});

const allowAll = { effect: 'allow', reason: 'r' };

for (const { title, config, expected } of [
  {
    title: 'the candidate closes what is allowed',
    config: { rules: [allowAll], candidate: {} },
    expected: [['CLOSEFDS_CANDIDATE', 'passed', 'closed']],
  },
  {
    title: 'the candidate refuses',
    config: { rules: [allowAll], candidate: { mode: 'strict' } },
    expected: [['CLOSEFDS_CANDIDATE', 'passed', 'refused']],
  },
  {
    title: 'the candidate reports what is allowed',
    config: { rules: [allowAll], candidate: { rules: [{ effect: 'warn' }] } },
    expected: [['CLOSEFDS_CANDIDATE', 'passed', 'passed']],
  },
  { title: 'both allow', config: { rules: [allowAll], candidate: { rules: [allowAll] } }, expected: [] },
  {
    title: 'the candidate allows what is closed',
    config: { candidate: { rules: [allowAll] } },
    expected: [['CLOSEFDS_DESIGNATED', 'closed', 'passed']],
  },
  { title: 'both close', config: { candidate: {} }, expected: [['CLOSEFDS_DESIGNATED', 'closed', 'closed']] },
] as const) {
  test(`a candidate is recorded: ${title}`, async t => {
    const { records } = await configured(t, config, `spawnSync('true', { stdio: pipe });`);
    t.deepEqual(
      records.map(({ code, disposition, candidate }) => [
        code,
        disposition,
        candidate?.disposition,
      ]) as unknown,
      expected as unknown,
    );
  });
}

test('a candidate that is wrong stops the process', async t => {
  const { stderr, code } = await configured(t, { candidate: { candidate: {} } }, '');
  t.is(code, 1);
  t.regex(
    stderr,
    /#\/candidate: expected one of the keys "mode", "compat", "unverified", "aliases" or "rules", found "candidate"/,
  );
});

// ---------------------------------------------------------------------------------------------
// The diagnostics channel
// ---------------------------------------------------------------------------------------------

test('a subscriber gets each occurrence, and may start processes itself', async t => {
  const folder = temporaryFolder(t);
  const program = write(folder, {
    'app.js': `
      ${PRELUDE}
      const seen = [];
      require('node:diagnostics_channel').subscribe('closefds:finding', record => {
        seen.push(record);
        spawnSync('true', { stdio: pipe });
      });
      leak(); leak();
      process.stdout.write(JSON.stringify(seen));
    `,
  });
  const { stdout } = await run(program);
  const records = JSON.parse(stdout) as ReportRecord[];
  for (const record of records) t.true(isValid(record), JSON.stringify(isValid.errors));
  t.deepEqual(counted(records), [...ONCE, ...ONCE]);
});
