// An app with real dependencies, installed by a real package manager, and whom it should name.

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { fullCallers } from './callers';
import { write } from './programs';
import type { RunOptions } from './run';

const execFileAsync = promisify(execFile);

const LAUNCHERS = { 'cross-spawn': '7.0.6', execa: '9.6.0', 'nano-spawn': '1.0.3', tinyexec: '1.0.1' };

const GO = `exports.go = function go() { require('node:child_process').spawnSync('true'); };`;

const LOCAL: Readonly<Record<string, { source: string; manifest?: object }>> = {
  spawner: { source: GO },
  // What has peers gets a place of its own in pnpm's store, and a virtual path with Yarn.
  peering: { source: `require('spawner'); ${GO}`, manifest: { peerDependencies: { spawner: '*' } } },
  launching: {
    source: `exports.go = function go() { require('cross-spawn').sync('true'); };`,
    manifest: { dependencies: { 'cross-spawn': LAUNCHERS['cross-spawn'] } },
  },
  old: { source: GO },
};

const APP = [
  `import spawner from 'spawner'; import peering from 'peering'; import launching from 'launching'; import renamed from 'renamed'; import w from 'w';`,
  `import crossSpawn from 'cross-spawn'; import { execa } from 'execa'; import nanoSpawn from 'nano-spawn'; import { x } from 'tinyexec';`,
  `spawner.go();`,
  `peering.go();`,
  `launching.go();`,
  `renamed.go();`,
  `w.go();`,
  `crossSpawn.sync('true');`,
  `await execa('true');`,
  `await nanoSpawn('true');`,
  `await x('true');`,
];

/** Callers of the app's spawns, in order. Where a manager keeps a package is left out. */
const EXPECTED = [
  { name: 'spawner', version: '1.0.0', fileInPackage: 'index.js', line: 1, function: 'go', launchers: [] },
  { name: 'peering', version: '1.0.0', fileInPackage: 'index.js', line: 1, function: 'go', launchers: [] },
  {
    name: 'launching',
    version: '1.0.0',
    fileInPackage: 'index.js',
    line: 1,
    function: 'go',
    launchers: ['cross-spawn'],
  },
  {
    name: 'renamed',
    version: '1.0.0',
    declaredName: 'old',
    fileInPackage: 'index.js',
    line: 1,
    function: 'go',
    launchers: [],
  },
  { name: '.', fileInPackage: 'packages/w/index.js', line: 1, function: 'go', launchers: [] },
  { name: '.', fileInPackage: 'app.mjs', line: 8, launchers: ['cross-spawn'] },
  { name: '.', fileInPackage: 'app.mjs', line: 9, launchers: ['execa'] },
  { name: '.', fileInPackage: 'app.mjs', line: 10, launchers: ['nano-spawn'] },
  { name: '.', fileInPackage: 'app.mjs', line: 11, launchers: ['tinyexec'] },
];

/** Writes the app, not installed yet; `workspace` is how the manager wants the workspace asked for. */
export async function writeApp(folder: string, workspace: string): Promise<void> {
  const tarballs = await packLocal(folder);
  const manifest = {
    name: 'app',
    version: '0.0.0',
    private: true,
    workspaces: ['packages/*'],
    dependencies: {
      ...LAUNCHERS,
      spawner: tarballs.spawner,
      peering: tarballs.peering,
      launching: tarballs.launching,
      renamed: tarballs.old,
      w: workspace,
    },
  };
  write(folder, {
    'package.json': JSON.stringify(manifest),
    'app.mjs': APP.join('\n'),
    'packages/w/package.json': '{"name": "w", "version": "0.0.0"}',
    'packages/w/index.js': GO,
  });
}

async function packLocal(folder: string): Promise<Record<string, string>> {
  const packed: Record<string, string> = {};
  for (const [name, { source, manifest }] of Object.entries(LOCAL)) {
    write(folder, {
      [`tarballs/${name}/package/package.json`]: JSON.stringify({ name, version: '1.0.0', ...manifest }),
      [`tarballs/${name}/package/index.js`]: source,
    });
    const tarball = `tarballs/${name}.tgz`;
    await command(folder, 'tar', ['-czf', tarball, '-C', `tarballs/${name}`, 'package']);
    packed[name] = `file:./${tarball}`;
  }
  return packed;
}

/** Runs a manager; rejects with what it printed. */
export async function command(
  cwd: string,
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await execFileAsync(file, args, { cwd, env: { ...process.env, ...env } }).catch(
    error => {
      throw new Error(`${file} ${args.join(' ')} failed:\n${error.stdout}\n${error.stderr}`);
    },
  );
  return stdout.trim();
}

/** Stores keep a package in a folder with its true name: an alias is only a link to that. */
const EXPECTED_OF_STORE = EXPECTED.map(({ declaredName, ...rest }) =>
  declaredName === undefined ? rest : { ...rest, name: declaredName },
);

export interface NamesOptions extends RunOptions {
  readonly store?: boolean;
}

/** Runs the installed app and asserts that everybody got the right name. */
export async function assertNames(
  t: ExecutionContext,
  folder: string,
  { store = false, ...options }: NamesOptions = {},
): Promise<void> {
  const launchers = Object.keys(LAUNCHERS);
  const found = await fullCallers(t, folder, path.join(folder, 'app.mjs'), { ...options, launchers });
  const withoutPlaces = found.map(caller => {
    const { file: _file, column: _column, callee: _callee, ...rest } = caller ?? {};
    return rest;
  });
  t.deepEqual(withoutPlaces as object[], store ? EXPECTED_OF_STORE : EXPECTED);
}
