// closefds doctor, as a user calls it.

import { spawn } from 'node:child_process';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { inheriting, REGISTER, ROOT, type RunResult, run, tool } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

function doctor(
  t: ExecutionContext,
  { args = [], env = {} }: { readonly args?: readonly string[]; readonly env?: Record<string, string> },
): Promise<RunResult> {
  const cwd = temporaryFolder(t);
  write(cwd, { 'package.json': '{"name": "app"}' });
  return run(MAIN, { nodeArgs: [], args: ['doctor', ...args], cwd, env });
}

for (const { place, line, exit } of [
  { place: '', line: '  report         none', exit: 0 },
  { place: 'stderr', line: '  report         fd:2', exit: 0 },
  { place: '/dev/null', line: '  report         /dev/null', exit: 0 },
  {
    place: '/no/such/folder/f',
    line: "  report         /no/such/folder/f\n  NOT WRITTEN    ENOENT: no such file or directory, access '/no/such/folder'",
    exit: 1,
  },
]) {
  test(`doctor shows the place of the report "${place}"`, async t => {
    const { code, stdout } = await doctor(t, { env: { CLOSEFDS_REPORT: place } });
    t.true(stdout.includes(`${line}\n`), stdout);
    t.is(code, exit);
  });
}

test('doctor takes no argument', async t => {
  const { code, stdout, stderr } = await doctor(t, { args: ['x'] });
  t.deepEqual([code, stdout], [2, '']);
  t.regex(stderr, /expected no argument beside the options, found "x"/);
});

// ---------------------------------------------------------------------------------------------
// A running process
// ---------------------------------------------------------------------------------------------

const ADDON = path.join(ROOT, 'prebuilds', `${process.platform}-${process.arch}`);

/** Ends with its stdin. Says when it runs. */
const WAIT = 'process.stdin.resume(); console.log("runs");';

for (const { title, nodeArgs, env, expected, exit } of [
  {
    title: 'that loads closefds by an argument',
    nodeArgs: ['--require', REGISTER],
    env: { CLOSEFDS_MODE: 'warn' },
    expected: {
      isLoaded: true,
      askedBy: [`--require ${REGISTER}`],
      variables: { CLOSEFDS_MODE: 'warn' },
      strays: [200],
    },
    exit: 0,
  },
  {
    title: 'that loads closefds by NODE_OPTIONS',
    nodeArgs: [],
    env: { NODE_OPTIONS: `--require ${REGISTER}` },
    // At start, it set close-on-exec on what it inherited.
    expected: { isLoaded: true, askedBy: ['NODE_OPTIONS'], variables: {}, strays: [] },
    exit: 0,
  },
  {
    title: 'in mode off',
    nodeArgs: [`--require=${REGISTER}`],
    env: { CLOSEFDS_MODE: 'off' },
    expected: {
      isLoaded: false,
      askedBy: [`--require=${REGISTER}`],
      variables: { CLOSEFDS_MODE: 'off' },
      strays: [200],
    },
    exit: 1,
  },
  {
    title: 'without closefds',
    nodeArgs: [],
    env: {},
    expected: { isLoaded: false, askedBy: [], variables: {}, strays: [200] },
    exit: 1,
  },
]) {
  test(`doctor --pid looks at a process ${title}`, async t => {
    const cwd = temporaryFolder(t);
    const file = path.join(cwd, 'stray');
    write(cwd, { stray: '' });
    const node = [process.env.CLOSEFDS_TEST_NODE ?? process.execPath, ...nodeArgs, '-e', WAIT];
    const [shell = '', ...words] = [...inheriting(200, file), ...node];
    const child = spawn(tool('clean-exec'), [shell, ...words], {
      cwd,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await new Promise(resolve => child.stdout.once('data', resolve));
    const args = ['--pid', String(child.pid), '--format', 'json'];
    const { code, stdout, stderr } = await doctor(t, { args });
    child.stdin.end();
    t.is(code, exit, stderr);
    const { pid, folder, addon, askedBy, variables, strays } = JSON.parse(stdout);
    t.deepEqual(
      { pid, folder, isLoaded: addon?.startsWith(ADDON) ?? false, askedBy, variables, strays },
      {
        pid: child.pid,
        folder: cwd,
        ...expected,
        strays: expected.strays.map(fd => ({ fd, title: `file ${file}, read-write` })),
      },
    );
  });
}

for (const { pid, message } of [
  { pid: 'x', message: 'expected a process number after --pid, found "x"' },
  { pid: '0', message: 'expected a process number after --pid, found "0"' },
  {
    pid: '4194999',
    message: 'expected a running process after --pid, found none with the number 4194999',
  },
]) {
  test(`doctor refuses --pid ${pid}`, async t => {
    const { code, stdout, stderr } = await doctor(t, { args: ['--pid', pid] });
    t.deepEqual([code, stdout, stderr], [2, '', `closefds: ${message}. See "closefds doctor --help".\n`]);
  });
}

// ---------------------------------------------------------------------------------------------
// The deep guard
// ---------------------------------------------------------------------------------------------

const fates = (fate: string) => ({
  'system()': fate,
  'popen()': fate,
  'posix_spawn()': fate,
  'vfork()': fate,
});

interface DeepReport {
  readonly wanted: boolean;
  readonly holds: boolean;
  readonly without: Readonly<Record<string, string>>;
  readonly with: Readonly<Record<string, string>>;
  readonly state: { readonly stage: number; readonly objects: number; readonly covered: number };
  readonly gaps: readonly string[];
}

test("doctor proves that no stray reaches an addon's processes with deep, and that it does without", async t => {
  const { code, stdout } = await doctor(t, { args: ['--format', 'json'], env: { CLOSEFDS_DEEP: '1' } });
  const { deep, holes } = JSON.parse(stdout) as { deep: DeepReport; holes: readonly string[] };
  const { state, ...proof } = deep;
  t.deepEqual(proof, {
    wanted: true,
    holds: true,
    without: fates('arrived'),
    with: fates('closed'),
    gaps: [],
  });
  t.is(state.stage, 2);
  t.true(state.objects > 2 && state.covered > 4, stdout);
  t.true(holes.some(hole => /Go libraries .* a static C library, .* dlmopen\(\)/.test(hole)));
  t.is(code, 0);
});

test('doctor shows what the deep guard covers, also where the setting is off', async t => {
  const { code, stdout } = await doctor(t, {});
  t.is(code, 0);
  for (const line of [
    /^ {2}setting {8}off: set "deep": true/m,
    /^ {2}system\(\) {7}without: arrived, with: closed$/m,
    /^ {2}objects {8}\d+$/m,
    /^ {2}slots {10}\d+ covered, 0 denied, 0 of another tool, 0 of an old version$/m,
  ])
    t.regex(stdout, line);
});
