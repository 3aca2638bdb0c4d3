// Programs under the deep guard, and the addons that make processes natively.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { temporaryFolder } from './programs';
import { LIST_FDS, REGISTER, ROOT, type RunResult, run, tool } from './run';

/** How an object can hold its imports; scripts/build/test-tools.mjs. */
export const LINKINGS = ['lazy', 'norelro', 'noplt'] as const;
export type Linking = (typeof LINKINGS)[number];

export const addonOf = (linking: Linking): string => tool(`native-${linking}.node`);
export const NO_FDS: string = tool('no-fds');
export const STRAY = 77;

/** The ways in which an atfork handler runs, so that the child is guarded without `deep`, too. */
export const BY_FORK = [
  'fork and execv',
  'fork and execve',
  'fork and execvp',
  'fork and execvpe',
  'fork and execl',
  'fork and execlp',
  'fork and execle',
  'fork and fexecve',
  'forkpty',
];

/** Those in which none runs. */
export const BY_OTHERS = [
  '_Fork',
  'vfork and execve',
  'vfork and execlp',
  'clone',
  'clone as vfork',
  'posix_spawn',
  'posix_spawnp',
  'posix_spawn with actions',
  'posix_spawn by dlsym',
  'posix_spawn by a kept pointer',
  'system',
  'popen',
  'popen by dlsym',
  'system in a library of its own',
];

export interface Made {
  readonly status: number;
  /** From 3 up. */
  readonly fds: readonly number[];
}

export interface DeepRun {
  readonly env?: Readonly<Record<string, string>>;
  readonly linking?: Linking;
  readonly ways?: readonly string[];
  readonly through?: readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly addon?: string;
  readonly folder?: string;
}

const PROGRAM = path.join(ROOT, 'test', 'fixtures', 'deep', 'make-all.js');

/** Runs the fixture that makes a process in each way. */
export function runMakeAll(t: ExecutionContext, given: DeepRun = {}): Promise<RunResult> {
  const {
    env,
    linking = 'lazy',
    ways = [],
    through,
    nodeArgs = ['--require', REGISTER],
    addon = addonOf(linking),
  } = given;
  const folder = given.folder ?? temporaryFolder(t);
  mkdirSync(folder, { recursive: true });
  return run(PROGRAM, {
    nodeArgs,
    args: [addon, LIST_FDS, folder, String(STRAY), ...ways],
    env: { CLOSEFDS_DEEP: '1', NODE_NO_WARNINGS: '1', ...env },
    cwd: folder,
    ...(through !== undefined && { through }),
  });
}

/** What each process had. Fails the test if the program failed. */
export async function makeAll(t: ExecutionContext, given: DeepRun = {}): Promise<Record<string, Made>> {
  const { code, signal, stdout, stderr } = await runMakeAll(t, given);
  if (code !== 0) t.fail(`exit code ${code}, signal ${signal}\n${stdout}\n${stderr}`);
  return JSON.parse(stdout) as Record<string, Made>;
}

/** The expectation that all of these ways give the process these FDs. */
export function each(ways: readonly string[], fds: readonly number[]): Record<string, Made> {
  return Object.fromEntries(ways.map(way => [way, { status: 0, fds }]));
}
