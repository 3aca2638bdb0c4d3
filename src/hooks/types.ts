// What the halves that are in place from the start ask of the halves that are loaded when needed.

import type { AnyFunction } from '../base/wrap-function';

/** What is done in each place of src/hooks/child-process.ts, given what stood there. */
export interface HookFactories {
  readonly spawn: (original: AnyFunction) => AnyFunction;
  /** `spawnSync` as it was, for all three routes. */
  readonly sync: (route: SyncRoute, original: AnyFunction, spawnSync: AnyFunction) => AnyFunction;
  /** The same for the promisified form. */
  readonly execFile: (original: AnyFunction) => AnyFunction;
  readonly execve: (original: AnyFunction) => AnyFunction;
  readonly binding: (original: AnyFunction) => AnyFunction;
}

export type SyncRoute = 'spawnSync' | 'execFileSync' | 'execSync';

/** Package -> its exports that start a process, called as (file, args, options). */
export type NativeSpawners = Readonly<Record<string, readonly string[]>>;

/** What is done about packages that make processes natively. */
export interface NativeSpawnerHook {
  /** A file of one of them is about to load. */
  readonly aboutToLoad: () => void;
  /** This file was loaded before closefds. */
  readonly isLoaded: (file: string) => void;
}

/** What constructs workers, as the trap of a proxy for their class. */
export type WorkerFactory = (
  original: NewableFunction,
  args: unknown[],
  newTarget: NewableFunction,
) => object;
