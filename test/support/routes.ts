// Every route on which a process leaves JavaScript, as programs to run for real.
//
// In each program there are two strays: one that was inherited at start, and one that native
// code opened since. Each program starts build/list-all-fds, in its own way, and what that prints
// is what a child got. With CLOSEFDS_MODE=off both strays have to arrive, or the route proves
// nothing; otherwise the child has exactly what expectation() says.
//
// The table is run on one Node by test/routes.test.ts, and on all by scripts/verify/matrix.mjs.

import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import semver from 'semver';
import { write } from './programs';
import {
  inheriting,
  LEAK,
  preloading,
  REGISTER,
  ROOT,
  type RunResult,
  runCommand,
  tool,
  WITHOUT_COVERAGE,
} from './run';

/** A child's FD: its number, or `40 placeholder` where one lies over a stray. */
export type ChildFd = number | string;

export const INHERITED = 200;
export const OPENED = 40;

// ---------------------------------------------------------------------------------------------
// Ways of the stray guard
// ---------------------------------------------------------------------------------------------

export type WayName = 'fork' | 'posix_spawn' | 'fallback';

export interface WayOfGuard {
  readonly name: WayName;
  readonly register: () => string;
  readonly env: Readonly<Record<string, string>>;
}

export const WAYS: readonly WayOfGuard[] = [
  { name: 'fork', register: () => REGISTER, env: {} },
  // What the coming libuv does: no atfork handler runs.
  { name: 'posix_spawn', register: () => REGISTER, env: { LD_PRELOAD: preloading(tool('no-atfork.so')) } },
  { name: 'fallback', register: withoutAddon, env: {} },
];

let copy: string | undefined;

/** The preload of a copy of this package in which there is no addon to load. */
export function withoutAddon(): string {
  if (copy === undefined) {
    const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'closefds-copy-')));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    for (const part of ['src', 'register', 'compat'])
      cpSync(path.join(ROOT, 'dist', part), path.join(folder, 'dist', part), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    copy = path.join(folder, 'dist', 'register', 'index.js');
  }
  return copy;
}

// ---------------------------------------------------------------------------------------------
// Routes
// ---------------------------------------------------------------------------------------------

/** What a program is generated for. */
export interface Setting {
  readonly folder: string;
  readonly register: string;
  /** Of the Node that is to run it. */
  readonly version: string;
}

export interface Route {
  readonly name: string;
  /** The versions of Node that have it. Default: all. */
  readonly range?: string;
  /** The program, by file names; the first is the one to start. */
  readonly files?: (setting: Setting) => Readonly<Record<string, string>>;
  /** Node's whole command line. Default: the preload and the program. */
  readonly command?: (setting: Setting, program: string) => readonly string[];
  /** What starts Node, as `sh -c` does. */
  readonly through?: (setting: Setting) => readonly string[];
  readonly env?: (setting: Setting) => Readonly<Record<string, string>>;
  readonly input?: (setting: Setting) => string;
  /** Where the lists end up. Default: stdout, one a line. */
  readonly output?: 'file';
  /** How many processes the program starts. Default: one. */
  readonly children?: number;
  /** What each child has besides 0, 1 and 2. */
  readonly designated?: readonly number[];
  /** What is left of the guard without --allow-addons. There, native code opens no stray either. */
  readonly noAddons?: 'masks' | 'nothing';
  /** What is known to get through. */
  readonly holes?: Readonly<Partial<Record<WayName, readonly number[]>>>;
  /** No call of the program returns, so the guard does not see how processes are made. */
  readonly unseen?: boolean;
}

const CHILD = JSON.stringify(tool('list-all-fds'));
const TO_STDOUT = `{ stdio: ['ignore', 'inherit', 'inherit'] }`;
/** What to do with child_process's functions, however a program got them. */
const START = `spawnSync(${CHILD}, ${TO_STDOUT}); spawn(${CHILD}, ${TO_STDOUT});`;

/** Reports the mechanism. Needs no module, so that a program's own imports are the only ones. */
const WATCH = `
  globalThis.reportMechanism = () => {
    const { strayGuard } = globalThis[Symbol.for('closefds.installed')] ?? {};
    process._rawDebug('mechanism ' + JSON.stringify([strayGuard?.way() ?? null, strayGuard?.spawning() ?? null]));
  };
  process.on('exit', reportMechanism);
`;

