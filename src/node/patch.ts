// The places every process passes on its way out of JavaScript, and what is put there.
//
//   ChildProcess.prototype.spawn    spawn, exec, execFile, fork, cluster, the test runner
//   spawnSync, execSync, execFileSync    each by itself: what they share is not reachable
//   execFile    only carries withFds() and unsafe() to the spawn it makes
//   process.execve    no new process, but an exec
//   process.binding    for programs that go below all of these
//
// Functions are replaced in place, and the ESM views of the builtins are brought up to date,
// so that it does not matter how a program gets hold of them.

import childProcess = require('node:child_process');
import nodeModule = require('node:module');
import util = require('node:util');

import type { Plan } from '../core/apply';
import { designates, type SpawnCall, snapshot } from '../core/request';
import type { StrayGuard } from '../core/stray-guard';

export interface PatchOptions {
  /** Judges a call; may throw what the caller is to see. */
  readonly guard: (call: SpawnCall) => Plan;
  readonly strayGuard: StrayGuard;
  /** The exec pair with its default stdio, for when the stand-in has to give them one. */
  readonly execThroughSpawnSync: (
    route: 'execFileSync' | 'execSync',
    spawnSync: typeof childProcess.spawnSync,
  ) => AnyFunction;
  /** Told when the stray guard could not mark; may throw what the caller is to see. */
  readonly onUnguarded: (error: unknown) => void;
}

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
type Options = Record<PropertyKey, unknown>;

// Registered symbols, so that libraries can use them without depending on closefds.
const WITH_FDS = Symbol.for('closefds.withFds');
const UNSAFE = Symbol.for('closefds.unsafe');

