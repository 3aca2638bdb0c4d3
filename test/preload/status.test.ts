// status() and the line at start, in programs that run for real.

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { REGISTER, ROOT, type RunOptions, type RunResult, run } from '../support/run';

const { version } = require(path.join(ROOT, 'package.json')) as { version: string };

/** Prints its status before and after two spawns, each with a pipe that no rule allows. */
const PROGRAM = `
  const { spawnSync } = require('node:child_process');
  const { status } = require(process.env.PACKAGE);
  const spawn = () => {
    try {
      spawnSync('true', { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    } catch {}
  };
  const before = status();
  spawn();
  spawn();
  process.stdout.write(JSON.stringify({ before, after: status() }));
`;

function runProgram(
  t: ExecutionContext,
  files: Readonly<Record<string, string>>,
  { env, ...options }: RunOptions = {},
): Promise<RunResult> {
  const folder = temporaryFolder(t);
  const program = write(folder, { 'app.js': PROGRAM, 'package.json': '{"name": "app"}', ...files });
  return run(program, { ...options, cwd: folder, env: { PACKAGE: ROOT, ...env } });
}

const NONE = { passed: 0, closed: 0, refused: 0, codes: {} };

for (const { mode, findings, before, after } of [
  {
    mode: 'enforce',
    findings: { passed: 0, closed: 2, refused: 0, codes: { CLOSEFDS_DESIGNATED: 2 } },
    before: { mechanism: 'close_range', spawnMethod: 'unknown' },
    after: { mechanism: 'close_range', spawnMethod: 'fork' },
  },
  {
    mode: 'warn',
    findings: { passed: 2, closed: 0, refused: 0, codes: { CLOSEFDS_DESIGNATED: 2 } },
    before: { mechanism: 'nothing', spawnMethod: 'unknown' },
    after: { mechanism: 'nothing', spawnMethod: 'unknown' },
  },
  {
    mode: 'strict',
    findings: { passed: 0, closed: 0, refused: 2, codes: { CLOSEFDS_DESIGNATED: 2 } },
    before: { mechanism: 'close_range', spawnMethod: 'unknown' },
    after: { mechanism: 'close_range', spawnMethod: 'unknown' },
  },
  {
    mode: 'off',
    findings: NONE,
    before: { mechanism: 'nothing', spawnMethod: 'unknown' },
    after: { mechanism: 'nothing', spawnMethod: 'unknown' },
  },
]) {
  test(`status() in mode ${mode}`, async t => {
    const { stdout } = await runProgram(t, {}, { env: { CLOSEFDS_MODE: mode } });
    const always = { loaded: true, version, mode };
    t.deepEqual(JSON.parse(stdout), {
      before: { ...always, ...before, findings: NONE },
      after: { ...always, ...after, findings },
    });
  });
}

test('status() has the config file, the report and why it cannot be written', async t => {
  const { stdout } = await runProgram(
    t,
    { 'closefds.json': '{"report": "no/f-%p"}' },
    { env: { CLOSEFDS_MODE: 'enforce' } },
  );
  const { configFile, report, reportProblem } = JSON.parse(stdout).after;
  const folder = path.dirname(configFile);
  t.is(path.basename(configFile), 'closefds.json');
  t.regex(path.relative(folder, report), /^no\/f-\d+$/);
  t.is(reportProblem, `ENOENT: no such file or directory, access '${folder}/no'`);
});

test('status() without closefds says that it is not loaded', async t => {
  const { stdout } = await runProgram(t, {}, { nodeArgs: [] });
  const { before, after } = JSON.parse(stdout);
  t.deepEqual(before, { loaded: false, version, findings: NONE });
  t.deepEqual(after, before);
});

// ---------------------------------------------------------------------------------------------
// The line at start
// ---------------------------------------------------------------------------------------------

const LINE = /^closefds \S+ is loaded: pid \d+, mode .*$/m;

for (const { title, files = {}, env = {}, line } of [
  { title: 'by default', line: undefined },
  {
    title: 'with CLOSEFDS_ANNOUNCE=1',
    env: { CLOSEFDS_ANNOUNCE: '1' },
    line: 'mode enforce, config none, report none, strays closed by close_range',
  },
  {
    title: 'in warn',
    env: { CLOSEFDS_ANNOUNCE: '1', CLOSEFDS_MODE: 'warn', CLOSEFDS_REPORT: '/dev/null' },
    line: 'mode warn, config none, report /dev/null',
  },
  {
    title: 'in mode off',
    env: { CLOSEFDS_ANNOUNCE: '1', CLOSEFDS_MODE: 'off' },
    line: 'mode off, config none, report none',
  },
  {
    title: 'with "announce" in the config',
    files: { 'closefds.json': '{"announce": true}' },
    line: 'mode enforce, config FOLDER/closefds.json, report none, strays closed by close_range',
  },
  {
    title: 'with CLOSEFDS_ANNOUNCE=0 and "announce" in the config',
    files: { 'closefds.json': '{"announce": true}' },
    env: { CLOSEFDS_ANNOUNCE: '0' },
    line: undefined,
  },
] as {
  title: string;
  files?: Record<string, string>;
  env?: Record<string, string>;
  line: string | undefined;
}[]) {
  test(`the start prints ${line === undefined ? 'nothing' : 'one line'} ${title}`, async t => {
    const { stderr } = await runProgram(t, files, { env });
    const found = stderr.split('\n').filter(text => LINE.test(text));
    t.deepEqual(
      found.map(text =>
        text.replace(/^.*?pid \d+, /, '').replace(/ \S+\/closefds\.json/, ' FOLDER/closefds.json'),
      ),
      line === undefined ? [] : [line],
    );
  });
}

test('a worker thread prints no line at start', async t => {
  const { stderr } = await runProgram(
    t,
    { 'app.js': `new (require('node:worker_threads').Worker)('0', { eval: true });` },
    { env: { CLOSEFDS_ANNOUNCE: '1' }, nodeArgs: ['--require', REGISTER] },
  );
  t.is(stderr.split('\n').filter(text => LINE.test(text)).length, 1);
});