/** As an addon does, and without require() for the same reason. */
function openStray({ folder }: Setting): string {
  return `
  const addon = { exports: {} };
  process.dlopen(addon, ${JSON.stringify(LEAK)});
  addon.exports.open(${JSON.stringify(path.join(folder, 'opened'))}, ${OPENED});
  ${WATCH}`;
}

function resultFile({ folder }: Setting): string {
  return path.join(folder, 'result');
}

function cjs(name: string, body: string | ((setting: Setting) => string), more: Partial<Route> = {}): Route {
  return {
    name,
    files: setting => ({
      'app.js': openStray(setting) + (typeof body === 'string' ? body : body(setting)),
    }),
    ...more,
  };
}

function esm(name: string, imports: string, body: string, more: Partial<Route> = {}): Route {
  return { name, files: setting => ({ 'app.mjs': imports + openStray(setting) + body }), ...more };
}

const BOTH = { children: 2 };

const MODULE_SYSTEM: readonly Route[] = [
  cjs('require', `const { spawn, spawnSync } = require('child_process'); ${START}`, BOTH),
  cjs('require node:', `const { spawn, spawnSync } = require('node:child_process'); ${START}`, BOTH),
  cjs(
    'Module._load',
    `const { spawn, spawnSync } = module.constructor._load('child_process'); ${START}`,
    BOTH,
  ),
  cjs(
    'import() in CommonJS',
    `import('node:child_process').then(({ spawn, spawnSync }) => { ${START} })`,
    BOTH,
  ),
  cjs(
    'process.getBuiltinModule',
    `const { spawn, spawnSync } = process.getBuiltinModule('child_process'); ${START}`,
    { ...BOTH, range: '>=20.16 <21 || >=22.3' },
  ),
  esm(
    'createRequire',
    `import { createRequire } from 'node:module';`,
    `const { spawn, spawnSync } = createRequire(import.meta.url)('child_process'); ${START}`,
    BOTH,
  ),
  esm('ESM named', `import { spawn, spawnSync } from 'node:child_process';`, START, BOTH),
  esm('ESM named, no prefix', `import { spawn, spawnSync } from 'child_process';`, START, BOTH),
  esm(
    'ESM default',
    `import cp from 'node:child_process';`,
    `const { spawn, spawnSync } = cp; ${START}`,
    BOTH,
  ),
  esm(
    'ESM namespace',
    `import * as cp from 'node:child_process';`,
    `const { spawn, spawnSync } = cp; ${START}`,
    BOTH,
  ),
  esm('ESM dynamic', '', `const { spawn, spawnSync } = await import('node:child_process'); ${START}`, BOTH),
  esm(
    'ESM, each function by name',
    `import { exec, execFile, execFileSync, execSync, fork } from 'node:child_process';`,
    `
  process.stdout.write(execFileSync(${CHILD}));
  process.stdout.write(execSync(${CHILD}));
  exec(${CHILD}).stdout.pipe(process.stdout);
  execFile(${CHILD}).stdout.pipe(process.stdout);`,
    { children: 4 },
  ),
  cjs(
    'vm.runInNewContext',
    `require('node:vm').runInNewContext(
      "const { spawn, spawnSync } = require('child_process'); start()".replace('start()', ${JSON.stringify(START)}),
      { require },
    )`,
    BOTH,
  ),
  cjs(
    'vm.runInThisContext',
    `require('node:vm').runInThisContext(
      "(require => { const { spawn, spawnSync } = require('child_process'); start() })".replace('start()', ${JSON.stringify(START)}),
    )(require)`,
    BOTH,
  ),
];