/** Replaces the functions of this thread. To be called once in each. */
export function installPatch(options: PatchOptions): void {
  const { guard, strayGuard, onUnguarded } = options;
  /** Within a guarded call: what lies below it is guarded already. */
  let depth = 0;
  /** The options of an execFile() under way, which makes options of its own. */
  let carried: Options | undefined;

  const { spawnSync } = childProcess;
  const execThroughSpawnSync = (route: 'execFileSync' | 'execSync') =>
    options.execThroughSpawnSync(route, spawnSync);
  const mutable = childProcess as unknown as Record<string, AnyFunction>;
  replaceMethod(childProcess.ChildProcess.prototype, 'spawn', patchSpawn);
  replaceMethod(mutable, 'spawnSync', original => patchSync(original, 'spawnSync'));
  replaceMethod(mutable, 'execFileSync', original => patchSync(original, 'execFileSync'));
  replaceMethod(mutable, 'execSync', original => patchSync(original, 'execSync'));
  replaceMethod(mutable, 'execFile', patchExecFile);
  if ('execve' in process) replaceMethod(process, 'execve', patchExecve);
  replaceMethod(process, 'binding', patchBinding);
  nodeModule.syncBuiltinESMExports();

  function patchSpawn(original: AnyFunction): AnyFunction {
    return function spawn(...args) {
      const [options] = args;
      if (depth > 0 || !isOptions(options)) return Reflect.apply(original, this, args);
      const marks = carried ?? options;
      const stdio = carried === undefined ? readStdio(options, false) : carriedStdio(options, carried);

      return guarded(toCall('spawn', options, marks, stdio), stdio, replaced => {
        const run = (changed: Options) => Reflect.apply(original, this, [changed, ...args.slice(1)]);
        const error = replaced === undefined ? run(options) : lendStdio(options, replaced, run);
        const { stdio: streams } = this as { stdio?: unknown[] };
        if (replaced?.visible !== undefined && streams !== undefined) streams.length = replaced.visible;
        return { result: error, started: (this as { pid?: number }).pid !== undefined };
      });
    };
  }

  function patchSync(original: AnyFunction, route: 'spawnSync' | 'execFileSync' | 'execSync'): AnyFunction {
    return function sync(...args) {
      if (depth > 0) return Reflect.apply(original, this, args);
      const at = optionsIndex(route, args);
      const options = (isOptions(args[at]) ? args[at] : {}) as Options;
      const stdio = readStdio(options, true);
      const call = toCall(
        route,
        { ...describeCommand(route, args, options), env: peek(options, 'env') },
        options,
        stdio,
      );

      return guarded(call, stdio, replaced => {
        if (replaced === undefined) return outcomeOf(Reflect.apply(original, this, args));
        args[at] = withStdio(options, replaced);
        // Without `stdio`, these two print what the child wrote to stderr; with it, they do not.
        const run = route === 'spawnSync' || stdio.value ? original : execThroughSpawnSync(route);
        return outcomeOf(trimOutput(() => Reflect.apply(run, this, args), replaced.visible));
      });
    };
  }

  function patchExecFile(original: AnyFunction): AnyFunction {
    const execFile: AnyFunction = function (...args) {
      return carrying(args, () => Reflect.apply(original, this, args));
    };
    const promisified = (original as { [util.promisify.custom]?: AnyFunction })[util.promisify.custom];
    if (promisified === undefined) return execFile;
    return Object.defineProperty(execFile, util.promisify.custom, {
      ...Object.getOwnPropertyDescriptor(original, util.promisify.custom),
      value: likeOriginal(function (...args) {
        return carrying(args, () => Reflect.apply(promisified, this, args));
      }, promisified),
    });
  }

  /** execFile() and exec() build new options for the spawn: ours would be lost there. */
  function carrying<T>(args: readonly unknown[], work: () => T): T {
    const options = args.slice(1, 3).find(isOptions);
    if (options === undefined) return work();
    if (peek(options, WITH_FDS) === undefined && peek(options, UNSAFE) === undefined) return work();
    carried = options;
    try {
      return work();
    } finally {
      carried = undefined;
    }
  }

  function patchExecve(original: AnyFunction): AnyFunction {
    return function execve(...args) {
      const [file, argv, env] = args;
      const call: SpawnCall = {
        route: 'execve',
        command: String(file),
        args: Array.isArray(argv) ? argv.map(String) : [],
        environment: () => toPairs(env),
        stdio: undefined,
        sync: true,
        explicit: undefined,
        unsafe: undefined,
      };
      const plan = guard(call);
      if (plan.guarded) tolerate(() => strayGuard.replace(plan));
      return Reflect.apply(original, this, args);
    };
  }

  /** process.binding() stays as it is, deprecation and refusal included; its result gets guarded. */
  function patchBinding(original: AnyFunction): AnyFunction {
    const done = new WeakSet<object>();
    return function binding(...args) {
      const result = Reflect.apply(original, this, args) as Record<string, unknown> | undefined;
      if (typeof result !== 'object' || result === null || done.has(result)) return result;
      if (args[0] === 'spawn_sync') replaceMethod(result, 'spawn', patchHandle);
      if (args[0] === 'process_wrap') replaceMethod(processPrototype(result), 'spawn', patchHandle);
      done.add(result);
      return result;
    };
  }

  /** The handles' own spawn: one options object, or eight values of which the fifth is stdio (24.19, 26.4). */
  function patchHandle(original: AnyFunction): AnyFunction {
    return function spawn(...args) {
      if (depth > 0) return Reflect.apply(original, this, args);
      const options = isOptions(args[0])
        ? args[0]
        : { file: args[0], args: args[1], envPairs: args[3], stdio: args[4] };
      const forms = Array.isArray(options.stdio) ? (options.stdio as unknown[]) : [];
      const stdio: StdioReading = { value: forms.map(fromHandleForm), again: undefined };

      return guarded(toCall('process.binding', options, options, stdio), stdio, replaced => {
        if (replaced !== undefined) {
          const changed = (replaced.read() as unknown[]).map((slot, i) => toHandleForm(slot, forms[i]));
          if (options === args[0]) args[0] = withStdio(options, { ...replaced, read: () => changed });
          else args[4] = changed;
        }
        return outcomeOf(Reflect.apply(original, this, args));
      });
    };
  }

  // -------------------------------------------------------------------------------------------

  function guarded(
    call: SpawnCall,
    stdio: StdioReading,
    start: (replaced: Replacement | undefined) => Outcome,
  ): unknown {
    const plan = guard(call);
    const replaced = replacement(plan, stdio);
    let started = false;
    depth++;
    try {
      if (plan.guarded) tolerate(() => strayGuard.begin(plan));
      const outcome = start(replaced);
      started = outcome.started;
      return outcome.result;
    } finally {
      if (plan.guarded) strayGuard.end(started);
      depth--;
    }
  }

  function replacement(plan: Plan, stdio: StdioReading): Replacement | undefined {
    const { again } = stdio;
    // What cannot be read starts no process, so there is nothing to mask.
    if (again !== undefined && plan.stdio === undefined) return { read: again, visible: undefined };
    if (plan.close.length > 0 && strayGuard.nullDevice !== undefined)
      return masked(plan.stdio ?? toArray(stdio.value), plan.close, strayGuard.nullDevice());
    if (plan.stdio !== undefined) return { read: () => plan.stdio, visible: undefined };
    return undefined;
  }

  function tolerate(work: () => void): void {
    try {
      work();
    } catch (error) {
      onUnguarded(error);
    }
  }
}

