// The contract between the hooks that are installed at start and the code that the first call loads.

import type { AnyFunction } from '../base/wrap-function';

/** Each returns the function that replaces `original`; see src/hooks/child-process.ts. */
export interface HookFactories {
  readonly spawn: (original: AnyFunction) => AnyFunction;
  /** `spawnSync` is Node's own, for all three routes. */
  readonly sync: (route: SyncRoute, original: AnyFunction, spawnSync: AnyFunction) => AnyFunction;
  /** Also for the promisified form. */
  readonly execFile: (original: AnyFunction) => AnyFunction;
  readonly execve: (original: AnyFunction) => AnyFunction;
  readonly binding: (original: AnyFunction) => AnyFunction;
}

export type SyncRoute = 'spawnSync' | 'execFileSync' | 'execSync';

/** Maps a package to its exports that start a process. They are called as (file, args, options). */
export type NativeSpawners = Readonly<Record<string, readonly string[]>>;

/** Guards packages that start processes natively. */
export interface NativeSpawnerHook {
  /** A file of one of them is about to load. */
  readonly aboutToLoad: () => void;
  /** This file was loaded before closefds. */
  readonly isLoaded: (file: string) => void;
}

/** Constructs workers: the `construct` trap of a proxy for their class. */
export type WorkerFactory = (
  original: NewableFunction,
  args: unknown[],
  newTarget: NewableFunction,
) => object;
