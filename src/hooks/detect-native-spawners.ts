// Detects that a package which starts processes natively is about to load.
//
// The only hook from the start is in Module._nodeModulePaths: the loader calls it for each CommonJS file
// that is about to run, required or imported (Node 18 to 26). A file of such a package loads
// src/hooks/native-spawners.ts.

import nodeModule = require('node:module');

import { type AnyFunction, replaceMethod } from '../base/wrap-function';
import type { NativeSpawnerHook, NativeSpawners } from './types';

// Captured at load: programs replace functions.
const { apply } = Reflect;
const { includes } = String.prototype;

export interface DetectNativeSpawnersOptions {
  readonly spawners: NativeSpawners;
  readonly load: (isSpawner: (file: string) => boolean) => NativeSpawnerHook;
  /** Called for each failure; must not throw. The program's files load in any case. */
  readonly onFailure: (error: unknown) => void;
}

/** To be called once in each thread. */
export function detectNativeSpawners({ spawners, load, onFailure }: DetectNativeSpawnersOptions): void {
  const folders = Object.keys(spawners).map(name => `/node_modules/${name}/`);
  let hook: NativeSpawnerHook | undefined;

  attempt(() => replaceMethod(nodeModule, '_nodeModulePaths', watchFolders));
  for (const file of Object.keys(require.cache)) {
    if (isSpawner(file)) withHook(({ isLoaded }) => isLoaded(file));
  }

  function watchFolders(original: AnyFunction): AnyFunction {
    return function nodeModulePaths(...args) {
      const folder = args[0];
      if (typeof folder === 'string' && isSpawner(`${folder}/`)) withHook(({ aboutToLoad }) => aboutToLoad());
      return apply(original, this, args);
    };
  }

  /** Matches a folder of one of the packages: `/app/node_modules/node-pty/lib/`. */
  function isSpawner(file: string): boolean {
    for (let index = 0; index < folders.length; index++)
      if (apply(includes, file, [folders[index]])) return true;
    return false;
  }

  function withHook(work: (hook: NativeSpawnerHook) => void): void {
    attempt(() => {
      hook ??= load(isSpawner);
      work(hook);
    });
  }

  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      onFailure(error);
    }
  }
}