/** A call that made no process says nothing about how processes are made. */
interface Outcome {
  readonly result: unknown;
  readonly started: boolean;
}

/**
 * Whether a process was made: spawnSync() gives its pid, 0 without one, and the handle an errno
 * code. What the exec pair returns says nothing; they would have thrown.
 */
function outcomeOf(result: unknown): Outcome {
  if (typeof result === 'number') return { result, started: result === 0 };
  const { pid } = (result ?? {}) as { pid?: unknown };
  return { result, started: pid === undefined || Number(pid) > 0 };
}

/** What the call gets in place of its own `stdio`. */
interface Replacement {
  /** Throws what reading the caller's own threw. */
  readonly read: () => unknown;
  /** How many slots the caller may see. */
  readonly visible: number | undefined;
}

/** Puts the null device over the strays; the caller sees as many slots as it asked for. */
function masked(stdio: readonly unknown[], close: readonly number[], nullDevice: number): Replacement {
  const longer = stdio.slice();
  while (longer.length < 3) longer.push(undefined);
  const visible = longer.length;
  for (const fd of close) {
    while (longer.length < fd) longer.push('ignore');
    longer[fd] = nullDevice;
  }
  return { read: () => longer, visible };
}

function toArray(stdio: unknown): readonly unknown[] {
  if (Array.isArray(stdio)) return stdio;
  return typeof stdio === 'string' ? [stdio, stdio, stdio] : [];
}

// ---------------------------------------------------------------------------------------------
// Reading calls
// ---------------------------------------------------------------------------------------------

interface StdioReading {
  /** What is judged: undefined if it could not be read. */
  readonly value: unknown;
  /**
   * Gives what the first reading gave, or throws what that threw: for when Node would read again
   * and might get something else.
   */
  readonly again: (() => unknown) | undefined;
}

const NOTHING_READ: StdioReading = { value: undefined, again: undefined };

function isOptions(value: unknown): value is Options {
  return typeof value === 'object' && value !== null && !isRevoked(value) && !Array.isArray(value);
}

/** Whatever is done with a revoked proxy throws; which words it throws depends on what Node does first. */
function isRevoked(value: unknown): boolean {
  try {
    Array.isArray(value);
    return false;
  } catch {
    return true;
  }
}

/** A property that may be anybody's getter. What it throws is left for Node to meet. */
function peek(options: Options, key: PropertyKey): unknown {
  try {
    return options[key];
  } catch {
    return undefined;
  }
}

const { push } = Array.prototype;

/** Reads `stdio` once. */
function readStdio(options: Options, ownOnly: boolean): StdioReading {
  let value: unknown;
  let settled: boolean;
  try {
    const isProxy = util.types.isProxy(options);
    const descriptor = isProxy && !ownOnly ? undefined : Object.getOwnPropertyDescriptor(options, 'stdio');
    // The synchronous functions copy the options' own enumerable properties first.
    if (ownOnly && descriptor?.enumerable !== true) return NOTHING_READ;
    settled = !isProxy && descriptor !== undefined && 'value' in descriptor;
    value = settled ? descriptor?.value : options.stdio;
  } catch (error) {
    return { value: undefined, again: () => rethrow(error) };
  }
  return isRevoked(value) ? NOTHING_READ : readSlots(value, settled, ownOnly);
}

