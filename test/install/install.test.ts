// The tarball, installed by each package manager in an empty folder, and run by each Node.
//
// Installed without scripts, run without network, and neither finds more on its PATH than Node and
// a shell: no compiler, no Python. Slow, so `npm run verify:install` runs these.

import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { command } from '../support/installs';
import { addWithYarn, installManager, PNPM, YARN_CLASSIC } from '../support/managers';
import { temporaryFolder, write } from '../support/programs';
import { inheriting, LIST_FDS, ROOT, runCommand } from '../support/run';
import { pack } from '../support/tarball';

interface Context {
  readonly tarball: string;
  readonly nodes: readonly (readonly [version: string, binary: string])[];
}

const test = anyTest as TestFn<Context>;

test.before(async t => {
  const tarball = await pack();
  const listed = await command(ROOT, process.execPath, [path.join('scripts', 'verify', 'fetch-nodes.mjs')]);
  const nodes = listed.split('\n').map(line => line.split('\t') as [string, string]);
  Object.assign(t.context, { tarball, nodes });
});

const PROGRAM = `
  const { spawnSync } = require('node:child_process');
  const { strayGuard } = globalThis[Symbol.for('closefds.installed')] ?? {};
  const { stdout } = spawnSync(process.argv[2], ['1', '1000']);
  console.log(process.version, strayGuard?.way(), String(stdout).trim());
`;

/** What a manager made of an empty folder with this package in it. */
interface App {
  readonly folder: string;
  /** Arguments of Node without which no package is found. */
  readonly require?: readonly string[];
  readonly import?: readonly string[];
}

interface Manager {
  readonly name: string;
  readonly install: (t: ExecutionContext<Context>, folder: string) => Promise<App>;
}

const MANAGERS: readonly Manager[] = [
  {
    name: 'npm',
    async install(t, folder) {
      const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', t.context.tarball];
      await command(folder, 'npm', args);
      return { folder };
    },
  },
  {
    name: 'pnpm',
    async install(t, folder) {
      const pnpm = await installManager(path.dirname(folder), PNPM, 'pnpm/bin/pnpm.cjs');
      const args = ['add', '--ignore-scripts', `--store-dir=${folder}/../store`, t.context.tarball];
      await command(folder, process.execPath, [pnpm, ...args], bare(t));
      return { folder };
    },
  },
  {
    name: 'Yarn 1',
    async install(t, folder) {
      const yarn = await installManager(path.dirname(folder), YARN_CLASSIC, 'yarn/bin/yarn.js');
      const registry = await command(folder, 'npm', ['config', 'get', 'registry']);
      const args = ['add', '--ignore-scripts', '--registry', registry, `file:${t.context.tarball}`];
      await command(folder, process.execPath, [yarn, ...args], bare(t));
      return { folder };
    },
  },
  {
    name: 'Yarn 4, node-modules',
    async install(t, folder) {
      await addWithYarn(folder, 'node-modules', t.context.tarball, bare(t));
      return { folder };
    },
  },
  {
    name: "Yarn 4, Plug'n'Play",
    async install(t, folder) {
      await addWithYarn(folder, 'pnp', t.context.tarball, bare(t));
      const hook = ['--require', path.join(folder, '.pnp.cjs')];
      const loader = path.join(folder, '.pnp.loader.mjs');
      return { folder, require: hook, import: [...hook, '--no-warnings', '--loader', loader] };
    },
  },
];

for (const { name, install } of MANAGERS) {
  test(name, async t => {
    const folder = path.join(temporaryFolder(t), 'app');
    write(folder, {
      'package.json': '{ "name": "app", "version": "1.0.0" }',
      'app.cjs': PROGRAM,
    });
    const app = await install(t, folder);
    for (const [version, node] of t.context.nodes) {
      const run = runner(t, folder, node);
      t.is(await run([], { mode: 'off' }), `v${version} undefined [0,1,2,200]`);
      const required = [...(app.require ?? []), '--require', 'closefds/register'];
      t.is(await run(required), `v${version} close_range [0,1,2]`);
      const imported = [...(app.import ?? []), '--import', 'closefds/register'];
      t.is(await run(imported), `v${version} close_range [0,1,2]`);
      t.is(await run(required, { mode: 'off' }), `v${version} undefined [0,1,2,200]`);
    }
  });
}

test('the command line, as npm links it', async t => {
  const folder = path.join(temporaryFolder(t), 'app');
  write(folder, { 'package.json': '{ "name": "app", "version": "1.0.0" }' });
  await MANAGERS[0]?.install(t, folder);
  const program = path.join(folder, 'node_modules', '.bin', 'closefds');
  for (const [version, node] of t.context.nodes) {
    const { stdout, stderr, code } = await runCommand([...offline(t), program, 'doctor', '--format=json'], {
      cwd: folder,
      env: bare(t, node),
    });
    t.is(code, 0, `${version}: ${stdout}${stderr}`);
    const { selfTest } = JSON.parse(stdout);
    t.deepEqual(selfTest, {
      holds: true,
      without: 'arrived',
      with: 'closed',
      way: 'close_range',
      spawning: 'fork',
    });
  }
});

/** Runs the app's program with an FD that Node inherits and does not mark; returns what it printed. */
function runner(t: ExecutionContext<Context>, folder: string, node: string) {
  return async (nodeArgs: readonly string[], { mode = 'enforce' } = {}): Promise<string> => {
    const env = { ...bare(t, node), CLOSEFDS_MODE: mode, NODE_NO_WARNINGS: '1' };
    const setting = ['/usr/bin/env', ...Object.entries(env).map(pair => pair.join('='))];
    const through = [...offline(t), ...inheriting(200, '/dev/null'), ...setting];
    const program = [node, ...nodeArgs, path.join(folder, 'app.cjs'), LIST_FDS];
    const { stdout, stderr } = await runCommand([...through, ...program], { cwd: folder });
    return (stdout + stderr).trim();
  };
}

/** An environment whose PATH has a Node and a shell and nothing else. */
function bare(t: ExecutionContext<Context>, node: string = process.execPath): Record<string, string> {
  const folder = path.join(temporaryFolder(t), 'bin');
  mkdirSync(folder);
  symlinkSync(node, path.join(folder, 'node'));
  symlinkSync('/bin/sh', path.join(folder, 'sh'));
  return { PATH: folder };
}

/** A command that runs another without network; says so where that is not possible. */
function offline(t: ExecutionContext<Context>): readonly string[] {
  const ways = [
    ['/usr/bin/unshare', '--net'],
    ['/usr/bin/unshare', '--map-root-user', '--net'],
  ];
  const way = ways.find(([file = '', ...args]) => spawnSync(file, [...args, 'true']).status === 0);
  if (way === undefined) t.log('not without network: unshare(1) is missing or not allowed here');
  return way ?? [];
}
