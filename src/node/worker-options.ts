// What is added to a worker's options so that it starts with closefds. Loaded by the first worker.
//
// A plain worker runs its parent's preloads. But with `execArgv` it does not run those of the
// command line; with another NODE_OPTIONS in `env` not those of NODE_OPTIONS, and before 20.18 none
// of the command line either; with `eval` none that came by --import. Libraries of workers do all
// of this for reasons of their own. Such a worker would judge nothing and mark nothing.
//
// What is added stands first, so the worker, where closefds then is the first to run, can take it
// out before anybody looks: src/node/worker.ts. Only preloads in NODE_OPTIONS run before one in
// `execArgv`.

import fs = require('node:fs');

import { requireFlag } from '../core/node-options';
import type { WorkerMaker } from '../core/places';

export interface WorkerMakerOptions {
  /** The file that installs closefds in a worker, and is loaded in no other way. */
  readonly preload: string;
  /** The NODE_OPTIONS that this thread was started with. */
  readonly startedWith: string | undefined;
  /** Told, once, of a worker that runs without closefds, and why. It runs already: must not throw. */
  readonly onUnguarded: (error: unknown) => void;
}

// Taken at load: programs replace functions of `fs`.
const { existsSync } = fs;

type Additions = Readonly<Record<PropertyKey, unknown>>;

/** To be called once in each thread. */
export function createWorkerMaker({ preload, startedWith, onUnguarded }: WorkerMakerOptions): WorkerMaker {
  const flag = requireFlag(preload);
  let told = false;
  return construct;

  function construct(original: NewableFunction, args: unknown[], newTarget: NewableFunction): object {
    const added = additions(args[1]);
    if (added === undefined) return Reflect.construct(original, args, newTarget);
    if (!existsSync(preload)) return unguarded(new Error(`${preload} is gone`), original, args, newTarget);
    const [file, options, ...rest] = args;
    try {
      return Reflect.construct(original, [file, overlay(options, added), ...rest], newTarget);
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code !== 'ERR_WORKER_INVALID_EXEC_ARGV') throw error;
      // Most likely the caller's mistake, and then the caller is to see it as it always was. But
      // options that Node allows in its own NODE_OPTIONS only are no mistake in a mere copy of them.
      return unguarded(error, original, args, newTarget);
    }
  }

  function unguarded(
    error: unknown,
    original: NewableFunction,
    args: unknown[],
    newTarget: NewableFunction,
  ): object {
    const worker = Reflect.construct(original, args, newTarget);
    if (!told) onUnguarded(error);
    told = true;
    return worker;
  }

  function additions(options: unknown): Additions | undefined {
    const { execArgv, env, eval: isEval } = (options ?? {}) as Record<string, unknown>;
    if (Array.isArray(execArgv)) return { execArgv: ['--require', preload, ...execArgv] };
    // What Node is going to refuse, it has to see as it is.
    if (execArgv || (typeof env !== 'object' && env !== undefined)) return undefined;

    const given = env as NodeJS.ProcessEnv | null | undefined;
    const current = given ?? process.env;
    const asStarted = KEEPS_COMMAND_LINE && current.NODE_OPTIONS === startedWith;
    const unimported = isEval && imports(startedWith);
    if (given ? asStarted && !unimported : !(asStarted && unimported)) return undefined;

    const before = Object.hasOwn(current, 'NODE_OPTIONS') ? ` ${current.NODE_OPTIONS}` : '';
    return { env: { ...current, NODE_OPTIONS: flag + before } };
  }
}

/** Since when an `env` leaves the command line in force: https://github.com/nodejs/node/pull/53029 */
const KEEPS_COMMAND_LINE = (([major = 0, minor = 0]) =>
  major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 18))(
  process.versions.node.split('.').map(Number),
);

/** Whether closefds may have come in a way that is not gone for a worker with `eval`. */
function imports(nodeOptions = ''): boolean {
  return [...process.execArgv, nodeOptions].some(word => word.includes('--import'));
}

/** The caller's options stay as they are, and what else Node reads, it reads from them. */
function overlay(options: unknown, added: Additions): object {
  const get = (_: object, key: PropertyKey) =>
    Object.hasOwn(added, key) ? added[key] : (options as Additions)[key];
  return new Proxy({}, { get });
}