const PROGRAM_TEXT: readonly Route[] = [
  {
    name: '-e',
    command: setting =>
      preload(setting, '-e', `${openStray(setting)} const { spawn, spawnSync } = child_process; ${START}`),
    children: 2,
  },
  {
    name: '-e, module',
    command: setting =>
      preload(
        setting,
        '--input-type=module',
        '-e',
        `import { spawn, spawnSync } from 'node:child_process'; ${openStray(setting)} ${START}`,
      ),
    children: 2,
  },
  {
    name: 'program on stdin',
    command: setting => preload(setting, '-'),
    input: setting => `${openStray(setting)} const { spawn, spawnSync } = require('child_process'); ${START}`,
    children: 2,
  },
  {
    name: 'REPL',
    command: setting => preload(setting, '-i'),
    input: setting => {
      const program = `{ ${openStray(setting)} fs.writeFileSync(${JSON.stringify(resultFile(setting))}, child_process.execFileSync(${CHILD})) }`;
      return `${program.replaceAll('\n', ' ')}\n`;
    },
    output: 'file',
  },
];

const FUNCTIONS: readonly Route[] = [
  cjs('spawn', `require('child_process').spawn(${CHILD}).stdout.pipe(process.stdout)`),
  cjs(
    'spawn, shell',
    `require('child_process').spawn(${CHILD}, { shell: true }).stdout.pipe(process.stdout)`,
  ),
  cjs(
    'spawn, detached',
    `require('child_process').spawn(${CHILD}, { detached: true }).stdout.pipe(process.stdout)`,
  ),
  cjs('exec', `require('child_process').exec(${CHILD}, (error, stdout) => process.stdout.write(stdout))`),
  cjs(
    'execFile',
    `require('child_process').execFile(${CHILD}, (error, stdout) => process.stdout.write(stdout))`,
  ),
  cjs('spawnSync', `process.stdout.write(require('child_process').spawnSync(${CHILD}).stdout)`),
  cjs('execSync', `process.stdout.write(require('child_process').execSync(${CHILD}))`),
  cjs('execFileSync', `process.stdout.write(require('child_process').execFileSync(${CHILD}))`),
  cjs(
    'exec, promisified',
    `require('util').promisify(require('child_process').exec)(${CHILD}).then(({ stdout }) => process.stdout.write(stdout))`,
  ),
  cjs(
    'execFile, promisified',
    `require('util').promisify(require('child_process').execFile)(${CHILD}).then(({ stdout }) => process.stdout.write(stdout))`,
  ),
  cjs(
    'new ChildProcess().spawn',
    `new (require('child_process').ChildProcess)().spawn({
      file: ${CHILD}, args: ['child'], stdio: ['ignore', 'inherit', 'inherit'],
    })`,
  ),
  cjs(
    'fork',
    // The message channel is at 3, and a C program tells the whole truth about what else there is.
    `require('child_process').fork('none', {
      execPath: ${CHILD}, execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })`,
    { designated: [3] },
  ),
  nodeChild('fork, a Node', child => `require('child_process').fork(${child}, { execArgv: [] })`),
  nodeChild(
    'cluster',
    child => `
  const cluster = require('cluster');
  cluster.setupPrimary({ exec: ${child}, execArgv: [] });
  cluster.fork();`,
  ),
  cjs(
    "process.binding('process_wrap')",
    ({ version }) => `
  const { Process } = process.binding('process_wrap');
  const stdio = [{ type: 'ignore' }, { type: 'fd', fd: 1 }, { type: 'fd', fd: 2 }];
  const child = new Process();
  child.onexit = () => child.close();
  ${
    // A newer Node passes eight values where there was an object.
    semver.satisfies(version, '>=24.19 <25 || >=26.4')
      ? `child.spawn(${CHILD}, ['child'], undefined, undefined, stdio, 0, undefined, undefined);`
      : `child.spawn({ file: ${CHILD}, args: ['child'], stdio });`
  }`,
  ),
  cjs(
    "process.binding('spawn_sync')",
    `process.binding('spawn_sync').spawn({
      file: ${CHILD},
      args: ['child'],
      stdio: [{ type: 'ignore' }, { type: 'inherit', fd: 1 }, { type: 'inherit', fd: 2 }],
    })`,
  ),
  cjs('process.execve', `reportMechanism(); process.execve(${CHILD}, ['child'], {})`, {
    range: '>=22.15 <23 || >=23.11',
    unseen: true,
    // Placeholders need a `stdio`, which this route does not have.
    holes: { fallback: [OPENED, INHERITED] },
  }),
];

