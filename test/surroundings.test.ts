// What a program can see of the hook itself, and what other code in the process does to it.

import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { fixture, temporaryFolder, write } from './support/programs';
import { LEAK, LIST_FDS, REGISTER, ROOT, type RunOptions, type RunResult, run } from './support/run';

const NODE = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;
const fds = JSON.stringify(LIST_FDS);

/** Leaves FD 40 open, as an addon does. */
const leaks = `require(${JSON.stringify(LEAK)}).open('/dev/zero', 40);`;
const spawns = `process.stdout.write(require('node:child_process').execFileSync(${fds}));`;

// ---------------------------------------------------------------------------------------------
// The same with the hook and without
// ---------------------------------------------------------------------------------------------

const SAME: Readonly<Record<string, { readonly program: string; readonly nodeArgs?: readonly string[] }>> = {
  'names, lengths and properties of all exports': {
    program: fixture('shape-of-exports.js'),
  },
  'promisified, with child': {
    program: `
      const { exec, execFile } = require('node:child_process');
      const { promisify } = require('node:util');
      (async () => {
        for (const promise of [promisify(exec)('echo a; echo b >&2; exit 4'), promisify(execFile)('echo', ['c'])]) {
          console.log(Object.keys(promise), promise.child.spawnargs, promise.constructor === Promise);
          await promise.then(console.log, ({ stack, ...error }) => console.log(error));
        }
      })();`,
  },
  'aborted before and while it runs': {
    program: `
      const { spawn, execFile } = require('node:child_process');
      const show = (name, child) => ['error', 'exit', 'close'].forEach(event =>
        child.on(event, (...args) => console.log(name, event, ...args.map(arg => arg?.name ?? arg), child.killed)));
      const controller = new AbortController();
      show('later', spawn('sleep', ['20'], { signal: controller.signal, killSignal: 'SIGINT' }).once('spawn', () => controller.abort()));
      execFile('sleep', ['20'], { timeout: 50, killSignal: 'SIGHUP' }, ({ killed, signal, code, cmd }) => console.log(killed, signal, code, cmd));`,
  },
  'how children end': {
    program: `
      const { spawnSync } = require('node:child_process');
      for (const script of ['exit 0', 'exit 255', 'kill -9 $$', 'kill -TERM $$', 'kill -SEGV $$', 'nothing-there'])
        console.log(script, spawnSync('sh', ['-c', script], { encoding: 'utf8' }).status, spawnSync('sh', ['-c', script]).signal);
      console.log(spawnSync('sleep', ['20'], { timeout: 50, killSignal: 'SIGKILL' }).error.code, spawnSync('/').error.code);`,
  },
  'process.binding warns': {
    nodeArgs: ['--pending-deprecation'],
    program: `process.on('warning', ({ code, message }) => console.log(code, message)); console.log(Object.keys(process.binding('spawn_sync')));`,
  },
  'process.binding refuses': {
    program: `for (const name of ['spawn_sync', 'nothing', undefined, 5]) try { console.log(typeof process.binding(name)); } catch ({ code, message }) { console.log(code, message); }`,
  },
  'frozen intrinsics': { nodeArgs: ['--frozen-intrinsics', '--no-warnings'], program: spawns },
  'no __proto__': { nodeArgs: ['--disable-proto=throw'], program: spawns },
  'no eval': { nodeArgs: ['--disallow-code-generation-from-strings'], program: spawns },
  'an uncaught error': {
    program: `process.on('uncaughtException', ({ message }) => console.log(message)); require('node:child_process').spawn('/nothing/there');`,
  },
  'exit codes of the program': { program: `process.exitCode = 7; ${spawns}` },
  'nothing is left to wait for': {
    program: `console.log(process.getActiveResourcesInfo().filter(name => !/Pipe|TTY/.test(name)));`,
  },
  'no globals, modules or listeners': {
    program: `
      console.log(Object.keys(globalThis), Object.keys(require.cache).filter(name => name !== __filename && !/dist|prebuilds/.test(name)));
      console.log(process.eventNames().map(String), Object.keys(process.env).filter(name => /CLOSE/.test(name)), process.execArgv.length);
      console.log(Error.stackTraceLimit, typeof Error.prepareStackTrace);`,
  },
};

for (const [title, { program, nodeArgs = [] }] of Object.entries(SAME)) {
  test(`the same with the hook: ${title}`, async t => {
    const file = write(temporaryFolder(t), { 'app.js': program });
    const [plain, hooked] = await Promise.all(
      ['', `--require ${JSON.stringify(REGISTER)}`].map(hook =>
        start(file, { nodeArgs, env: { NODE_OPTIONS: hook } }),
      ),
    );
    t.deepEqual(hooked, plain);
    t.not(plain?.stdout, '');
  });
}

