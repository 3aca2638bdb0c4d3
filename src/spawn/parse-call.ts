// Parses the arguments of a function of child_process into a call.
//
// Node has not checked the arguments yet: they may be anything. Wrong arguments are left to Node's own errors.

import { hasFdSign } from '../findings/fd-sign';
import type { SpawnCall } from '../model/spawn-request';
import { NO_STDIO, type Stdio, toStdio } from '../model/stdio';
import { TWIN, UNSAFE, WITH_FDS } from './marks';
import { type CallOptions, type IsProxy, isOptions, isRevoked, peek } from './stdio-option';

/**
 * `command` names the file, arguments and environment as ChildProcess.prototype.spawn() and the handles take
 * them. `inherited` is the environment of a child that gets none. `marked` are the options that withFds() or
 * unsafe() made, if they are not `command`.
 */
export function toCall(
  route: string,
  command: CallOptions,
  stdio: Stdio,
  inherited: object,
  marked: CallOptions = command,
): SpawnCall {
  const file = peek(command, 'file');
  return {
    ...defaultCall(route, stdio),
    command: typeof file === 'string' ? file : '',
    args: toStrings(peek(command, 'args')),
    environment: () => readEnvironment(command, () => toPairs(inherited)),
    ...readDesignation(marked),
  };
}

/** `NAME=value` of what a child gets; `readInherited` gives those of a child that gets no variables of its own. */
function readEnvironment(command: CallOptions, readInherited: () => readonly string[]): readonly string[] {
  const pairs = peek(command, 'envPairs');
  if (pairs !== undefined) return toStrings(pairs);
  const env = peek(command, 'env');
  return isOptions(env) ? toPairs(env) : readInherited();
}

/**
 * Whether a call has no slots and no mark of withFds() or unsafe(). Runs no user code, so false means "perhaps".
 */
export function usesOnlyStdio(options: CallOptions, isProxy: IsProxy): boolean {
  if (isProxy(options) || !isOrdinary(options)) return false;
  if (WITH_FDS in options || UNSAFE in options || TWIN in options) return false;
  const stdio = Object.getOwnPropertyDescriptor(options, 'stdio');
  if (stdio === undefined) return !('stdio' in options);
  if (!('value' in stdio) || isProxy(stdio.value)) return false;
  return !Array.isArray(stdio.value) || hasStdioOnly(stdio.value);
}

/** Whether an object inherits nothing but what every object does. */
export function isOrdinary(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === ORDINARY;
}

/** The prototype of an object literal. In the bundles, `Object.prototype` is the table of its captured methods. */
const ORDINARY: unknown = Object.getPrototypeOf({});

function hasStdioOnly(slots: readonly unknown[]): boolean {
  if (slots.length > 3) return false;
  for (let index = 0; index < slots.length; index++) {
    const slot = Object.getOwnPropertyDescriptor(slots, index);
    if (slot === undefined || !('value' in slot) || slot.value === 'ipc') return false;
  }
  return true;
}

/** A call with default values. */
export function defaultCall(route: string, stdio: Stdio = NO_STDIO): SpawnCall {
  return {
    route,
    command: '',
    args: [],
    environment: () => [],
    stdio,
    sync: route.endsWith('Sync'),
    explicit: undefined,
    unsafe: undefined,
    native: false,
  };
}

export function isDesignating(options: CallOptions): boolean {
  const { explicit, unsafe } = readDesignation(options);
  return explicit !== undefined || unsafe !== undefined;
}

/** Reads the marks of withFds() and unsafe(): a symbol, or the string key where a launcher dropped symbols. */
export function readDesignation(options: CallOptions): Pick<SpawnCall, 'explicit' | 'unsafe'> {
  const twin = peek(options, TWIN);
  const read = (key: symbol, name: string) =>
    peek(options, key) ?? (isOptions(twin) ? peek(twin, name) : undefined);
  const explicit = read(WITH_FDS, 'withFds');
  const unsafe = read(UNSAFE, 'unsafe');
  return {
    explicit: isOptions(explicit) ? (explicit as Record<number, unknown>) : undefined,
    unsafe: typeof unsafe === 'string' ? unsafe : undefined,
  };
}

/** exec() and execFile() have no `stdio`; withFds() adds what it designates to their three pipes. */
export function carriedStdio(carried: CallOptions): Stdio | undefined {
  if (readDesignation(carried).explicit === undefined || !Array.isArray(carried.stdio)) return undefined;
  return toStdio(['pipe', 'pipe', 'pipe', ...carried.stdio.slice(3)]);
}

/** Whether execFile(file) makes this spawn: the file is its command, or with a shell a part of an argument. */
export function startsFile(options: CallOptions, file: unknown): boolean {
  const { file: command, args } = { file: peek(options, 'file'), args: toStrings(peek(options, 'args')) };
  return command === file || (typeof file === 'string' && args.some(arg => arg.includes(file)));
}

/** The index of a synchronous function's options: (file, args?, options?) or (command, options?). */
export function optionsIndex(route: string, args: readonly unknown[]): number {
  if (route === 'execSync') return 1;
  return isRevoked(args[1]) || Array.isArray(args[1]) || args[1] === undefined || args[1] === null ? 2 : 1;
}

/** The command of a synchronous function. */
export function describeCommand(route: string, args: readonly unknown[], options: CallOptions): CallOptions {
  const shell = peek(options, 'shell');
  const env = peek(options, 'env');
  if (!shell && route !== 'execSync') return { file: args[0], args: args[1], env };
  const command = [...toStrings([args[0]]), ...toStrings(args[1])].join(' ');
  return { file: typeof shell === 'string' ? shell : '/bin/sh', args: ['-c', command], env };
}

/** What is known of a call that uses only stdio, without running user code. */
export type KnownCommand = Pick<SpawnCall, 'command' | 'args' | 'environment'>;

/** The command of a call that uses only stdio; undefined where reading it could run user code. */
export function knownCommand(
  route: string,
  args: readonly unknown[],
  options: CallOptions,
  readInherited: () => readonly string[],
  isProxy: IsProxy,
): KnownCommand | undefined {
  if (!isPlain(options, isProxy) || isProxy(args[1])) return undefined;
  const command = route === 'spawn' ? options : describeCommand(route, args, options);
  const { file } = command;
  if (typeof file !== 'string') return undefined;
  const environment = () => readEnvironment(command, readInherited);
  return { command: file, args: toStrings(command.args), environment };
}

const COMMAND_KEYS = ['file', 'args', 'shell', 'env', 'envPairs'];

function isPlain(options: CallOptions, isProxy: IsProxy): boolean {
  for (let index = 0; index < COMMAND_KEYS.length; index++) {
    const own = Object.getOwnPropertyDescriptor(options, COMMAND_KEYS[index] as string);
    if (own !== undefined && (!('value' in own) || isProxy(own.value))) return false;
  }
  return true;
}

/** The strings of an array that Node has not checked yet. */
export function toStrings(value: unknown): string[] {
  try {
    return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
  } catch {
    return [];
  }
}

/** `NAME=value` of each variable that may name an FD, of an environment that Node has not checked yet. */
export function toPairs(environment: object): string[] {
  try {
    const variables = environment as Readonly<Record<string, unknown>>;
    const pairs: string[] = [];
    for (const name of Object.keys(variables)) {
      const value = variables[name];
      if (hasFdSign(name) || typeof value !== 'string' || hasFdSign(value)) pairs.push(`${name}=${value}`);
    }
    return pairs;
  } catch {
    return [];
  }
}
