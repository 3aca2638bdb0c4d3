// What stands in the places of src/hooks/child-process.ts does: reads a call, has it judged, guards it, makes it.
//
// Loaded by the first call: until then a program pays for none of it.

import util = require('node:util');

import { type AnyFunction, replaceMethod } from '../base/wrap-function';
import type { CallStack } from '../callers/stack';
import type { SpawnCall } from '../model/spawn-request';
import { fromHandleForm, toHandleForm } from '../spawn/binding-stdio';
import { putPlaceholder } from '../spawn/fallback-plan';
import {
  carriedStdio,
  defaultCall,
  describeCommand,
  isDesignating,
  knownCommand,
  optionsIndex,
  startsFile,
  toCall,
  toPairs,
  toStrings,
  usesOnlyStdio,
} from '../spawn/parse-call';
import type { Plan, Trace } from '../spawn/plan';
import {
  type CallOptions,
  coverWithPlaceholder,
  fallbackStdio,
  hasToken,
  isOptions,
  peek,
  type Replacement,
  readStdio,
  type StdioReading,
  trimOutput,
  withStdio,
  withTemporaryStdio,
  withToken,
} from '../spawn/stdio-option';
import type { StrayGuard } from '../strays/stray-guard';
import type { HookFactories, SyncRoute } from './types';

export interface GuardedCallsOptions {
  /** Judges a call; may throw what the caller is to see. */
  readonly guard: (call: SpawnCall, stack: CallStack | undefined) => Plan;
  /** The plan of a call that asks for nothing (`look` gives what it executes, where that shows); undefined where it has to be judged, too. Never throws. */
  readonly fastPath: (look: () => SpawnCall | undefined) => Plan | undefined;
  /** Asked for each call that has to be judged, where few frames of ours are on the stack. Never throws. */
  readonly captureStack: () => CallStack | undefined;
  readonly strayGuard: StrayGuard;
  /** Whether the stray guard marks in children of which it is told nothing. */
  readonly byDefault: boolean;
  /** The exec pair with its default stdio, for when slots are added to it. */
  readonly execThroughSpawnSync: (route: 'execFileSync' | 'execSync', spawnSync: AnyFunction) => AnyFunction;
  /** Told that a native call has ended, which may have left FDs open. */
  readonly onNative: () => void;
  /** Told when the stray guard could not mark; may throw what the caller is to see. */
  readonly onUnguarded: (error: unknown) => void;
  /** Told of an error of ours. Must not throw. */
  readonly onFailure: (step: string, error: unknown) => void;
}

const { isProxy } = util.types;

export interface GuardedCalls extends HookFactories {
  /** Has a call judged and guarded that makes its process without child_process. */
  readonly native: (call: SpawnCall, start: () => unknown) => unknown;
}