/** A child that is a Node of its own, without closefds: its child gets what it got. */
function nodeChild(name: string, start: (child: string) => string): Route {
  return {
    name,
    files: setting => {
      const child = path.join(setting.folder, 'child.js');
      return {
        'app.js': openStray(setting) + start(JSON.stringify(child)),
        'child.js': tellByFile(setting),
      };
    },
    output: 'file',
  };
}

function tellByFile(setting: Setting): string {
  return `
  require('fs').writeFileSync(${JSON.stringify(resultFile(setting))}, require('child_process').execFileSync(${CHILD}));
  if (process.connected) process.disconnect();`;
}

/** A worker, from a program whose preload is given in one way or the other. */
function worker(name: string, options: string, more: Partial<Route> = {}): Route {
  return {
    name: `worker, ${name}`,
    files: setting => ({
      'app.js': `${openStray(setting)}
  const { Worker } = require('worker_threads');
  new Worker(${JSON.stringify(path.join(setting.folder, 'worker.js'))}, ${options});`,
      'worker.js': `const { spawn, spawnSync } = require('child_process'); ${START}`,
    }),
    children: 2,
    ...more,
  };
}

const EVAL_AFTER_IMPORT = '>=20.18';

function evalWorker(name: string, options: string, more: Partial<Route> = {}): Route {
  const code = JSON.stringify(`const { spawn, spawnSync } = require('child_process'); ${START}`);
  return cjs(`worker, ${name}`, `new (require('worker_threads').Worker)(${code}, ${options})`, {
    ...BOTH,
    ...more,
  });
}

const WORKERS: readonly Route[] = [
  worker('plain', '{}'),
  worker('plain, NODE_OPTIONS', '{}', byNodeOptions('--require')),
  worker('env: {}', '{ env: {} }'),
  worker('env: {}, NODE_OPTIONS', '{ env: {} }', byNodeOptions('--require')),
  worker('execArgv: []', '{ execArgv: [] }'),
  worker('execArgv: [], NODE_OPTIONS', '{ execArgv: [] }', byNodeOptions('--require')),
  worker('SHARE_ENV', `{ env: require('worker_threads').SHARE_ENV }`),
  evalWorker('eval', '{ eval: true }'),
  // Node runs no --import there. Before 20.18 there is no way to add a preload and lose nothing.
  evalWorker('eval, --import', '{ eval: true }', { ...byImport(), range: EVAL_AFTER_IMPORT }),
  evalWorker('eval, env: {}, --import', '{ eval: true, env: {} }', byImport()),
  evalWorker('eval, execArgv: [], NODE_OPTIONS=--import', '{ eval: true, execArgv: [] }', {
    ...byNodeOptions('--import'),
  }),
  worker('copy of env', '{ env: { ...process.env } }'),
  worker('copy of env, NODE_OPTIONS', '{ env: { ...process.env } }', byNodeOptions('--require')),
  worker('env: {}, beside V8 and process options', '{ env: {} }', {
    command: (setting, program) => ['--expose-gc', '--title=title', ...preload(setting, program)],
  }),
  worker('SHARE_ENV, execArgv: []', `{ env: require('worker_threads').SHARE_ENV, execArgv: [] }`),
  worker('in a worker, env: {}', '{ env: {} }', {
    files: setting => ({
      'app.js': `${openStray(setting)}
  const { Worker } = require('worker_threads');
  new Worker(${JSON.stringify(path.join(setting.folder, 'middle.js'))}, { env: {} });`,
      'middle.js': `
  const { Worker } = require('worker_threads');
  new Worker(${JSON.stringify(path.join(setting.folder, 'worker.js'))}, { env: {} });`,
      'worker.js': `const { spawn, spawnSync } = require('child_process'); ${START}`,
    }),
    ...byNodeOptions('--require'),
  }),
  cjs(
    'worker, ESM',
    `new (require('worker_threads').Worker)(
      new URL('data:text/javascript,' + encodeURIComponent(
        ${JSON.stringify(`import { spawn, spawnSync } from 'node:child_process'; ${START}`)},
      )),
    )`,
    BOTH,
  ),
];

