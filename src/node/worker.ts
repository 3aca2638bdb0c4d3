// Workers that would start without closefds get it, and cannot tell.
//
// A plain worker runs its parent's preloads. But with `execArgv` it does not run those of the
// command line; with another NODE_OPTIONS in `env` not those of NODE_OPTIONS, and before 20.18 none
// of the command line either; with `eval` none that came by --import. Libraries of workers do all
// of this for reasons of their own. Such a worker would judge nothing and mark nothing.
//
// What is added stands first, so the worker, where closefds then is the first to run, can take it
// out before anybody looks. Only preloads in NODE_OPTIONS run before one in `execArgv`.

import nodeModule = require('node:module');
import workerThreads = require('node:worker_threads');

import { requireFlag } from '../core/node-options';

export interface WorkerOptions {
  /** The file that installs closefds in a worker, and is loaded in no other way. */
  readonly preload: string;
  /** Told, once, of a worker that runs without closefds, and why. It runs already: must not throw. */
  readonly onUnguarded: (error: unknown) => void;
}

type WorkerClass = typeof workerThreads.Worker;
type Additions = Readonly<Record<PropertyKey, unknown>>;

/** Replaces `Worker` in this thread. To be called once in each. */
export function installInWorkers({ preload, onUnguarded }: WorkerOptions): void {
  const flag = requireFlag(preload);
  // What this thread was started with, and plain workers therefore are, whatever is assigned later.
  const startedWith = process.env.NODE_OPTIONS;
  let told = false;
  if (!workerThreads.isMainThread) takeOut(preload, flag);

  const mutable = workerThreads as { Worker: WorkerClass };
  const Worker: WorkerClass = new Proxy(workerThreads.Worker, { construct });
  Object.defineProperty(Worker.prototype, 'constructor', { value: Worker });
  mutable.Worker = Worker;
  nodeModule.syncBuiltinESMExports();

  function construct(original: WorkerClass, args: unknown[], newTarget: NewableFunction): object {
    const added = additions(args[1]);
    if (added === undefined) return Reflect.construct(original, args, newTarget);
    const [file, options, ...rest] = args;
    try {
      return Reflect.construct(original, [file, overlay(options, added), ...rest], newTarget);
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code !== 'ERR_WORKER_INVALID_EXEC_ARGV') throw error;
      // Most likely the caller's mistake, and then the caller is to see it as it always was. But
      // options that Node allows in its own NODE_OPTIONS only are no mistake in a mere copy of them.
      const worker = Reflect.construct(original, args, newTarget);
      if (!told) onUnguarded(error);
      told = true;
      return worker;
    }
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

function takeOut(preload: string, flag: string): void {
  const { execArgv, env } = process;
  // A worker that was given neither has its parent's command line, with what was added there.
  if (execArgv[0] === '--require' && execArgv[1] === preload) execArgv.splice(0, 2);
  if (env.NODE_OPTIONS === flag) delete env.NODE_OPTIONS;
  else if (env.NODE_OPTIONS?.startsWith(`${flag} `))
    env.NODE_OPTIONS = env.NODE_OPTIONS.slice(flag.length + 1);
}
