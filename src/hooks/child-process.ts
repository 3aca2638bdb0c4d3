// The places every process passes on its way out of JavaScript, where something is put.
//
//   ChildProcess.prototype.spawn    spawn, exec, execFile, fork, cluster, the test runner
//   spawnSync, execSync, execFileSync    each by itself: what they share is not reachable
//   execFile    only carries withFds() and unsafe() to the spawn it makes
//   process.execve    no new process, but an exec
//   process.binding    for programs that go below all of these
//
// Functions are replaced in place, so that it does not matter how a program gets hold of them. What
// is put there does nothing but wait: many programs never start a process. The first call loads
// what they do, src/hooks/guarded-calls.ts.

import childProcess = require('node:child_process');
import util = require('node:util');

import { type AnyFunction, likeOriginal, replaceMethod } from '../base/wrap-function';
import type { HookFactories } from './types';

export interface PatchOptions {
  /** Asked with the first call in each place. */
  readonly load: () => HookFactories;
  /** Where that failed: what is to be called instead. May throw what the caller is to see. */
  readonly onUnloaded: (original: AnyFunction, error: unknown) => AnyFunction;
  /** Told of a function that stays as it is; may throw what ends the start. */
  readonly onUnpatched: (name: string, error: unknown) => void;
}

/** Bindings by which a program makes processes without child_process. */
const HANDLES: ReadonlySet<unknown> = new Set(['process_wrap', 'spawn_sync']);

/** Replaces the functions of this thread. To be called once in each; ESM views are to be synced afterwards. */
export function installPatch({ load, onUnloaded, onUnpatched }: PatchOptions): void {
  const spawnSync = childProcess.spawnSync as unknown as AnyFunction;
  put(childProcess.ChildProcess.prototype, 'spawn', original =>
    lazy(original, factories => factories.spawn(original)),
  );
  for (const route of ['spawnSync', 'execFileSync', 'execSync'] as const)
    put(childProcess, route, original =>
      lazy(original, factories => factories.sync(route, original, spawnSync)),
    );
  put(childProcess, 'execFile', withPromisified);
  if ('execve' in process)
    put(process, 'execve', original => lazy(original, factories => factories.execve(original)));
  put(process, 'binding', original => {
    const guarded = lazy(original, factories => factories.binding(original), rethrow);
    return function binding(...args) {
      return Reflect.apply(HANDLES.has(args[0]) ? guarded : original, this, args);
    };
  });

  function put(holder: object, name: string, wrap: (original: AnyFunction) => AnyFunction): void {
    try {
      replaceMethod(holder, name, wrap);
    } catch (error) {
      onUnpatched(`${name}()`, error);
    }
  }

  function withPromisified(original: AnyFunction): AnyFunction {
    const execFile = lazy(original, factories => factories.execFile(original));
    const descriptor = Object.getOwnPropertyDescriptor(original, util.promisify.custom);
    const promisified = descriptor?.value as AnyFunction | undefined;
    if (promisified === undefined) return execFile;
    const guarded = lazy(promisified, factories => factories.execFile(promisified));
    // An arrow function, as Node's was up to 20: neither `this` nor `prototype`.
    const value = likeOriginal((...args) => Reflect.apply(guarded, undefined, args), promisified);
    return Object.defineProperty(execFile, util.promisify.custom, { ...descriptor, value });
  }

  /** Stands for a function that is made when it is first called. */
  function lazy(
    original: AnyFunction,
    make: (factories: HookFactories) => AnyFunction,
    otherwise = onUnloaded,
  ): AnyFunction {
    let made: AnyFunction | undefined;
    return function (...args) {
      return Reflect.apply(made ?? first(), this, args);
    };

    function first(): AnyFunction {
      try {
        made = make(load());
        return made;
      } catch (error) {
        return otherwise(original, error);
      }
    }
  }
}

/** A handle that was given away unguarded would stay so. */
function rethrow(_original: AnyFunction, error: unknown): never {
  throw error;
}