test('the same with the hook: the views of ESM', async t => {
  const file = write(temporaryFolder(t), {
    'app.mjs': `
      import all, * as views from 'node:child_process';
      import * as others from 'child_process';
      const dynamic = await import('node:child_process');
      const names = Object.keys(views).filter(name => name !== 'default').sort();
      console.log(names, names.every(name => views[name] === all[name] && others[name] === all[name] && dynamic[name] === all[name]));`,
  });
  const [plain, hooked] = await Promise.all(
    ['', `--require ${JSON.stringify(REGISTER)}`].map(hook => start(file, { env: { NODE_OPTIONS: hook } })),
  );
  t.deepEqual(hooked, plain);
  t.regex(plain?.stdout ?? '', /true\n$/);
});

// ---------------------------------------------------------------------------------------------
// Other code in the process
// ---------------------------------------------------------------------------------------------

/** As a monitor does: wraps every function, and the method below them. */
const MONITOR = `
  const childProcess = require('node:child_process');
  const seen = new Set();
  const wrap = (holder, name) => {
    const original = holder[name];
    holder[name] = function (...args) { seen.add(name); return Reflect.apply(original, this, args); };
  };
  for (const name of ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork']) wrap(childProcess, name);
  wrap(childProcess.ChildProcess.prototype, 'spawn');
  require('node:module').syncBuiltinESMExports();
  process.on('exit', () => console.log([...seen].sort().join()));`;

const CALLS = `
  ${leaks}
  const { execFileSync, execSync, spawnSync, execFile } = require('node:child_process');
  console.log(String(execFileSync(${fds})).trim(), String(execSync(${fds})).trim(), String(spawnSync(${fds}).stdout).trim());
  execFile(${fds}, (error, stdout) => console.log(stdout.trim()));`;

for (const { title, order, findings } of [
  // A monitor on the outside is whose line calls, the same line each time.
  { title: 'before', order: ['monitor', 'hook'], findings: 4 },
  { title: 'after', order: ['hook', 'monitor'], findings: 1 },
  { title: 'before and after', order: ['monitor', 'hook', 'other'], findings: 1 },
] as const) {
  test(`a monitor that wraps the same functions ${title} closefds`, async t => {
    const folder = temporaryFolder(t);
    const file = write(folder, { 'app.js': CALLS, 'monitor.js': MONITOR, 'other.js': MONITOR });
    const preload = {
      monitor: path.join(folder, 'monitor.js'),
      other: path.join(folder, 'other.js'),
      hook: REGISTER,
    };
    const seen = (names: readonly (keyof typeof preload)[]) =>
      start(file, { nodeArgs: names.flatMap(name => ['--require', preload[name]]) });
    const result = await seen(order);
    const [sync, exit, ...monitored] = result.stdout.trim().split('\n');
    t.is(sync, '[0,1,2] [0,1,2] [0,1,2]');
    t.is(exit, '[0,1,2]');
    const plain = await seen(order.filter(name => name !== 'hook'));
    t.deepEqual(monitored, plain.stdout.trim().split('\n').slice(2));
    t.deepEqual(codes(result), Array(findings).fill('CLOSEFDS_STRAY'));
  });
}

for (const { title, entries, expected } of [
  { title: 'the same entry twice', entries: ['index', 'index'], expected: [] },
  {
    title: 'another entry of the same mode',
    entries: ['index', 'strict'],
    expected: ['CLOSEFDS_SECOND_COPY'],
  },
  { title: 'the mode that is in force, by name', entries: ['warn', 'warn'], expected: [] },
] as const) {
  test(`loaded again: ${title}`, async t => {
    const file = write(temporaryFolder(t), { 'app.js': spawns });
    const nodeArgs = entries.flatMap(name => ['--require', path.join(path.dirname(REGISTER), `${name}.js`)]);
    const result = await start(file, { nodeArgs });
    t.is(result.stdout, '[0,1,2]\n');
    t.deepEqual(codes(result), expected);
  });
}

