// A preload that was given by name reaches what starts in another folder, where the name means nothing.
//
// The same program runs with our preload by name and by its absolute path: what its children see has to be equal.

import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, run } from '../support/run';

const NODE = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;
const PROGRAM = path.join(ROOT, 'test', 'fixtures', 'start-children.js');
const preloadFile = (name: string) => path.join(ROOT, 'dist', 'register', `${name}.js`);

interface Preloading {
  readonly title: string;
  readonly nodeArgs?: (name: string) => readonly string[];
  readonly options?: (name: string) => string;
  /** What the app calls the preload. Default: closefds/register. */
  readonly name?: string;
  /** Which one that is. Default: index. */
  readonly entry?: 'warn' | 'strict';
  readonly isImport?: boolean;
}

const RELATIVE = './node_modules/closefds/dist/register/index.js';

const PRELOADINGS: readonly Preloading[] = [
  { title: '--require NAME', nodeArgs: name => ['--require', name] },
  { title: '--require=NAME', nodeArgs: name => [`--require=${name}`] },
  { title: '-r NAME', nodeArgs: name => ['-r', name] },
  { title: '--import NAME', nodeArgs: name => ['--import', name], isImport: true },
  { title: '--import=NAME', nodeArgs: name => [`--import=${name}`], isImport: true },
  { title: '--require, a relative path', nodeArgs: name => ['--require', name], name: RELATIVE },
  {
    title: '--import, a relative path',
    nodeArgs: name => ['--import', name],
    name: RELATIVE,
    isImport: true,
  },
  {
    title: 'the preload for warn',
    nodeArgs: name => ['-r', name],
    name: 'closefds/register/warn',
    entry: 'warn',
  },
  {
    title: 'the preload for strict',
    nodeArgs: name => ['-r', name],
    name: 'closefds/register/strict',
    entry: 'strict',
  },
  {
    title: '--require beside options of V8, of the process and of the thread',
    nodeArgs: name => ['--expose-gc', '--title=a, b', '--no-warnings', '--require', name],
  },
  { title: '--require twice', nodeArgs: name => ['-r', name, '--no-warnings', '-r', name] },
  { title: 'NODE_OPTIONS=--require NAME', options: name => `--require ${name}` },
  {
    title: 'NODE_OPTIONS=--require=NAME',
    options: name => `--no-warnings --require=${name} --no-deprecation`,
  },
  { title: 'NODE_OPTIONS=-r NAME, quoted', options: name => ` -r  ${JSON.stringify(name)} ` },
  { title: 'NODE_OPTIONS=--import NAME', options: name => `--import ${name}`, isImport: true },
  {
    title: 'NODE_OPTIONS and --require',
    nodeArgs: name => ['--require', name],
    options: name => `-r ${name}`,
  },
];

for (const preloading of PRELOADINGS) {
  test(`${preloading.title}: what starts elsewhere gets the preload as by its absolute path`, async t => {
    await sameByName(t, preloading, {});
  });
}

for (const mode of ['off', 'warn', 'strict']) {
  test(`mode ${mode}: what starts elsewhere starts`, async t => {
    await sameByName(t, { title: '', nodeArgs: name => ['--require', name] }, { CLOSEFDS_MODE: mode });
  });
}

test('mode off, NODE_OPTIONS: what starts elsewhere starts', async t => {
  await sameByName(t, { title: '', options: name => `--require ${name}` }, { CLOSEFDS_MODE: 'off' });
});

test('the program starts the same children without closefds', async t => {
  const app = installedApp(t);
  const preloading = { title: '', nodeArgs: (name: string) => ['--require', name] };
  const bare = await childrenWith(t, app, preloading, write(app, { 'empty.js': '' }), {});
  const guarded = await childrenWith(t, app, preloading, 'closefds/register', {});
  t.deepEqual(names(bare), names(guarded));
  t.deepEqual(
    bare.filter(child => child.mode !== undefined || child.execArgv === undefined),
    [],
  );
});

/** Runs with the name and with the absolute path. */
async function sameByName(t: ExecutionContext, preloading: Preloading, env: Record<string, string>) {
  const { name = 'closefds/register', entry, isImport } = preloading;
  const app = installedApp(t);
  const file = preloadFile(entry ?? 'index');
  const absolute = isImport ? pathToFileURL(file).href : file;
  const byName = await childrenWith(t, app, preloading, name, env);
  const byPath = await childrenWith(t, app, preloading, absolute, env);

  // The text of NODE_OPTIONS keeps quotes that a path does not need only where they were written.
  const unquoted = (children: readonly Child[]) =>
    children.map(child => ({ ...child, options: child.options?.replaceAll('"', '') }));
  // Which workers have closefds is not the same: one that is helped to start always does.
  const seen = (children: readonly Child[]) =>
    unquoted(children).map(child => ({ ...child, mode: undefined }));
  t.deepEqual(seen(byName), seen(byPath));
  if (env.CLOSEFDS_MODE === 'off') return;
  const mode = env.CLOSEFDS_MODE ?? entry ?? 'enforce';
  t.deepEqual(
    byName.filter(child => child.mode !== mode).map(child => child.name),
    preloading.options === undefined ? OWN_COMMAND_LINE : [],
  );
}

/** Children that never had the command line of their parent. */
const OWN_COMMAND_LINE = ['fork, cwd, execArgv of its own', 'spawn, cwd'];

interface Child {
  readonly name: string;
  readonly mode?: string;
  readonly error?: string;
  readonly code?: number;
  readonly execArgv?: readonly string[];
  readonly options?: string;
}

const names = (children: readonly Child[]) => children.map(child => child.name);

async function childrenWith(
  t: ExecutionContext,
  app: string,
  { nodeArgs = () => [], options }: Preloading,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Child[]> {
  const { code, stdout, stderr } = await run(PROGRAM, {
    node: NODE,
    nodeArgs: nodeArgs(name),
    args: [path.join(app, '..', 'elsewhere')],
    cwd: app,
    env: { ...env, ...(options && { NODE_OPTIONS: options(name) }) },
  });
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Child);
}

/** A folder with closefds in its node_modules, and one beside it from which the name is not found. */
function installedApp(t: ExecutionContext): string {
  const app = path.join(temporaryFolder(t), 'app');
  mkdirSync(path.join(app, 'node_modules'), { recursive: true });
  symlinkSync(ROOT, path.join(app, 'node_modules', 'closefds'));
  mkdirSync(path.join(app, '..', 'elsewhere'));
  return app;
}
