// Loads the installed closefds in place of a copy that a bundler put into a program.
//
// A bundle has neither the addon nor the files that closefds reads when it needs them. In a bundle of modules
// there may be no `require` for Node's own modules either, so they come from process.getBuiltinModule().

import type * as Fs from 'node:fs';
import type * as NodeModule from 'node:module';
import type * as WorkerThreads from 'node:worker_threads';

import type { Mode } from '../policy/rule';
import type { Installed } from './installed';

/** Loads the preload of the same name from where closefds is installed; ends the process if it is not. */
function loadInstalled(entryMode?: Mode): void {
  const name = entryMode === undefined ? 'closefds/register' : `closefds/register/${entryMode}`;
  const load = findLoader(name);
  if (load === undefined) refuse();
  else load(name);
}

type Loader = (name: string) => unknown;

function findLoader(name: string): Loader | undefined {
  for (const file of places()) {
    try {
      const load = NODE.module().createRequire(file);
      load.resolve(name);
      return load;
    } catch {
      // It is not installed there, or Node has no way to give its modules to a bundle.
    }
  }
  return undefined;
}

/** Files from which the name is looked up: in a copy that is loaded already, the bundle, the program. */
function places(): string[] {
  const before = (globalThis as { [key: symbol]: Installed | undefined })[Symbol.for('closefds.installed')];
  const bundle = typeof __filename === 'string' ? __filename : undefined;
  const [, script] = process.argv;
  const files = [before && `${before.copy}/package.json`, bundle, script, script && realPath(script)];
  return files.filter(file => file !== undefined);
}

/** A program may be started by a link, such as those in node_modules/.bin. */
function realPath(file: string): string | undefined {
  try {
    return NODE.fs().realpathSync(file);
  } catch {
    return undefined;
  }
}

/** Bundlers need the names as texts. The second way throws in a bundle of modules before Node 20.16. */
const NODE = {
  fs: () => process.getBuiltinModule?.('fs') ?? (require('node:fs') as typeof Fs),
  module: () => process.getBuiltinModule?.('module') ?? (require('node:module') as typeof NodeModule),
  threads: () =>
    process.getBuiltinModule?.('worker_threads') ?? (require('node:worker_threads') as typeof WorkerThreads),
};

function refuse(): never {
  const bundle = process.argv[1] ?? 'this program';
  const what = `${bundle} has closefds bundled in, which works only as an installed package, since it has an addon: run "npm install closefds" beside the bundle, and write it as external (esbuild --external:closefds); see docs/getting-started.md in the package.`;
  if (!isMainThread()) throw new Error(what);
  process.stderr.write(`closefds: ${what}\nThe process was not started.\n`);
  process.exit(1);
}

function isMainThread(): boolean {
  try {
    return NODE.threads().isMainThread;
  } catch {
    return true;
  }
}

/** The build script puts this file in the place of src/preload/install.ts, so it exports the same name. */
export { loadInstalled as install };
