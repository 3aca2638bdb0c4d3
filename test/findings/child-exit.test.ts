// Children that fail without an FD that was closed: programs that run for real, and what their reports say.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { SpawnFinding } from '../../src/findings/finding';
import type { ReportRecord } from '../../src/findings/record';
import { hasFailed } from '../../src/model/child-exit';
import { createExitWatches } from '../../src/spawn/exit-watch';
import { temporaryFolder, write } from '../support/programs';
import { inheriting, type RunOptions, run } from '../support/run';

/** Each call at one place, so that its children have the same finding. */
const PRELUDE = `
  const { spawn, spawnSync, execSync, execFileSync } = require('node:child_process');
  const pipe = { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] };
  const later = script => new Promise(resolve => spawn('sh', ['-c', script], pipe).on('close', resolve));
  const now = script => spawnSync('sh', ['-c', script], pipe);
  const attempt = work => { try { work(); } catch {} };
`;

async function exitsOf(t: ExecutionContext, code: string, options: RunOptions = {}) {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'findings.ndjson');
  const program = write(folder, { 'app.js': `${PRELUDE}(async () => { ${code} })();` });
  const { stderr } = await run(program, {
    ...options,
    cwd: folder,
    env: { CLOSEFDS_REPORT: file, ...options.env },
  });
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const records = text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as ReportRecord);
  const added = records.filter(({ exit }) => exit !== undefined);
  t.deepEqual(
    added.filter(({ count, disposition }) => count !== 0 || disposition !== 'closed'),
    [],
  );
  return { stderr, records, exits: added.map(({ exit }) => exit) };
}

interface ExitCase {
  readonly title: string;
  readonly code: string;
  readonly exits: readonly ReportRecord['exit'][];
  readonly options?: RunOptions;
}

const CASES: readonly ExitCase[] = [
  { title: 'spawn(), a code', code: `await later('exit 3');`, exits: [{ code: 3 }] },
  {
    title: 'spawn(), a signal of its own',
    code: `await later('kill -SEGV $$');`,
    exits: [{ signal: 'SIGSEGV' }],
  },
  { title: 'spawnSync(), a code', code: `now('exit 3');`, exits: [{ code: 3 }] },
  { title: 'spawnSync(), a signal', code: `now('kill -ABRT $$');`, exits: [{ signal: 'SIGABRT' }] },
  {
    title: 'execFileSync(), a code',
    code: `attempt(() => execFileSync('sh', ['-c', 'exit 3'], pipe));`,
    exits: [{ code: 3 }],
  },
  { title: 'execSync(), a code', code: `attempt(() => execSync('exit 3', pipe));`, exits: [{ code: 3 }] },
  {
    title: 'execSync() that failed once, and then succeeded without output',
    code: `for (const code of [3, 0]) attempt(() => execSync('exit $CODE', { stdio: ['ignore', 'inherit', 'inherit', 'pipe'], env: { CODE: code } }));`,
    exits: [{ code: 3 }, { code: 0 }],
  },
  {
    title: 'the exit listener ends the process',
    code: `spawn('sh', ['-c', 'exit 3'], pipe).on('exit', code => process.exit(code));`,
    exits: [{ code: 3 }],
  },
  {
    title: 'a stray that was closed',
    code: `for (const _ of '12') spawnSync('sh', ['-c', 'exit 3']);`,
    exits: [{ code: 3 }],
    options: { through: inheriting(200, '/dev/zero') },
  },
  {
    title: 'the first failure, not the second',
    code: `await later('exit 3'); await later('exit 4');`,
    exits: [{ code: 3 }],
  },
  {
    title: 'the first success after a failure',
    code: `now('exit 3'); now('exit 0'); now('exit 0'); now('exit 4');`,
    exits: [{ code: 3 }, { code: 0 }],
  },
  { title: 'no failure after a success', code: `now('exit 0'); now('exit 3');`, exits: [] },
  { title: 'no success without a failure', code: `now('exit 0'); now('exit 0');`, exits: [] },
  {
    title: 'no child that was ended from outside',
    code: `now('kill -TERM $$'); now('exit 143'); spawnSync('sh', ['-c', 'sleep 9'], { ...pipe, timeout: 100, killSignal: 'SIGABRT' });`,
    exits: [],
  },
  {
    title: 'no child that the program killed',
    code: `const child = spawn('sleep', ['9'], pipe); child.on('spawn', () => child.kill('SIGABRT'));`,
    exits: [],
  },
  {
    title: 'no command that the shell does not find',
    code: `now('exec /nowhere/at-all'); now('/nowhere/at-all');`,
    exits: [],
  },
  {
    title: 'no command that does not exist',
    code: `spawn('/nowhere/at-all', pipe).on('error', () => {}); spawnSync('/nowhere/at-all', pipe);`,
    exits: [],
  },
  {
    title: 'nothing of what passes',
    code: `await later('exit 3'); now('exit 3');`,
    exits: [],
    options: { env: { CLOSEFDS_MODE: 'warn' } },
  },
  { title: 'nothing without a finding', code: `spawnSync('sh', ['-c', 'exit 3']);`, exits: [] },
];

