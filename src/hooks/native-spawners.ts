// Packages that make processes natively, past child_process: node-pty and its forks.
//
// require-in-the-middle finds their main modules, and each function of theirs that the compat
// table names is replaced in place. But it takes some 8 ms to load, which every program would
// pay, it does not see `import`, and it stands in the stack of every module that loads below it.
// So it is there only while files of such a package are loading: src/hooks/detect-native-spawners.ts notices.
//
// What stays out of sight: the package under another folder's name, bundled, run from source that
// a loader hook supplies, or with a getter that cannot be replaced. Strays are closed there all
// the same, in the child, but in `enforce` and `strict` only, and nobody is told.

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
  /** Whatever fails, the program's files load. Told of each failure; must not throw. */
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
  /** Files of makers that are loading, each below the one before. */
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
      // Who wrapped ours meanwhile goes on to call it.
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

  /** Asks for a file that is loaded once more, so that require-in-the-middle sees it. */
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

/** A child of theirs has a terminal for its stdio, and no slots. */
function toNativeCall(route: string, [file, args, options]: readonly unknown[]): SpawnCall {
  const given = isOptions(options) ? options : {};
  const command = { file: typeof file === 'string' ? file : 'sh', args, env: peek(given, 'env') };
  const { unsafe } = readDesignation(given);
  return { ...toCall(route, command, NO_STDIO, process.env), unsafe, native: true };
}