const TEST_RUNNER: readonly Route[] = [
  {
    name: 'node --test',
    files: setting => ({
      'program.test.js': tellByFile(setting),
      // The runner runs no program, and its children get its preloads: they must not guard, and
      // there must not be a second stray.
      'stray.js': `
  if (process.env.IN_RUNNER === undefined) {
    ${openStray(setting)}
    process.env.IN_RUNNER = '1';
    process.env.CLOSEFDS_MODE = 'off';
  }`,
    }),
    command: (setting, program) =>
      preload(setting, '--require', path.join(setting.folder, 'stray.js'), '--test', program),
    output: 'file',
  },
  {
    name: 'node:test run()',
    files: setting => ({
      'app.js': `${openStray(setting)}
  process.env.CLOSEFDS_MODE = 'off'; // for the children
  require('node:test').run({ files: [${JSON.stringify(path.join(setting.folder, 'program.test.js'))}] }).resume();`,
      'program.test.js': tellByFile(setting),
    }),
    output: 'file',
  },
];

const PRELOADS: readonly Route[] = [
  preloaded('--require', ({ register }, program) => ['--require', register, program]),
  preloaded('--import', ({ register }, program) => ['--import', register, program]),
  preloaded('--require twice', ({ register }, program) => ['-r', register, '-r', register, program]),
  preloaded('NODE_OPTIONS=--require', (_, program) => [program], byNodeOptions('--require')),
  preloaded('NODE_OPTIONS=--import', (_, program) => [program], byNodeOptions('--import')),
  preloaded('NODE_OPTIONS and --import', ({ register }, program) => ['--import', register, program], {
    env: byNodeOptions('--require').env,
  }),
  // An earlier preload has the functions already, as live bindings.
  preloaded(
    '--import, after another',
    ({ register, folder }, program) => [
      '--import',
      path.join(folder, 'early.mjs'),
      '--import',
      register,
      program,
    ],
    {
      files: setting => ({
        'app.mjs': `${openStray(setting)} globalThis.start();`,
        'early.mjs': `import { spawn, spawnSync } from 'node:child_process'; globalThis.start = () => { ${START} };`,
      }),
    },
  ),
  preloaded('--env-file', ({ folder }, program) => [`--env-file=${path.join(folder, '.env')}`, program], {
    range: '>=20.6',
  }),
];

function preloaded(
  name: string,
  command: (setting: Setting, program: string) => readonly string[],
  more: Partial<Route> = {},
): Route {
  return {
    name: `preload ${name}`,
    files: setting => ({
      'app.mjs': `import { spawn, spawnSync } from 'node:child_process'; ${openStray(setting)} ${START}`,
      '.env': `NODE_OPTIONS="--require ${setting.register}"\n`,
    }),
    children: 2,
    ...more,
    command,
  };
}

function byNodeOptions(flag: '--require' | '--import') {
  return {
    command: (_: Setting, program: string) => [program],
    env: ({ register }: Setting) => ({ NODE_OPTIONS: `${flag} ${register}` }),
  };
}

function byImport() {
  return { command: ({ register }: Setting, program: string) => ['--import', register, program] };
}

/** The name of the preload from a program's folder; it leads nowhere from another. */
const RELATIVE = './closefds/dist/register/index.js';

/** What Node starts by itself with the preloads of its parent, in another folder. */
const ELSEWHERE: readonly Route[] = [
  elsewhere('fork', child => `require('child_process').fork(${child}, { cwd: '/' });`),
  elsewhere(
    'cluster',
    child => `
  const cluster = require('cluster');
  cluster.setupPrimary({ exec: ${child}, cwd: '/' });
  cluster.fork();`,
  ),
  elsewhere('fork after chdir', child => `process.chdir('/'); require('child_process').fork(${child});`),
  elsewhere(
    'worker after chdir',
    child => `process.chdir('/'); new (require('worker_threads').Worker)(${child});`,
  ),
  elsewhere('fork, NODE_OPTIONS', child => `require('child_process').fork(${child}, { cwd: '/' });`, {
    command: (_, program) => [program],
    env: () => ({ NODE_OPTIONS: `--require ${RELATIVE}` }),
  }),
  {
    name: 'in a deleted folder',
    files: setting => ({
      'app.js': `${openStray(setting)} const { spawn, spawnSync } = require('child_process'); ${START}`,
    }),
    through: ({ folder }) => [
      'sh',
      '-c',
      'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"',
      path.join(folder, 'gone'),
    ],
    children: 2,
  },
];

