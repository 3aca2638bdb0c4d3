// ChildProcess.prototype.spawn(), which spawn(), exec(), execFile(), fork(), cluster and the test runner call.

import type { AnyFunction } from '../base/wrap-function';
import { toChildExit } from '../model/child-exit';
import { carriedStdio, isDesignating, startsFile, toCall } from '../spawn/parse-call';
import type { Plan } from '../spawn/plan';
import { type CallOptions, isOptions, peek, readStdio, withTemporaryStdio } from '../spawn/stdio-option';
import { type CallGuard, type CallResult, type OwnLayer, traced, type Wrap } from './call-guard';

/** The options of an execFile() under way: Node makes new ones for the spawn, without what withFds() added. */
interface CarriedOptions {
  readonly options: CallOptions;
  /** The first argument of execFile(). */
  readonly file: unknown;
}

export interface SpawnHook {
  readonly spawn: Wrap;
  /** For execFile(), its promisified form, and exec(), which calls it. */
  readonly execFile: Wrap;
}

export function createSpawnHook(guard: CallGuard): SpawnHook {
  let carried: CarriedOptions | undefined;
  return { spawn, execFile };

  function spawn(original: AnyFunction): AnyFunction {
    return function spawn(...args) {
      const [options] = args;
      if (!isOptions(options)) return Reflect.apply(original, this, args);
      const handle = isOptions(this) ? (peek(this, '_handle') as object | undefined) : undefined;
      const own: OwnLayer = { handle };
      const marked = takeCarried(options);
      const fastPlan = marked === undefined ? guard.fastPlan('spawn', [], options) : undefined;
      if (fastPlan !== undefined)
        return guard.runUnder(fastPlan, own, () => startedBy(this, Reflect.apply(original, this, args)));

      const call = guard.parse('spawn', options, () => {
        const stdio = (marked && carriedStdio(marked)) ?? readStdio(options, false, guard.isProxy);
        return toCall('spawn', options, stdio, process.env, marked);
      });
      return guard.run(call, own, spawn, (replaced, { after, onExit, trace }) => {
        const run = (changed: CallOptions) =>
          traced(trace, handle, () => Reflect.apply(original, this, [changed, ...args.slice(1)]));
        const error =
          replaced === undefined ? run(options) : withTemporaryStdio(options, replaced, guard.isProxy, run);
        const { stdio: streams } = this as { stdio?: unknown[] };
        if (replaced?.visible !== undefined && streams !== undefined) streams.length = replaced.visible;
        if (after !== undefined || onExit !== undefined) callAtEnd(this, after, onExit);
        return startedBy(this, error);
      });
    };
  }

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

  /** The options of the execFile() that makes this spawn. User code in a getter may spawn something else first. */
  function takeCarried(options: CallOptions): CallOptions | undefined {
    if (carried === undefined || !startsFile(options, carried.file)) return undefined;
    const { options: marked } = carried;
    carried = undefined;
    return marked;
  }
}

/**
 * When the child has ended, Node's C++ code reads `onexit` of its handle and calls it. A getter there is
 * enough to learn of the end, and leaves neither a listener nor a frame on the stack of other listeners.
 */
function callAtEnd(child: unknown, after: Plan['after'], onExit: Plan['onExit']): void {
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
      after?.();
      if (onExit !== undefined) callAtClose(child as Ended, handle, onExit);
      return property.value;
    },
    set: restore,
  });
}

interface Ended {
  readonly exitCode: unknown;
  readonly signalCode: unknown;
  readonly killed: unknown;
}

/** Node's `onexit` notes how the child ended, and then closes the handle, before any listener is called. */
function callAtClose(child: Ended, handle: CallOptions, onExit: NonNullable<Plan['onExit']>): void {
  if (Object.hasOwn(handle, 'close')) return;
  Object.defineProperty(handle, 'close', {
    configurable: true,
    value(...args: unknown[]) {
      delete (handle as { close?: unknown }).close;
      const exit = toChildExit(child.exitCode, child.signalCode);
      // What the program killed did not fail.
      if (exit !== undefined && child.killed !== true) onExit(exit);
      return (handle as { close: AnyFunction }).close(...args);
    },
  });
}

function startedBy(child: unknown, result: unknown): CallResult {
  return { result, started: (child as { pid?: number }).pid !== undefined };
}