/** To be called once in each thread. */
export function createGuardedCalls(options: GuardedCallsOptions): GuardedCalls {
  const {
    guard,
    fastPath,
    captureStack,
    strayGuard,
    byDefault,
    execThroughSpawnSync,
    onNative,
    onUnguarded,
    onFailure,
  } = options;
  /** The innermost guarded call under way. User code may run within it and start another process. */
  let current: OwnLayer | undefined;
  /** An execFile() under way, which makes options of its own. */
  let carried: CarriedOptions | undefined;
  /** A program has Node's synchronous binding, so that its spawn() is replaced. */
  let syncBindingIsGuarded = false;
  let knowsSpawning = false;
  return { spawn: guardSpawn, sync: guardSync, execFile, execve: guardExecve, binding: guardBinding, native };

  function guardSpawn(original: AnyFunction): AnyFunction {
    return function spawn(...args) {
      const [options] = args;
      if (!isOptions(options)) return Reflect.apply(original, this, args);
      const handle = isOptions(this) ? (peek(this, '_handle') as object | undefined) : undefined;
      const own: OwnLayer = { handle };
      const marked = takeCarried(options);
      const plain = marked === undefined ? fastPlan('spawn', [], options) : undefined;
      if (plain !== undefined)
        return within(plain, own, () => startedBy(this, Reflect.apply(original, this, args)));

      const { call, stdio } = reading('spawn', options, () => {
        const stdio = (marked && carriedStdio(marked)) ?? readStdio(options, false, isProxy);
        return { call: toCall('spawn', options, stdio.value, process.env, marked), stdio };
      });

      return guarded(call, stdio, own, (replaced, { after, trace }) => {
        const run = (changed: CallOptions) =>
          traced(trace, handle, () => Reflect.apply(original, this, [changed, ...args.slice(1)]));
        const error =
          replaced === undefined ? run(options) : withTemporaryStdio(options, replaced, isProxy, run);
        const { stdio: streams } = this as { stdio?: unknown[] };
        if (replaced?.visible !== undefined && streams !== undefined) streams.length = replaced.visible;
        if (after !== undefined) callAtEnd(this, after);
        return startedBy(this, error);
      });
    };
  }

  function guardSync(route: SyncRoute, original: AnyFunction, spawnSync: AnyFunction): AnyFunction {
    return function sync(...args) {
      const at = optionsIndex(route, args);
      const options = (isOptions(args[at]) ? args[at] : {}) as CallOptions;
      const own: OwnLayer = {};
      const run = (func: AnyFunction, given = options) => {
        if (syncBindingIsGuarded) {
          own.token = Symbol('call');
          args[at] = withToken(given, own.token, isProxy);
        }
        return Reflect.apply(func, this, args);
      };
      const plain = fastPlan(route, args, options);
      if (plain !== undefined) return within(plain, own, () => callResult(run(original)));

      const { call, stdio } = reading(route, options, () => {
        const stdio = readStdio(options, true, isProxy);
        const command = describeCommand(route, args, options);
        return { call: toCall(route, command, stdio.value, process.env, options), stdio };
      });

      return guarded(call, stdio, own, (replaced, { trace }) => {
        if (replaced === undefined) return callResult(traced(trace, undefined, () => run(original)));
        const changed = withStdio(options, replaced, isProxy);
        args[at] = changed;
        // Without `stdio`, these two print what the child wrote to stderr; with it, they do not.
        const func = route === 'spawnSync' || stdio.value ? original : execThroughSpawnSync(route, spawnSync);
        const start = () => traced(trace, undefined, () => run(func, changed));
        return callResult(trimOutput(start, replaced.visible));
      });
    };
  }

  /** It and exec() build new options for the spawn: ours would be lost there. */
  function execFile(original: AnyFunction): AnyFunction {
    return function (...args) {
      const options = args.slice(1, 3).find(isOptions);
      if (options === undefined || !isDesignating(options)) return Reflect.apply(original, this, args);
      const outer = carried;
      carried = { options, file: args[0] };
      try {
        return Reflect.apply(original, this, args);
      } finally {
        carried = outer;
      }
    };
  }

  /** The marked options of the execFile() that makes this spawn; another spawn may come first, by a getter. */
  function takeCarried(options: CallOptions): CallOptions | undefined {
    if (carried === undefined || !startsFile(options, carried.file)) return undefined;
    const { options: marked } = carried;
    carried = undefined;
    return marked;
  }

  function guardExecve(original: AnyFunction): AnyFunction {
    return function execve(...args) {
      const [file, argv, env] = args;
      const plan = guard(
        {
          ...defaultCall('execve', undefined),
          command: typeof file === 'string' ? file : '',
          args: toStrings(argv),
          environment: () => toPairs(env, process.env),
        },
        captureStack(),
      );
      plan.trace?.forgo('process.execve() cannot be traced from within', process.pid);
      if (plan.guarded) tolerate(() => strayGuard.replace(plan));
      // Node refuses other arguments, and the process goes on.
      const isValid = typeof file === 'string' && (argv === undefined || toStrings(argv).length > 0);
      const uncover = isValid && plan.cover.length > 0 ? strayGuard.coverHere(plan.cover) : undefined;
      try {
        return Reflect.apply(original, this, args);
      } finally {
        uncover?.();
      }
    };
  }

  /** process.binding() stays as it is, deprecation and refusal included; its result gets guarded. */
  function guardBinding(original: AnyFunction): AnyFunction {
    const done = new WeakSet<object>();
    return function binding(...args) {
      const result = Reflect.apply(original, this, args) as Record<string, unknown> | undefined;
      if (typeof result !== 'object' || result === null || done.has(result)) return result;
      if (args[0] === 'spawn_sync') {
        replaceMethod(result, 'spawn', guardHandle);
        syncBindingIsGuarded = true;
      }
      if (args[0] === 'process_wrap') replaceMethod(processPrototype(result), 'spawn', guardHandle);
      done.add(result);
      return result;
    };
  }

  /** The handles' own spawn: one options object, or eight values of which the fifth is stdio (24.19, 26.4). */
  function guardHandle(original: AnyFunction): AnyFunction {
    return function spawn(...args) {
      if (isOwnLayer(this, args[0])) return Reflect.apply(original, this, args);
      const options = isOptions(args[0])
        ? args[0]
        : { file: args[0], args: args[1], envPairs: args[3], stdio: args[4] };
      const forms = Array.isArray(options.stdio) ? (options.stdio as unknown[]) : [];
      const stdio: StdioReading = { value: forms.map(fromHandleForm), replay: undefined };
      const call = toCall('process.binding', options, stdio.value, process.env);

      return guarded(call, stdio, {}, (replaced, { trace }) => {
        if (replaced !== undefined) {
          const changed = (replaced.read() as unknown[]).map((slot, i) => toHandleForm(slot, forms[i]));
          if (options === args[0])
            args[0] = withStdio(options, { ...replaced, read: () => changed }, isProxy);
          else args[4] = changed;
        }
        return callResult(trace ? trace.call(original, this, args) : Reflect.apply(original, this, args));
      });
    };
  }

  /** Whether a handle's spawn is the lower layer of the innermost call, which has been judged. Once for each call. */
  function isOwnLayer(handle: unknown, options: unknown): boolean {
    if (current?.handle !== undefined && current.handle === handle) {
      current.handle = undefined;
      return true;
    }
    if (current?.token === undefined || !hasToken(options, current.token)) return false;
    current.token = undefined;
    return true;
  }

  // -------------------------------------------------------------------------------------------

  /** If a call cannot be read, by an error of ours, its slots are judged as far as they show. */
  function reading(route: string, options: CallOptions, read: () => ParsedCall): ParsedCall {
    try {
      return read();
    } catch (error) {
      onFailure('reading a call', error);
      const stdio = fallbackStdio(options);
      return { call: defaultCall(route, stdio.value), stdio };
    }
  }

  function native(call: SpawnCall, start: () => unknown): unknown {
    return guarded(call, { value: undefined, replay: undefined }, {}, (replaced, { trace }) => {
      trace?.forgo(`${call.route}() makes its process natively`);
      if (replaced !== undefined && strayGuard.mustCover)
        onUnguarded(new Error(`a stray cannot be covered in a process that ${call.route}() makes natively`));
      try {
        // Says nothing about how Node makes processes.
        return { result: start(), started: false };
      } finally {
        onNative();
      }
    });
  }

  /** Most calls leave here, before anything is made of them. */
  function fastPlan(route: string, args: readonly unknown[], options: CallOptions): Plan | undefined {
    if (!usesOnlyStdio(options, isProxy)) return undefined;
    return fastPath(() => knownCommand(route, args, options, process.env, isProxy));
  }

  /**
   * Marks, where that is all that a call takes, and tells whether it is: once it is known how processes are
   * made, a call of which nothing is kept need not be followed to its end, since its child is marked by
   * default. So the addon is not called after the fork, where each page that is written is a page fault.
   */
  function setCloseOnExecOnly({ guarded, keep, untouched, trace }: Plan): boolean {
    // A child would get what the outer call keeps, and nothing else: the stray guard has to know of this one.
    if (current?.isOpen) return false;
    if (!guarded) return true;
    if (trace !== undefined) return false;
    if (!byDefault || keep.length > 0 || untouched.length > 0) return false;
    knowsSpawning ||= strayGuard.spawning() !== 'unknown';
    if (knowsSpawning) tolerate(() => strayGuard.mark());
    return knowsSpawning;
  }

  function guarded(
    call: SpawnCall,
    stdio: StdioReading,
    own: OwnLayer,
    start: (replaced: Replacement | undefined, plan: Plan) => CallResult,
  ): unknown {
    const plan = guard(call, captureStack());
    const replaced = replacement(plan, stdio, call.sync);
    try {
      return within(plan, own, () => start(replaced, plan));
    } finally {
      if (call.sync) plan.after?.();
    }
  }

  function within(plan: Plan, own: OwnLayer, start: () => CallResult): unknown {
    const isDone = setCloseOnExecOnly(plan);
    let started = false;
    const outer = current;
    current = own;
    try {
      own.isOpen = !isDone;
      if (!isDone) tolerate(() => strayGuard.begin(plan));
      const outcome = start();
      started = outcome.started;
      return outcome.result;
    } finally {
      current = outer;
      if (!isDone) end(started);
    }
  }

  /** What the call gave is the caller's, whatever becomes of the flags that were to be put back. */
  function end(started: boolean): void {
    try {
      strayGuard.end(started);
    } catch (error) {
      onFailure('ending a spawn', error);
    }
  }

  function replacement(plan: Plan, stdio: StdioReading, sync: boolean): Replacement | undefined {
    const { value, replay: again } = stdio;
    // What cannot be read starts no process, so there is nothing to cover.
    if (again !== undefined && value === undefined) return { read: again, visible: undefined };
    const fds = strayGuard.mustCover ? plan.close : plan.cover;
    const placeholder = fds.length > 0 || plan.denied.length > 0 ? openPlaceholder() : undefined;
    const slots = putPlaceholder(plan, placeholder);
    if (placeholder !== undefined && fds.length > 0)
      return coverWithPlaceholder(slots ?? value, fds, placeholder, sync);
    if (slots !== undefined) return { read: () => slots, visible: undefined };
    return again && { read: again, visible: undefined };
  }

  /** The program may have closed it, or have no FD left. */
  function openPlaceholder(): number | undefined {
    try {
      return strayGuard.placeholder();
    } catch (error) {
      if (strayGuard.mustCover) onUnguarded(error);
      else onFailure('opening the placeholder of a denied FD', error);
      return undefined;
    }
  }

  function tolerate(work: () => void): void {
    try {
      work();
    } catch (error) {
      onUnguarded(error);
    }
  }
}

