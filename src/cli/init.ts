// closefds init: writes a config for a project, and prints the commands to begin with.

import fs from 'node:fs';
import path from 'node:path';
import { readArguments } from './parse-args';
import { UsageError } from './usage-error';

const usage = `closefds init

Writes closefds.json with mode warn for the project in the current folder. Then prints the next
three commands, which depend on the package manager, the start script, and whether the project is
ESM. Asks no questions, and changes no existing file.

  closefds init
`;

export const init = { summary: 'write a config, and print the commands to begin with', usage, main };

interface ProjectManifest {
  readonly type?: unknown;
  readonly main?: unknown;
  readonly packageManager?: unknown;
  readonly closefds?: unknown;
  readonly scripts?: Readonly<Record<string, unknown>>;
}

const CONFIG = {
  $schema: './node_modules/closefds/config.schema.json',
  mode: 'warn',
  rules: [],
};

async function main(args: readonly string[]): Promise<number> {
  const { positionals } = readArguments(args, {});
  if (positionals.length > 0) throw new UsageError(`expected no argument, found "${positionals[0]}"`);
  const folder = process.cwd();
  const manifest = readManifest(path.join(folder, 'package.json'));
  if (manifest.closefds !== undefined)
    throw new UsageError('expected no config, found the key "closefds" in package.json');
  writeConfig(path.join(folder, 'closefds.json'));

  const manager = managerOf(folder, manifest);
  process.stdout.write(
    [
      'closefds.json was written, with mode warn: nothing is closed.',
      '',
      'See which FDs the children of the app use, turn these into rules, then enforce:',
      '',
      ...commandsFor(manager, manifest).map(command => `  ${command}`),
      '',
    ].join('\n'),
  );
  return 0;
}

/** Throws UsageError: without a package.json, the folder is no project. */
function readManifest(file: string): ProjectManifest {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UsageError('expected a package.json in the current folder, found none');
    throw new UsageError(`package.json cannot be read: ${message}`);
  }
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) return json;
  } catch {
    // As below.
  }
  throw new UsageError('expected an object of JSON in package.json, found something else');
}

function writeConfig(file: string): void {
  try {
    fs.writeFileSync(file, `${JSON.stringify(CONFIG, null, 2)}\n`, { flag: 'wx' });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (isThere) throw new UsageError('expected no config, found closefds.json');
    // main.ts has the words for the other errors.
    throw error;
  }
}

// ---------------------------------------------------------------------------------------------
// The commands
// ---------------------------------------------------------------------------------------------

interface Manager {
  readonly name: string;
  /** Runs a program of an installed package. */
  readonly exec: string;
  /** Starts Node: with Plug'n'Play, only Yarn finds packages. */
  readonly node: string;
}

const MANAGERS: readonly (Manager & { readonly lock: string })[] = [
  { name: 'pnpm', lock: 'pnpm-lock.yaml', exec: 'pnpm exec closefds', node: 'node' },
  { name: 'yarn', lock: 'yarn.lock', exec: 'yarn closefds', node: 'yarn node' },
  { name: 'bun', lock: 'bun.lock', exec: 'bunx closefds', node: 'node' },
  { name: 'npm', lock: 'package-lock.json', exec: 'npx closefds', node: 'node' },
];

/** The manager that package.json names, or whose lock file is in the folder or above it, as in a workspace. */
function managerOf(start: string, { packageManager }: ProjectManifest): Manager {
  const [, named] = /^(\w+)@/.exec(String(packageManager)) ?? [];
  const byName = MANAGERS.find(({ name }) => name === named);
  if (byName !== undefined) return byName;
  for (let folder = start; ; folder = path.dirname(folder)) {
    const found = MANAGERS.find(({ lock }) => fs.existsSync(path.join(folder, lock)));
    if (found !== undefined) return found;
    if (path.dirname(folder) === folder) return MANAGERS.at(-1) as Manager;
  }
}

const REPORT = 'findings.ndjson';

function commandsFor(manager: Manager, manifest: ProjectManifest): string[] {
  const { exec, name } = manager;
  const start = manifest.scripts?.start;
  const node = nodeCommand(typeof start === 'string' ? start : undefined, manifest);
  const watched = typeof start === 'string' || node === undefined ? `${name} start` : `node ${node}`;
  const flag = manifest.type === 'module' ? '--import' : '--require';
  const enforced =
    node === undefined
      ? `${exec} run --mode enforce -- ${watched}`
      : `CLOSEFDS_MODE=enforce ${manager.node} ${flag} closefds/register ${node}`;
  return [`${exec} audit --report ${REPORT} -- ${watched}`, `${exec} learn --write ${REPORT}`, enforced];
}

/** What follows `node` in the start script, or the main file; undefined if the script is more than one call of Node. */
function nodeCommand(start: string | undefined, { main }: ProjectManifest): string | undefined {
  if (start === undefined) return typeof main === 'string' ? main : 'index.js';
  return /^node\s+([^;&|<>$`]+)$/.exec(start.trim())?.[1];
}