test('loaded again: another copy of the package', async t => {
  const folder = temporaryFolder(t);
  const file = write(folder, { 'app.js': leaks + spawns });
  const copy = path.join(folder, 'node_modules', 'closefds');
  mkdirSync(copy, { recursive: true });
  for (const name of [
    'package.json',
    'dist',
    'prebuilds',
    'node_modules/semver',
    'node_modules/require-in-the-middle',
  ])
    cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true });
  const nodeArgs = ['--require', REGISTER, '--require', path.join(copy, 'dist', 'register', 'index.js')];
  const result = await start(file, { nodeArgs });
  t.is(result.stdout, '[0,1,2]\n');
  t.deepEqual(codes(result), ['CLOSEFDS_SECOND_COPY', 'CLOSEFDS_STRAY']);
});

// ---------------------------------------------------------------------------------------------
// Reports
// ---------------------------------------------------------------------------------------------

const REPORTS: Readonly<
  Record<
    string,
    RunOptions & { readonly before?: string; readonly codes: readonly string[]; readonly needs?: number }
  >
> = {
  'as a warning': { codes: ['CLOSEFDS_STRAY'] },
  '--disable-warning of its code': { nodeArgs: ['--disable-warning=CLOSEFDS_STRAY'], codes: [], needs: 21 },
  '--disable-warning of their type': {
    nodeArgs: ['--disable-warning=ClosefdsWarning'],
    codes: [],
    needs: 21,
  },
  '--no-warnings': { nodeArgs: ['--no-warnings'], codes: [] },
  NODE_NO_WARNINGS: { env: { NODE_NO_WARNINGS: '1' }, codes: [] },
  'emitWarning throws': {
    before: "process.emitWarning = () => { throw new Error('no warnings here'); };",
    codes: ['CLOSEFDS_STRAY'],
  },
  'a listener throws': {
    before:
      "process.on('warning', () => { throw new Error('from the listener'); }); process.on('uncaughtException', () => {});",
    codes: ['CLOSEFDS_STRAY'],
  },
  'no stack may be walked': { before: 'Error.stackTraceLimit = 0;', codes: ['CLOSEFDS_STRAY'] },
};

for (const [title, { before = '', codes: expected, nodeArgs = [], env, needs = 0 }] of Object.entries(
  REPORTS,
)) {
  test(`reports: ${title}`, async t => {
    const major = Number((await start('-p', { args: ['process.versions.node'] })).stdout.split('.')[0]);
    if (major < needs) {
      t.log(`skipped: Node ${major} has no such flag`);
      t.pass();
      return;
    }
    const file = write(temporaryFolder(t), { 'app.js': before + leaks + spawns });
    const result = await start(file, { nodeArgs: ['--require', REGISTER, ...nodeArgs], ...(env && { env }) });
    t.is(result.stdout, '[0,1,2]\n');
    t.is(result.code, 0);
    t.deepEqual(codes(result), expected);
  });
}

test('reports: --trace-warnings shows the call', async t => {
  const file = write(temporaryFolder(t), { 'app.js': leaks + spawns });
  const result = await start(file, { nodeArgs: ['--require', REGISTER, '--trace-warnings'] });
  t.regex(result.stderr, /CLOSEFDS_STRAY[\s\S]*at Object.<anonymous> \(.*app\.js/);
});

for (const mode of ['enforced', 'ENFORCE', '0', ' ']) {
  test(`CLOSEFDS_MODE=${JSON.stringify(mode)} stops the process at start`, async t => {
    const file = write(temporaryFolder(t), { 'app.js': 'console.log("started")' });
    const result = await start(file, { nodeArgs: ['--require', REGISTER], env: { CLOSEFDS_MODE: mode } });
    t.is(result.stdout, '');
    t.is(result.code, 1);
    t.regex(result.stderr, /^closefds: CLOSEFDS_MODE: expected .*"enforce".*found/);
  });
}

test('CLOSEFDS_MODE="" sets no mode', async t => {
  const file = write(temporaryFolder(t), { 'app.js': leaks + spawns });
  const result = await start(file, { nodeArgs: ['--require', REGISTER], env: { CLOSEFDS_MODE: '' } });
  t.is(result.stdout, '[0,1,2]\n');
});

/** With no preload but what `nodeArgs` and `env` say. */
async function start(program: string, options: RunOptions): Promise<RunResult> {
  const result = await run(program, { node: NODE, nodeArgs: [], ...options });
  return { ...result, stderr: result.stderr.replace(/^\(node:\d+\)/gm, '(node)') };
}

/** The codes of the findings, sorted. */
function codes({ stderr }: RunResult): string[] {
  return [...stderr.matchAll(/^\(node\) \[(CLOSEFDS_\w+)\]/gm)].map(match => match[1] ?? '').sort();
}
