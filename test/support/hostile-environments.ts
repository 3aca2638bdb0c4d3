// Worlds that are worse than usual: system calls refused, /proc missing or forged, no files left.

import { spawnSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import semver from 'semver';
import { temporaryFolder, write } from './programs';
import { LEAK, LIST_FDS, preloading, type RunOptions, run, runCommand, tool, WITHOUT_COVERAGE } from './run';
import { strayNumbers } from './warnings';

export interface World {
  readonly name: string;
  /** Commands to start Node with. */
  readonly through: readonly string[];
  /** The way of marking that is left there, for a table of ordinary size. */
  readonly way: 'close_range' | 'table' | 'proc';
  /** Whether findings can name what a stray points to. */
  readonly hasProc: boolean;
}

/** How processes are made: by fork() with its handlers, as all released Nodes do, or without. */
export const MAKERS: Readonly<Record<string, readonly string[]>> = {
  fork: [],
  'no atfork': ['env', `LD_PRELOAD=${preloading(tool('no-atfork.so'))}`],
};

const deny = (calls: string): string[] => [tool('deny'), calls];

const TESTED_NODE = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;
const TESTED_VERSION = String(spawnSync(TESTED_NODE, ['-p', 'process.versions.node']).stdout).trim();
/** Node 22 and newer set the names of their threads by it. */
const NODE_CALLS_PRCTL = semver.gte(TESTED_VERSION, '22.0.0');

/** The calls that the guard makes and Node does not, see native/safe_calls.h. */
export const EACH_CALL: readonly string[] = [
  'close_range',
  'pselect6',
  'fstatfs',
  'getdents64',
  ...(NODE_CALLS_PRCTL ? [] : ['prctl']),
];

/** Runs shell commands as root of a mount namespace of its own, then the rest of the command line. */
export function mounting(commands: string, ...args: readonly string[]): string[] {
  return ['unshare', '--mount', 'bash', '-ec', `${commands}\nexec "$@"`, 'sh', ...args];
}

const HIDDEN = mounting('mount -t tmpfs none /proc');
// A guard that trusts this /proc finds no FD to mark.
const FORGED = mounting('mount -t tmpfs none /proc; mkdir -p /proc/self/fd; touch /proc/self/fd/{0,1,2}');

export const WORLDS: readonly World[] = [
  world('plain', [], 'close_range'),
  world('close_range: ENOSYS', deny('close_range=ENOSYS'), 'table'),
  world('close_range: EPERM', deny('close_range=EPERM'), 'table'),
  world('close_range: EINVAL', deny('close_range=EINVAL'), 'table'),
  world('close_range and pselect6: ENOSYS', deny('close_range=ENOSYS,pselect6=ENOSYS'), 'table'),
  world('close_range and pselect6: EPERM', deny('close_range=EPERM,pselect6=EPERM'), 'table'),
  world("close_range: EPERM, pselect6 as gVisor's", deny('close_range=EPERM,pselect6=EBADF'), 'proc'),
  world('close_range and getdents64: EPERM', deny('close_range=EPERM,getdents64=EPERM'), 'table'),
  world('all three: EPERM', deny('close_range=EPERM,pselect6=EPERM,getdents64=EPERM'), 'table'),
  world('a user namespace', ['unshare', '--user', '--map-root-user'], 'close_range'),
  world(
    'a user namespace, close_range and pselect6: EPERM',
    ['unshare', '--user', '--map-root-user', ...deny('close_range=EPERM,pselect6=EPERM')],
    'table',
  ),
  world('/proc hidden', HIDDEN, 'close_range', false),
  world('/proc forged', FORGED, 'close_range', false),
  world('/proc hidden, close_range: EPERM', [...HIDDEN, ...deny('close_range=EPERM')], 'table', false),
  world('/proc forged, close_range: EPERM', [...FORGED, ...deny('close_range=EPERM')], 'table', false),
  world(
    '/proc hidden, both: EPERM',
    [...HIDDEN, ...deny('close_range=EPERM,pselect6=EPERM')],
    'table',
    false,
  ),
  world(
    '/proc forged, both: EPERM',
    [...FORGED, ...deny('close_range=EPERM,pselect6=EPERM')],
    'table',
    false,
  ),
];

/**
 * Filters that kill, as systemd's SystemCallFilter= does by default: for each call that the guard makes and Node does
 * not, and for all of them. If prctl() kills, so does the probe, and no call of these is made.
 */
export const KILLING_WORLDS: readonly World[] = [
  world('a filter that kills for close_range', deny('close_range=KILL'), 'table'),
  world('a filter that kills for pselect6', deny('pselect6=KILL'), 'close_range'),
  world('a filter that kills for fstatfs', deny('fstatfs=KILL'), 'close_range'),
  world('a filter that kills for getdents64', deny('getdents64=KILL'), 'close_range'),
  ...(NODE_CALLS_PRCTL ? [] : [world('a filter that kills for prctl', deny('prctl=KILL'), 'table')]),
  world('a filter that kills for close_range and pselect6', deny('close_range=KILL,pselect6=KILL'), 'table'),
  world(
    'a filter that kills for close_range, pselect6 fails',
    deny('close_range=KILL,pselect6=EPERM'),
    'table',
  ),
  world(
    "a filter that kills for close_range, pselect6 as gVisor's",
    deny('close_range=KILL,pselect6=EBADF'),
    'proc',
  ),
  world('a filter that kills for all of them', deny(EACH_CALL.map(call => `${call}=KILL`).join()), 'table'),
  world(
    'a filter that kills for close_range, /proc hidden',
    [...HIDDEN, ...deny('close_range=KILL')],
    'table',
    false,
  ),
  world(
    'a filter that kills for close_range, /proc forged',
    [...FORGED, ...deny('close_range=KILL')],
    'table',
    false,
  ),
];

/** One for each way of marking, and one in which nothing but asking for each number is left. */
export const FOUR_WORLDS: readonly World[] = [
  'plain',
  'close_range: EPERM',
  "close_range: EPERM, pselect6 as gVisor's",
  '/proc hidden, both: EPERM',
].map(worldNamed);

function world(name: string, through: readonly string[], way: World['way'], hasProc = true): World {
  return { name, through, way, hasProc };
}

export function worldNamed(name: string): World {
  const found = WORLDS.find(world => world.name === name);
  if (found === undefined) throw new Error(`no world is named ${name}`);
  return found;
}

/** A `through` that sets the limit on open FDs. */
export const withLimit = (count: number): string[] => ['bash', '-c', `ulimit -n ${count} && exec "$@"`, 'sh'];

/** Whether commands start at all through `through`; prints why not. */
export async function isPossible(t: ExecutionContext, through: readonly string[]): Promise<boolean> {
  const result = await runCommand([...through, 'true']).catch((error: Error) => ({
    code: -1,
    stderr: error.message,
  }));
  if (result.code === 0) return true;
  const why = `skipped: ${through[0]} is not possible here (${result.stderr.trim()})`;
  console.log(`${t.title}: ${why}`);
  t.pass(why);
  return false;
}

/** What every program here begins with. */
export const PRELUDE = `
  const childProcess = require('node:child_process');
  const fs = require('node:fs');
  const leak = require(${JSON.stringify(LEAK)});
  const LIST = ${JSON.stringify(LIST_FDS)};
  const guard = globalThis[Symbol.for('closefds.installed')]?.strayGuard;
  const listed = () => JSON.parse(childProcess.execFileSync(LIST));
  const answer = value => fs.writeSync(1, JSON.stringify(value));
`;

export interface Answered {
  readonly stderr: string;
  readonly answer: unknown;
}

/** Runs a program and reads what it answered. */
export async function answerOf(
  t: ExecutionContext,
  program: string,
  options: RunOptions = {},
  files: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const folder = temporaryFolder(t);
  const script = write(folder, { 'app.js': PRELUDE + program, ...files });
  const result = await run(script, {
    ...options,
    args: [`${folder}/file`, ...(options.args ?? [])],
    env: { ...WITHOUT_COVERAGE, ...options.env },
  });
  t.is(result.code, 0, result.stderr);
  return { stderr: result.stderr, answer: JSON.parse(result.stdout) };
}

// 256 and 512 are where the search for the table's end asks: something idle must not look like it.
const STRAYS = [40, 256, 300, 512, 900];
const CLOSING = `
  for (const fd of [40, 300, 900]) leak.open(process.argv[2], fd);
  for (const fd of [256, 512]) leak.pipe(fd);
  answer({ first: listed(), second: listed(), way: guard.way(), spawning: guard.spawning() });
`;

/** Asserts that a child in this world has stdio only, and which way of marking saw to that. */
export async function assertClosing(
  t: ExecutionContext,
  { through, way }: World,
  maker: string,
): Promise<void> {
  if (!(await isPossible(t, through))) return;
  const { answer, stderr } = await answerOf(t, CLOSING, { through: [...through, ...(MAKERS[maker] ?? [])] });
  const spawning = maker === 'fork' ? 'fork' : 'other';
  t.deepEqual(answer, { first: [0, 1, 2], second: [0, 1, 2], way, spawning });
  t.deepEqual([...new Set(strayNumbers(stderr))], STRAYS);
}
