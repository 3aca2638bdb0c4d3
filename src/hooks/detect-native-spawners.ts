// Notices when a package is about to load that makes processes natively, past child_process.
//
// All that is in place from the start is a look at the folders that pass Module._nodeModulePaths:
// the loader asks it about each CommonJS file that is about to run, required or imported (Node 18
// to 26), and it has returned when the file runs. Only then is src/hooks/native-spawners.ts loaded.

import nodeModule = require('node:module');

import { type AnyFunction, replaceMethod } from '../base/wrap-function';
import type { NativeSpawnerHook, NativeSpawners } from './types';

export interface DetectNativeSpawnersOptions {
  readonly spawners: NativeSpawners;
  readonly load: (isSpawner: (file: string) => boolean) => NativeSpawnerHook;
  /** Whatever fails, the program's files load. Told of each failure; must not throw. */
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
      const [folder] = args;
      if (typeof folder === 'string' && isSpawner(`${folder}/`)) withHook(({ aboutToLoad }) => aboutToLoad());
      return Reflect.apply(original, this, args);
    };
  }

  /** What lies in one of the packages: `/app/node_modules/node-pty/lib/`. */
  function isSpawner(file: string): boolean {
    return folders.some(place => file.includes(place));
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