function readSlots(value: unknown, settled: boolean, sync: boolean): StdioReading {
  const fixed = settled && !util.types.isProxy(value);
  try {
    if (!designates(value)) return { value, again: fixed || !Array.isArray(value) ? undefined : () => value };
    // It is for a message channel, which the synchronous functions refuse.
    if (sync && value.length <= 3) return NOTHING_READ;
    // As Node does next; it is the caller's array that it fills.
    while (value.length < 3) push.call(value, undefined);
    const { slots, complete } = snapshot(value);
    if (!complete) return { value: undefined, again: () => slots };
    return { value: slots, again: fixed ? undefined : () => slots };
  } catch {
    // Only a proxy's traps get here, and Node will meet them.
    return NOTHING_READ;
  }
}

function rethrow(error: unknown): never {
  throw error;
}

/** exec() and execFile() have no `stdio`; withFds() adds what it designates to their three pipes. */
function carriedStdio(options: Options, carried: Options): StdioReading {
  if (carried[WITH_FDS] === undefined || !Array.isArray(carried.stdio)) return readStdio(options, false);
  return { value: ['pipe', 'pipe', 'pipe', ...carried.stdio.slice(3)], again: undefined };
}

function toCall(route: string, options: Options, marks: Options, stdio: StdioReading): SpawnCall {
  const unsafe = peek(marks, UNSAFE);
  const explicit = peek(marks, WITH_FDS);
  const file = peek(options, 'file');
  return {
    route,
    command: typeof file === 'string' ? file : '',
    args: toStrings(peek(options, 'args')),
    environment: () => (Array.isArray(options.envPairs) ? options.envPairs : toPairs(options.env)),
    stdio: stdio.value,
    sync: route.endsWith('Sync'),
    explicit: isOptions(explicit) ? (explicit as Record<number, unknown>) : undefined,
    unsafe: typeof unsafe === 'string' ? unsafe : undefined,
  };
}

/** Of an array, which Node has yet to check. */
function toStrings(value: unknown): string[] {
  try {
    return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
  } catch {
    return [];
  }
}

function toPairs(env: unknown): string[] {
  return Object.entries(isOptions(env) ? env : process.env).map(([name, value]) => `${name}=${value}`);
}

/** Where the options stand, or would: (file, args?, options?) or (command, options?). */
function optionsIndex(route: string, args: readonly unknown[]): number {
  if (route === 'execSync') return 1;
  return isRevoked(args[1]) || Array.isArray(args[1]) || args[1] === undefined || args[1] === null ? 2 : 1;
}

function describeCommand(
  route: string,
  args: readonly unknown[],
  options: Options,
): { file: unknown; args: unknown } {
  const shell = peek(options, 'shell');
  if (!shell && route !== 'execSync') return { file: args[0], args: args[1] };
  const command = [...toStrings([args[0]]), ...toStrings(args[1])].join(' ');
  return { file: typeof shell === 'string' ? shell : '/bin/sh', args: ['-c', command] };
}

// ---------------------------------------------------------------------------------------------
// The handles' form of stdio: what getValidStdio() makes for the C++ half
// ---------------------------------------------------------------------------------------------

interface HandleForm {
  readonly type?: string;
  readonly fd?: number;
  readonly ipc?: boolean;
  readonly handle?: object;
}

function fromHandleForm(form: unknown): unknown {
  const { type, fd, ipc, handle } = (form ?? {}) as HandleForm;
  if (type === 'fd' || type === 'inherit') return fd;
  if (type === 'wrap') return { _handle: handle };
  return ipc === true ? 'ipc' : type;
}

