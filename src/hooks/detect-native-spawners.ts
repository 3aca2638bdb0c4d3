// Notices when a package is about to load that makes processes natively, past child_process.
//
// All that is in place from the start is a look at the folders that pass Module._nodeModulePaths:
// the loader asks it about each CommonJS file that is about to run, required or imported (Node 18
// to 26), and it has returned when the file runs. Only then is src/hooks/native-spawners.ts loaded.

import nodeModule = require('node:module');

import { type AnyFunction, replaceMethod } from '../base/wrap-function';
import type { Makers, MakersHook } from './types';

export interface WatchMakersOptions {
  readonly makers: Makers;
  readonly load: (isMakers: (file: string) => boolean) => MakersHook;
  /** Whatever fails, the program's files load. Told of each failure; must not throw. */
  readonly onFailure: (error: unknown) => void;
}

/** To be called once in each thread. */
export function watchMakers({ makers, load, onFailure }: WatchMakersOptions): void {
  const places = Object.keys(makers).map(name => `/node_modules/${name}/`);
  let hook: MakersHook | undefined;

  attempt(() => replaceMethod(nodeModule, '_nodeModulePaths', watchFolders));
  for (const file of Object.keys(require.cache)) {
    if (isMakers(file)) withHook(({ isLoaded }) => isLoaded(file));
  }

  function watchFolders(original: AnyFunction): AnyFunction {
    return function nodeModulePaths(...args) {
      const [folder] = args;
      if (typeof folder === 'string' && isMakers(`${folder}/`)) withHook(({ aboutToLoad }) => aboutToLoad());
      return Reflect.apply(original, this, args);
    };
  }

  /** What lies in one of the packages: `/app/node_modules/node-pty/lib/`. */
  function isMakers(file: string): boolean {
    return places.some(place => file.includes(place));
  }

  function withHook(work: (hook: MakersHook) => void): void {
    attempt(() => {
      hook ??= load(isMakers);
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
