// Runs a fixture program and tells whom the finder named for each of its spawns.

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Caller } from '../../src/model/caller';
import { ROOT, type RunOptions, run } from './run';

/** To run these on another Node than the one that runs AVA, which needs a recent one. */
export const NODE: string = process.env.TEST_NODE ?? process.execPath;
export const NODE_MAJOR: number = Number(
  execFileSync(NODE, ['-p', 'process.versions.node'], { encoding: 'utf8' }).split('.')[0],
);

const PROBE = path.join(ROOT, 'dist', 'test', 'support', 'caller-probe.js');

/** What tells callers apart; paths below the fixture's folder are given relative to it. */
export interface Named {
  readonly name: string;
  readonly version: string | null;
  readonly declaredName: string | null;
  readonly file: string | null;
  readonly line: number | null;
  readonly function: string | null;
  readonly launchers: readonly string[];
}

export interface CallersOptions extends RunOptions {
  readonly launchers?: readonly string[];
  /** Whether the packages that called the caller are wanted. Default: no. */
  readonly isOutward?: boolean;
}

/** The callers in the order of the spawns; null for one that could not be named. */
export async function callers(
  t: ExecutionContext,
  folder: string,
  program: string,
  options: CallersOptions = {},
): Promise<(Named | null)[]> {
  return (await fullCallers(t, folder, program, options)).map(caller => caller && toNamed(caller, folder));
}

/** The same with all that a caller has. */
export async function fullCallers(
  t: ExecutionContext,
  folder: string,
  program: string,
  { launchers = [], isOutward = false, nodeArgs = [], env = {}, ...options }: CallersOptions = {},
): Promise<(Caller | null)[]> {
  const out = path.join(folder, 'callers.jsonl');
  rmSync(out, { force: true });
  const result = await run(program, {
    node: NODE,
    cwd: folder,
    ...options,
    nodeArgs: ['--require', PROBE, ...nodeArgs],
    env: { ...env, CALLER_PROBE: JSON.stringify({ out, appRoot: folder, launchers, isOutward }) },
  });
  if (result.code !== 0) t.log(result.stderr);
  t.is(result.code, 0);
  return readFileSync(out, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Caller | null);
}

function toNamed(caller: Caller, folder: string): Named {
  const { file } = caller;
  const inside = file?.startsWith(folder + path.sep) ? path.relative(folder, file) : file;
  return {
    name: caller.name,
    version: caller.version ?? null,
    declaredName: caller.declaredName ?? null,
    file: inside ?? null,
    line: caller.line ?? null,
    function: caller.function ?? null,
    launchers: caller.launchers,
  };
}

/** An expected caller: the app at the top of app.js, but for what is given. */
export function named(given: Partial<Named> = {}): Named {
  return {
    name: '.',
    version: null,
    declaredName: null,
    file: 'app.js',
    line: 1,
    function: null,
    launchers: [],
    ...given,
  };
}
