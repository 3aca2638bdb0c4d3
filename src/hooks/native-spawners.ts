// Guards packages that start processes natively, below child_process: node-pty and its forks.
//
// require-in-the-middle finds their main modules, and each function that the compat table names is
// replaced in place. require-in-the-middle takes some 8 ms to load, does not see `import`, and is in the
// stack of every module that loads below it. So it is active only while files of such a package load:
// see src/hooks/detect-native-spawners.ts.
//
// Not covered: the package in a folder of another name, bundled, run from source that a loader hook
// supplies, or with a getter that cannot be replaced. There `enforce` and `strict` close strays in the
// child without a report.

import nodeModule = require('node:module');

import type * as Ritm from 'require-in-the-middle';
import { type AnyFunction, replaceMethod } from '../base/wrap-function';
import type { SpawnCall } from '../model/spawn-request';
import { NO_STDIO } from '../model/stdio';
import { readDesignation, toCall } from '../spawn/parse-call';
import { isOptions, peek } from '../spawn/stdio-option';
import type { NativeSpawnerHook, NativeSpawners } from './types';

const { _extensions: extensions } = nodeModule as unknown as { _extensions: Record<string, unknown> };

type GuardNative = (call: SpawnCall, start: () => unknown) => unknown;

export interface NativeSpawnerHookOptions {
  readonly spawners: NativeSpawners;
  /** Whether a file lies in one of them. */
  readonly isSpawner: (file: string) => boolean;
  readonly guardNative: GuardNative;
  /** Called for each failure; must not throw. The program's files load in any case. */
  readonly onFailure: (error: unknown) => void;
}

/** To be called once in each thread. */
export function createNativeSpawnerHook({
  spawners,
  isSpawner,
  guardNative,
  onFailure,
}: NativeSpawnerHookOptions): NativeSpawnerHook {
  const guarded = new WeakSet<object>();
  let stopWatching: (() => void) | undefined;
  /** How many files of such packages are loading, each below the one before. */
  let loading = 0;

  return {
    aboutToLoad: () => attempt(watchLoads),
    isLoaded: file => {
      guardLoaded(file);
      stopWatching?.();
    },
  };

  function watchLoads(): void {
    if (stopWatching !== undefined) return;
    const before = extensions['.js'];
    replaceMethod(extensions, '.js', guardAfterLoad);
    const ours = extensions['.js'];
    stopWatching = () => {
      // Code that wrapped our function meanwhile goes on to call it.
      if (extensions['.js'] !== ours) return;
      extensions['.js'] = before;
      stopWatching = undefined;
    };
  }

  function guardAfterLoad(original: AnyFunction): AnyFunction {
    return function load(...args) {
      const [, file] = args;
      if (typeof file !== 'string' || !isSpawner(file)) return Reflect.apply(original, this, args);
      loading++;
      try {
        const result = Reflect.apply(original, this, args);
        guardLoaded(file);
        return result;
      } finally {
        loading--;
        if (loading === 0) attempt(() => stopWatching?.());
      }
    };
  }

  /** Requires a loaded file again, so that require-in-the-middle sees it. */
  function guardLoaded(file: string): void {
    attempt(() => {
      const { Hook } = require('require-in-the-middle') as typeof Ritm;
      const hook = new Hook(Object.keys(spawners), (exports, name) =>
        guardExports(exports, spawners[name] ?? [], name),
      );
      try {
        nodeModule.createRequire(file)(file);
      } finally {
        hook.unhook();
      }
    });
  }

  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      onFailure(error);
    }
  }

  function guardExports<T>(exports: T, methods: readonly string[], name: string): T {
    if (typeof exports !== 'object' || exports === null || guarded.has(exports)) return exports;
    guarded.add(exports);
    for (const method of methods)
      replaceMethod(exports, method, original => guardSpawner(original, `${name}.${method}`));
    return exports;
  }

  function guardSpawner(original: AnyFunction, route: string): AnyFunction {
    return function make(...args) {
      return guardNative(toNativeCall(route, args), () => Reflect.apply(original, this, args));
    };
  }
}

/** Their children have a terminal as stdio, and no slots. */
function toNativeCall(route: string, [file, args, options]: readonly unknown[]): SpawnCall {
  const given = isOptions(options) ? options : {};
  const command = { file: typeof file === 'string' ? file : 'sh', args, env: peek(given, 'env') };
  const { unsafe } = readDesignation(given);
  return { ...toCall(route, command, NO_STDIO, process.env), unsafe, native: true };
}
