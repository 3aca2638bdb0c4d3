// Installs the hooks in the functions through which JavaScript starts every process.
//
//   ChildProcess.prototype.spawn    spawn, exec, execFile, fork, cluster, the test runner
//   spawnSync, execSync, execFileSync    each by itself: what they share is not reachable
//   execFile    only carries withFds() and unsafe() to the spawn that it makes
//   process.execve    no new process, but an exec
//   process.binding    for programs that start processes below child_process
//
// Functions are replaced in place, so every way to import them gets the hook. The hooks are empty until
// the first call, which loads src/hooks/guarded-calls.ts: many programs never start a process.

import childProcess = require('node:child_process');
import util = require('node:util');

import { type AnyFunction, likeOriginal, replaceMethod } from '../base/wrap-function';
import type { HookFactories } from './types';

export interface PatchOptions {
  /** Called by the first call of each hook. */
  readonly load: () => HookFactories;
  /** Where `load` failed: the function to call instead. May throw what the caller is to see. */
  readonly onUnloaded: (original: AnyFunction, error: unknown) => AnyFunction;
  /** A function could not be replaced. May throw, which ends the start. */
  readonly onUnpatched: (name: string, error: unknown) => void;
}

// Captured at load, as all that the hooks call: programs replace functions.
const { apply } = Reflect;

/** Replaces the functions of this thread, once. The caller syncs the ESM exports afterwards. */
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
      // Those with which a program starts processes without child_process.
      const isHandle = args[0] === 'process_wrap' || args[0] === 'spawn_sync';
      return apply(isHandle ? guarded : original, this, args);
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
    // An arrow function, as Node's was up to 20, has neither `this` nor `prototype`.
    const value = likeOriginal((...args) => apply(guarded, undefined, args), promisified);
    return Object.defineProperty(execFile, util.promisify.custom, { ...descriptor, value });
  }

  /** A function that is created when it is first called. */
  function lazy(
    original: AnyFunction,
    make: (factories: HookFactories) => AnyFunction,
    otherwise = onUnloaded,
  ): AnyFunction {
    let made: AnyFunction | undefined;
    return function (...args) {
      return apply(made ?? first(), this, args);
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

/** A handle that user code got unguarded would stay unguarded. */
function rethrow(_original: AnyFunction, error: unknown): never {
  throw error;
}