function elsewhere(name: string, start: (child: string) => string, more: Partial<Route> = {}): Route {
  return {
    name: `elsewhere, ${name}`,
    files: setting => {
      const child = path.join(setting.folder, 'child.js');
      symlinkSync(path.resolve(setting.register, '..', '..', '..'), path.join(setting.folder, 'closefds'));
      return {
        'app.js': start(JSON.stringify(child)),
        'child.js': openStray(setting) + tellByFile(setting),
      };
    },
    command: (_, program) => ['--require', RELATIVE, program],
    output: 'file',
    ...more,
  };
}

/** With --allow-addons, which came after the rest. */
const PERMISSION = '>=20.12 <21 || >=21.6';

const FLAGS: readonly Route[] = [
  flagged('--pending-deprecation', () => ['--pending-deprecation']),
  flagged('--frozen-intrinsics', () => ['--frozen-intrinsics']),
  flagged('--disable-proto=throw', () => ['--disable-proto=throw']),
  flagged('--disable-proto=delete', () => ['--disable-proto=delete']),
  flagged('--permission, addons', setting => [...permission(setting, ['*']), '--allow-addons'], {
    range: PERMISSION,
  }),
  flagged(
    '--permission, addons, few files',
    setting => [...permission(setting, [...ownFiles(setting), ...FILES_OF_MASKS]), '--allow-addons'],
    { range: PERMISSION },
  ),
  flagged('--permission', setting => permission(setting, ['*']), { range: PERMISSION, noAddons: 'masks' }),
  flagged(
    '--permission, few files',
    setting => permission(setting, [...ownFiles(setting), ...FILES_OF_MASKS]),
    { range: PERMISSION, noAddons: 'masks' },
  ),
  flagged('--permission, own files', setting => permission(setting, ownFiles(setting)), {
    range: PERMISSION,
    noAddons: 'nothing',
  }),
];

function flagged(
  name: string,
  flags: (setting: Setting) => readonly string[],
  more: Partial<Route> = {},
): Route {
  return {
    name: `flag ${name}`,
    files: setting => ({
      'app.js': `${more.noAddons ? WATCH : openStray(setting)}
  const { execFileSync, execSync, spawn, spawnSync } = require('child_process');
  process.stdout.write(execFileSync(${CHILD}));
  process.stdout.write(execSync(${CHILD}));
  ${START}`,
    }),
    command: (setting, program) => [...flags(setting), ...preload(setting, program)],
    children: 4,
    ...more,
  };
}

function permission({ version }: Setting, files: readonly string[]): string[] {
  const flag = semver.gte(version, '22.13.0') ? '--permission' : '--experimental-permission';
  return [flag, ...files.map(file => `--allow-fs-read=${file}`), '--allow-child-process'];
}

/** The program's and the package's. */
function ownFiles({ folder, register }: Setting): string[] {
  return [...new Set([folder, ROOT, path.resolve(register, '..', '..', '..')])].map(root => `${root}/*`);
}

/** What the fallback guard reads to find strays and to put something over them. */
const FILES_OF_MASKS = ['/proc/self/*'];

function preload({ register }: Setting, ...rest: readonly string[]): string[] {
  return ['--require', register, ...rest];
}

export const ROUTES: readonly Route[] = [
  ...MODULE_SYSTEM,
  ...PROGRAM_TEXT,
  ...FUNCTIONS,
  ...WORKERS,
  ...TEST_RUNNER,
  ...PRELOADS,
  ...ELSEWHERE,
  ...FLAGS,
];

// ---------------------------------------------------------------------------------------------
// Running one
// ---------------------------------------------------------------------------------------------

export type RouteMode = 'off' | 'enforce';

export interface Node {
  readonly binary: string;
  readonly version: string;
}