for (const { title, code, exits, options } of CASES) {
  test(`a report has how a child without its FD ended: ${title}`, async t => {
    const result = await exitsOf(t, code, options);
    t.deepEqual(result.exits, exits);
    t.notRegex(result.stderr, /CLOSEFDS_INTERNAL_ERROR/);
  });
}

test('each closed FD of the child has the exit, and the caller is the same', async t => {
  const { records } = await exitsOf(
    t,
    `spawnSync('sh', ['-c', 'exit 3'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });`,
  );
  t.deepEqual(
    records.map(({ childFd, count, exit, caller }) => ({ childFd, count, exit, line: caller?.line })),
    [
      { childFd: 3, count: 1, exit: undefined, line: records[0]?.caller?.line },
      { childFd: 4, count: 1, exit: undefined, line: records[0]?.caller?.line },
      { childFd: 3, count: 0, exit: { code: 3 }, line: records[0]?.caller?.line },
      { childFd: 4, count: 0, exit: { code: 3 }, line: records[0]?.caller?.line },
    ],
  );
});

test('watching a child leaves no trace in the program', async t => {
  const folder = temporaryFolder(t);
  const code = `
    const child = spawn('sh', ['-c', 'exit 3'], pipe);
    const handle = child._handle;
    const keys = Object.keys(handle);
    const seen = { listeners: child.listenerCount('exit'), close: keys.includes('close') };
    child.on('exit', code => {
      const has = { code, own: Object.hasOwn(handle, 'close'), frame: new Error().stack.includes('dist') };
      require('node:fs').writeFileSync('seen', JSON.stringify({ ...seen, ...has }));
    });
  `;
  await run(write(folder, { 'app.js': PRELUDE + code }), { cwd: folder });
  t.deepEqual(JSON.parse(readFileSync(path.join(folder, 'seen'), 'utf8')), {
    listeners: 0,
    close: false,
    code: 3,
    own: false,
    frame: false,
  });
});

test('after a success, or eight children, nothing is watched any more', t => {
  const noted: unknown[] = [];
  const watches = createExitWatches((_, exit) => noted.push(exit));
  const closed = () => ({ disposition: 'closed' }) as SpawnFinding;
  const watched = (finding: SpawnFinding, codes: readonly number[]) =>
    codes.map(code => {
      const onExit = watches.start(watches.of([finding]));
      onExit?.({ code });
      return onExit !== undefined;
    });
  t.deepEqual(watched(closed(), [1, 1, 1, 1, 1, 1, 1, 1, 1]), [...new Array(8).fill(true), false]);
  t.deepEqual(watched(closed(), [0, 1]), [true, false]);
  t.deepEqual(watched({ ...closed(), disposition: 'passed' }, [1]), [false]);
  t.deepEqual(noted, [{ code: 1 }]);
});

for (const { exit, failed } of [
  { exit: { code: 0 }, failed: false },
  { exit: { code: 1 }, failed: true },
  { exit: { code: 139 }, failed: true },
  { exit: { code: 127 }, failed: undefined },
  { exit: { code: 137 }, failed: undefined },
  { exit: { signal: 'SIGPIPE' }, failed: true },
  { exit: { signal: 'SIGKILL' }, failed: undefined },
] as const) {
  test(`whether ${JSON.stringify(exit)} is a failure of the child: ${failed}`, t => {
    t.is(hasFailed(exit), failed);
  });
}