function toHandleForm(slot: unknown, form: unknown): unknown {
  if (slot === 'ignore' || slot === undefined) return { type: 'ignore' };
  return form === undefined || (typeof slot === 'number' && fromHandleForm(form) !== slot)
    ? { type: 'fd', fd: slot }
    : form;
}

function processPrototype(binding: Record<string, unknown>): Record<string, unknown> {
  return (binding.Process as { prototype: Record<string, unknown> }).prototype;
}

// ---------------------------------------------------------------------------------------------
// Writing calls
// ---------------------------------------------------------------------------------------------

/** The same options but for `stdio`, for functions that copy them first. */
function withStdio(options: Options, { read }: Replacement): Options {
  // A proxy's answers are not in its descriptors.
  if (util.types.isProxy(options)) {
    const get = (target: Options, key: PropertyKey) => (key === 'stdio' ? read() : target[key]);
    return new Proxy(options, { get });
  }
  const descriptors: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(options);
  const { stdio } = descriptors;
  descriptors.stdio = stdio?.get
    ? { ...stdio, enumerable: true, get: read }
    : { value: read(), writable: true, enumerable: true, configurable: true };
  return Object.create(Object.getPrototypeOf(options), descriptors) as Options;
}

/**
 * Runs with the same options but for `stdio`, for the function that writes into what it is given:
 * what it writes is the caller's to see.
 */
function lendStdio<T>(options: Options, { read }: Replacement, run: (options: Options) => T): T {
  const own = util.types.isProxy(options) ? undefined : Object.getOwnPropertyDescriptor(options, 'stdio');
  if (util.types.isProxy(options) || own?.get !== undefined) return run(overlaid(options, read));
  // Node writes to it before anything else, and is about to fail there.
  if (own?.writable === false || (own === undefined && !Object.isExtensible(options))) return run(options);

  const lent = { writable: true, enumerable: true, configurable: true, ...own, value: read() };
  Object.defineProperty(options, 'stdio', lent);
  try {
    return run(options);
  } finally {
    if (options.stdio === lent.value) {
      if (own === undefined) delete options.stdio;
      else Object.defineProperty(options, 'stdio', own);
    }
  }
}

/** For options that answer by themselves. Reads after a write give what was written. */
function overlaid(options: Options, read: () => unknown): Options {
  let current = read;
  const get = () => current();
  const set = (value: unknown) => {
    options.stdio = value;
    current = () => value;
  };
  return Object.create(options, { stdio: { get, set, enumerable: true } }) as Options;
}

/** spawnSync's result, and the errors of the exec pair, list every slot. */
function trimOutput(work: () => unknown, visible: number | undefined): unknown {
  if (visible === undefined) return work();
  try {
    return trim(work());
  } catch (error) {
    throw trim(error);
  }

  function trim(holder: unknown): unknown {
    const output = (holder as { output?: unknown } | null | undefined)?.output;
    if (Array.isArray(output) && output.length > (visible as number)) output.length = visible as number;
    return holder;
  }
}

// ---------------------------------------------------------------------------------------------
// Replacing functions
// ---------------------------------------------------------------------------------------------

function replaceMethod(holder: object, name: string, wrap: (original: AnyFunction) => AnyFunction): void {
  const descriptor = Object.getOwnPropertyDescriptor(holder, name);
  const original: unknown = descriptor?.value;
  if (typeof original !== 'function') return;
  const wrapped = likeOriginal(wrap(original as AnyFunction), original as AnyFunction);
  Object.defineProperty(holder, name, { ...descriptor, value: wrapped });
}

/** Name, length and whatever others hung on it. */
function likeOriginal(wrapped: AnyFunction, original: AnyFunction): AnyFunction {
  for (const key of Reflect.ownKeys(original)) {
    const own = Object.getOwnPropertyDescriptor(wrapped, key);
    const theirs = Object.getOwnPropertyDescriptor(original, key);
    // Already ours (promisify.custom), or part of every function (prototype).
    if (theirs === undefined || (own !== undefined && own.configurable === false)) continue;
    if (own !== undefined && key !== 'name' && key !== 'length') continue;
    Object.defineProperty(wrapped, key, theirs);
  }
  return wrapped;
}