export interface Observation {
  /** What each child had. */
  readonly children: readonly (readonly ChildFd[])[];
  /** How strays were kept from it, and how processes were made; see src/strays/stray-guard.ts. */
  readonly mechanism: readonly [way: string | null, spawning: string | null] | undefined;
  /** What closefds itself failed at. */
  readonly complaints: readonly string[];
}

/** What is known to get through, in one way of the guard; undefined if nothing is. */
export function holeOf(route: Route, way: WayOfGuard): readonly number[] | undefined {
  if (route.noAddons === 'nothing') return [INHERITED];
  return route.holes?.[way.name];
}

/** Why a route cannot be run on a Node; undefined if it can. */
export function reasonToSkip(route: Route, { version }: Node): string | undefined {
  if (route.range === undefined || semver.satisfies(version, route.range)) return undefined;
  return `${route.name} needs Node ${route.range}`;
}

export function expectation(route: Route, way: WayOfGuard, mode: RouteMode): Observation {
  const { children = 1, designated = [], noAddons } = route;
  const strays = noAddons ? [INHERITED] : [OPENED, INHERITED];
  const guard = noAddons ?? (way.name === 'fallback' ? 'masks' : 'marks');
  const arriving = mode === 'off' ? strays : (holeOf(route, way) ?? []);
  const masked = mode !== 'off' && guard === 'masks' ? strays.filter(fd => !arriving.includes(fd)) : [];
  const seen = guard === 'marks' && !route.unseen;
  const spawning = way.name === 'fork' ? 'fork' : 'other';

  return {
    children: Array.from({ length: children }, () => [
      0,
      1,
      2,
      ...designated,
      ...arriving,
      ...masked.map(fd => `${fd} placeholder`),
    ]),
    mechanism: mode === 'off' ? [null, null] : [WAY_NAMES[guard], seen ? spawning : 'unknown'],
    complaints: [],
  };
}

const WAY_NAMES = { marks: 'close_range', masks: 'mask', nothing: 'nothing' } as const;

/** Runs a route's program; throws, with all that it printed, where that is not to be understood. */
export async function observe(
  route: Route,
  node: Node,
  way: WayOfGuard,
  mode: RouteMode,
): Promise<Observation> {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'closefds-route-')));
  try {
    const setting = { folder, register: way.register(), version: node.version };
    const program = write(folder, route.files?.(setting) ?? {});
    const args = route.command?.(setting, program) ?? preload(setting, program);
    // A route that hangs must not take the others with it.
    const command = [
      'timeout',
      '60',
      ...inheriting(INHERITED, path.join(folder, 'inherited')),
      ...(route.through?.(setting) ?? []),
      node.binary,
      ...args,
    ];
    const result = await runCommand(command, {
      env: { ...WITHOUT_COVERAGE, ...way.env, ...route.env?.(setting), CLOSEFDS_MODE: mode },
      cwd: folder,
      input: route.input?.(setting) ?? '',
    });
    return read(result, route.output === 'file' ? resultFile(setting) : undefined);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function read(result: RunResult, file: string | undefined): Observation {
  const text = file === undefined ? result.stdout : existsSync(file) ? readFileSync(file, 'utf8') : '';
  const mechanism = /^mechanism (.*)$/m.exec(result.stderr)?.[1];
  try {
    if (result.code !== 0) throw new Error(`it ended with ${result.signal ?? result.code}`);
    return {
      children: text
        .trim()
        .split('\n')
        .map(line => JSON.parse(line)),
      mechanism: mechanism === undefined ? undefined : JSON.parse(mechanism),
      complaints: result.stderr.match(/.*CLOSEFDS_INTERNAL_ERROR.*/g) ?? [],
    };
  } catch (error) {
    const printed = `its output:\n${text}\nstdout:\n${result.stdout}\nstderr:\n${result.stderr}`;
    throw new Error(`the program failed: ${(error as Error).message}\n${printed}`, { cause: error });
  }
}

/** Runs at most `most` pieces of work at a time. */
export function limited(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async work => {
    if (running >= most) await new Promise<void>(resolve => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The place goes to the next in line, or becomes free.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