/** By what the layer below a call is known: it has been judged with the call. Any other call within it has not. */
interface OwnLayer {
  /** Of a ChildProcess. Undefined once it has spawned. */
  handle?: object | undefined;
  /** In the options of a synchronous call, which Node copies. Undefined once they arrived at the binding. */
  token?: symbol | undefined;
  /** The stray guard has been told of the call, and not of its end. */
  isOpen?: boolean;
}

interface CarriedOptions {
  readonly options: CallOptions;
  /** The first argument of execFile(). */
  readonly file: unknown;
}

interface ParsedCall {
  readonly call: SpawnCall;
  readonly stdio: StdioReading;
}

/** A call that made no process says nothing about how processes are made. */
interface CallResult {
  readonly result: unknown;
  readonly started: boolean;
}

/**
 * When the child has ended, Node's C++ half asks its handle for `onexit`, to call it. That it asks is
 * enough to know, and leaves neither a listener nor a frame on the stack of those who listen.
 */
function callAtEnd(child: unknown, after: () => void): void {
  const handle = (child as { _handle?: unknown })._handle;
  if (!isOptions(handle)) return;
  const property = Object.getOwnPropertyDescriptor(handle, 'onexit');
  if (property === undefined || !('value' in property) || !property.configurable) return;
  const restore = (value: unknown) => Object.defineProperty(handle, 'onexit', { ...property, value });
  Object.defineProperty(handle, 'onexit', {
    configurable: true,
    enumerable: property.enumerable === true,
    get() {
      restore(property.value);
      after();
      return property.value;
    },
    set: restore,
  });
}

function traced<T>(trace: Trace | undefined, handle: object | undefined, work: () => T): T {
  return trace === undefined ? work() : trace.run(handle, work);
}

function startedBy(child: unknown, result: unknown): CallResult {
  return { result, started: (child as { pid?: number }).pid !== undefined };
}

/**
 * Whether a process was made: spawnSync() gives its pid, 0 without one, and the handle an errno
 * code. What the exec pair returns says nothing; they would have thrown.
 */
function callResult(result: unknown): CallResult {
  if (typeof result === 'number') return { result, started: result === 0 };
  const { pid } = (result ?? {}) as { pid?: unknown };
  return { result, started: pid === undefined || Number(pid) > 0 };
}

function processPrototype(binding: Record<string, unknown>): Record<string, unknown> {
  return (binding.Process as { prototype: Record<string, unknown> }).prototype;
}
