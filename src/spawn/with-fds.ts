// Designation in code: withFds() and unsafe(), for the code that starts a process.
//
// Both functions only prepare options. Without closefds in the process, withFds() just fills in `stdio`, and
// unsafe() changes nothing.

import type { ChildProcess, SerializationType, StdioOptions } from 'node:child_process';

import fs = require('node:fs');

import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { ClosefdsError } from '../base/errors';
import { TWIN, UNSAFE, WITH_FDS } from './marks';

interface Marked {
  readonly __closefds?: { readonly withFds?: FdSources; readonly unsafe?: string };
}

/**
 * The source of a child's FD: an FD of this process, an object or a connected socket that has one, a new pipe or
 * message channel, or `'inherit'` for the parent's FD of the same number. The strings are Node's values of `stdio`.
 */
export type FdSource = number | { readonly fd: number } | Socket | 'pipe' | 'overlapped' | 'ipc' | 'inherit';

/** Sources by child FD. Keys are integers from 3 to 65535. */
export type FdSources = Readonly<Record<number, FdSource>>;

/** The options `O`, with a `stdio` that also passes the FDs of `F`. */
export type WithFds<O extends object, F extends FdSources> = Omit<O, 'stdio'> & {
  stdio: Extract<StdioOptions, readonly unknown[]>;
  /** The designated sources. Also carries the type `F` to `ChildWithFds`. */
  readonly __closefds?: { readonly withFds: F };
};

/**
 * The type of a child that was started with the options of withFds(). Its `stdio` has a stream for each new pipe,
 * and null for each FD that was passed on: `spawn(file, args, options) as ChildWithFds<typeof options>`.
 */
export type ChildWithFds<O extends { readonly __closefds?: { readonly withFds: FdSources } }> =
  ChildProcess & {
    readonly stdio: ChildStdio<NonNullable<O['__closefds']>['withFds']>;
  };

type ChildStdio<F extends FdSources> = ChildProcess['stdio'] & {
  readonly [N in keyof F]: F[N] extends 'pipe' | 'overlapped' ? Readable & Writable : null;
};

/**
 * Any options. The properties are listed so that TypeScript keeps the literal type of `{ stdio: 'inherit' }`.
 * spawn() does not accept the type `string`.
 */
type AnyOptions = object & {
  readonly stdio?: StdioOptions | Anything;
  readonly encoding?: BufferEncoding | 'buffer' | Anything;
  readonly killSignal?: NodeJS.Signals | Anything;
  readonly serialization?: SerializationType | Anything;
};

type Anything = NonNullable<unknown> | null | undefined;

/** The highest slot. A larger number is most likely a mistake. */
const HIGHEST = 65_535;

/**
 * Returns a copy of `options` whose `stdio` also passes the FDs of `fds` to the child, under the numbers of its
 * keys: `withFds({ cwd }, { 3: logFd, 4: 'pipe' })`. Slots 0, 1 and 2 keep the values of `options`.
 *
 * The default policy allows FDs that are designated this way. `options` are those of spawn(), exec(), execFile(),
 * fork() (which also needs a slot with 'ipc'), spawnSync(), execSync() or execFileSync(). In Node, exec() and
 * execFile() have no `stdio`: they pass FDs only under closefds.
 *
 * Throws ERR_CLOSEFDS_ARGUMENT, before a process exists, if a key is not an integer from 3 to 65535, if a source
 * is not an open FD, or if `options.stdio` uses the slot already.
 */
export function withFds<O extends AnyOptions, const F extends FdSources>(options: O, fds: F): WithFds<O, F> {
  checkObject(options, 'options');
  checkObject(fds, 'fds');
  const stdio = toArray((options as { stdio?: unknown }).stdio);
  const designated: Record<number, FdSource> = {};

  for (const [key, source] of Object.entries(fds) as [string, unknown][]) {
    const childFd = checkChildFd(key);
    checkFree(stdio, childFd);
    while (stdio.length < childFd) stdio.push(stdio.length < 3 ? undefined : 'ignore');
    stdio[childFd] = checkSource(source, childFd);
    designated[childFd] = source as FdSource;
  }
  const withFds = Object.freeze(designated);
  const marks = { ...(options as Marked)[TWIN], withFds };
  return { ...options, stdio, [WITH_FDS]: withFds, [TWIN]: marks } as unknown as WithFds<O, F>;
}

/**
 * Returns a copy of `options` with which a call passes all designated FDs and all strays, as without closefds.
 * Each such call is reported, with the reason.
 *
 * Use it for reviewed calls only. A rule in the config is better where it suffices.
 * Throws ERR_CLOSEFDS_ARGUMENT if `reason` is not a string or is empty.
 */
export function unsafe<O extends AnyOptions>(options: O, reason: string): O {
  checkObject(options, 'options');
  if (typeof reason !== 'string' || reason.trim() === '')
    throw wrong('unsafe(): the second argument', 'the reason, as text that is not empty', reason);
  const marks = { ...(options as Marked)[TWIN], unsafe: reason };
  return { ...options, [UNSAFE]: reason, [TWIN]: marks };
}

function checkObject(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(name, 'an object', value);
}

function toArray(stdio: unknown): unknown[] {
  if (stdio === undefined || stdio === null) return [undefined, undefined, undefined];
  if (typeof stdio === 'string') return [stdio, stdio, stdio];
  if (Array.isArray(stdio)) return stdio.slice();
  throw wrong('options.stdio', 'a string or an array', stdio);
}

function checkChildFd(key: string): number {
  const fd = Number(key);
  // Only the canonical form: '03' and '3' are the same FD.
  if (Number.isInteger(fd) && fd >= 3 && fd <= HIGHEST && String(fd) === key) return fd;
  throw wrong('fds', `child FDs from 3 to ${HIGHEST} as keys`, key);
}

function checkFree(stdio: readonly unknown[], childFd: number): void {
  const taken = stdio[childFd];
  if (taken === undefined || taken === null || taken === 'ignore') return;
  throw wrong(`fds[${childFd}]`, 'a slot that options.stdio leaves free', taken);
}

function checkSource(source: unknown, childFd: number): unknown {
  const name = `fds[${childFd}]`;
  if (source === 'pipe' || source === 'overlapped' || source === 'ipc') return source;
  if (source === 'inherit') return checkOpen(childFd, name);
  if (isSocket(source)) return source;
  const fd = typeof source === 'object' && source !== null ? (source as { fd?: unknown }).fd : source;
  if (typeof fd !== 'number' || !Number.isInteger(fd) || fd < 0 || fd > 0x7fffffff)
    throw wrong(name, `an FD, an object with one, or 'pipe', 'overlapped', 'ipc', 'inherit'`, source);
  return checkOpen(fd, name);
}

/** Whether a socket is connected and so has an FD. Node passes its handle. */
function isSocket(source: unknown): boolean {
  const handle = (source as { _handle?: { fd?: unknown } } | null | undefined)?._handle;
  return typeof handle?.fd === 'number' && handle.fd >= 0;
}

function checkOpen(fd: number, name: string): number {
  try {
    fs.fstatSync(fd);
    return fd;
  } catch (error) {
    throw wrong(name, 'an FD that is open', fd, error);
  }
}

function wrong(place: string, expected: string, found: unknown, cause?: unknown): ClosefdsError {
  const shown =
    typeof found === 'object' && found !== null ? Object.prototype.toString.call(found) : String(found);
  const message = `${place}: expected ${expected}, found ${shown}`;
  return new ClosefdsError('ERR_CLOSEFDS_ARGUMENT', message, cause === undefined ? undefined : { cause });
}
