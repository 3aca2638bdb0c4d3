// Rewrites the lowest JavaScript call by which Node creates a process, so that strace becomes the
// program. No call above it changes, so that user code sees no difference.

import type { TracingTools } from './protocol';
import { straceOptions } from './strace/options';

/** The arguments of the handle's own spawn(): one object, or eight values (Node 24.19, 26.4). */
export interface HandleCall {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  /** As `NAME=value`. */
  readonly env: readonly string[];
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** The indexes among the eight values. */
const POSITIONS = { file: 0, args: 1, cwd: 2, envPairs: 3, uid: 6, gid: 7 } as const;

type PositionalValues = Record<keyof typeof POSITIONS, unknown>;

/** Undefined if the arguments are not those that Node's own code passes. */
export function readHandleCall(call: readonly unknown[]): HandleCall | undefined {
  const { file, args, cwd, envPairs, uid, gid } = isObjectForm(call) ? call[0] : fromPositions(call);
  if (typeof file !== 'string' || !isStrings(envPairs)) return undefined;
  return {
    file,
    args: isStrings(args) ? args : [file],
    cwd: typeof cwd === 'string' ? cwd : undefined,
    env: envPairs,
    uid: typeof uid === 'number' ? uid : undefined,
    gid: typeof gid === 'number' ? gid : undefined,
  };
}

function isObjectForm(call: readonly unknown[]): call is readonly [PositionalValues] {
  return typeof call[0] === 'object' && call[0] !== null;
}

function fromPositions(call: readonly unknown[]): PositionalValues {
  const entries = Object.entries(POSITIONS).map(([key, at]) => [key, call[at]]);
  return Object.fromEntries(entries) as PositionalValues;
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}

export interface Tracing extends TracingTools {
  readonly output: string;
}

/** The arguments of the same call with strace as its program. strace searches the program as execvp() does. */
export function throughStrace(
  original: readonly unknown[],
  { file, args, env }: HandleCall,
  { strace, stracePreload, argv0, output }: Tracing,
): unknown[] {
  const [name = file, ...rest] = args;
  const named = argv0 && name !== file ? ['--argv0', name] : [];
  return withValues(original, {
    file: strace,
    args: ['strace', ...straceOptions(output), ...named, '--', file, ...rest],
    envPairs: withLibrary(env, stracePreload),
  });
}

/** The library restores the variables, in their order, before the program starts. */
function withLibrary(env: readonly string[], library: string): string[] {
  const name = 'LD_PRELOAD=';
  const before = env.find(pair => pair.startsWith(name));
  if (before === undefined) return [...env, name + library];
  return [
    ...env.map(pair => (pair.startsWith(name) ? name + library : pair)),
    `CLOSEFDS_LD_PRELOAD=${before.slice(name.length)}`,
  ];
}

function withValues(call: readonly unknown[], values: Partial<PositionalValues>): unknown[] {
  if (isObjectForm(call)) return [{ ...call[0], ...values }, ...call.slice(1)];
  const changed = call.slice();
  for (const [key, value] of Object.entries(values))
    changed[POSITIONS[key as keyof PositionalValues]] = value;
  return changed;
}
