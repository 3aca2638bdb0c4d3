// Adds closefds to the options of a worker that would start without it. Loaded by the first worker.
//
// A plain worker runs its parent's preloads. But with `execArgv` it does not run those of the
// command line; with another NODE_OPTIONS in `env` not those of NODE_OPTIONS, and before 20.18 none
// of the command line either; with `eval` none that came by --import. Libraries of workers do all
// of this. Such a worker would guard nothing.
//
// A preload that Node was given by name fails in a worker that starts in another folder, since Node looks for it
// again, from there. Such a worker gets the command line in our absolute form, as an `execArgv`.
//
// The addition comes first, so that closefds runs first in the worker and removes the addition before user code
// reads the options: src/hooks/worker.ts. Only preloads in NODE_OPTIONS run before one in `execArgv`.

import fs = require('node:fs');

import workerThreads = require('node:worker_threads');

import { EXEC_ARGV_KEY, requireFlag } from '../base/node-options';
import type { WorkerFactory } from './types';

export interface WorkerFactoryOptions {
  /** The file that installs closefds in a worker. Nothing else loads it. */
  readonly preload: string;
  /** The NODE_OPTIONS that this thread was started with. */
  readonly startedWith: string | undefined;
  /** The folder in which Node resolved our preload's bare name; undefined if the preload was given by path. */
  readonly namedFrom: string | undefined;
  /** In mode `off` a worker only has to start. */
  readonly isOff: boolean;
  /** Called once, for a worker that runs without closefds. It runs already, so this must not throw. */
  readonly onUnguarded: (error: unknown) => void;
}

// Captured at load, because programs replace functions of `fs`.
const { existsSync } = fs;
const { SHARE_ENV } = workerThreads;

type Additions = Readonly<Record<PropertyKey, unknown>>;

/** To be called once in each thread. */
export function createWorkerFactory(options: WorkerFactoryOptions): WorkerFactory {
  const { preload, startedWith, namedFrom, isOff, onUnguarded } = options;
  const flag = requireFlag(preload);
  let told = false;
  return construct;

  function construct(original: NewableFunction, args: unknown[], newTarget: NewableFunction): object {
    if (hasMoved(namedFrom) && inheritsCommandLine(args[1]) && existsSync(preload))
      return constructMoved(original, args, newTarget);
    const added = isOff ? undefined : additions(args[1]);
    if (added === undefined) return Reflect.construct(original, args, newTarget);
    if (!existsSync(preload)) return unguarded(new Error(`${preload} is gone`), original, args, newTarget);
    try {
      return Reflect.construct(original, withOptions(args, added), newTarget);
    } catch (error) {
      if (!isInvalidExecArgv(error)) throw error;
      // Most likely a mistake of the caller, who gets Node's own error then. But a copy of the process's
      // NODE_OPTIONS may hold options that Node refuses for a worker.
      // Node's message quotes the options.
      return unguarded(new Error('Node refuses its options with the preload'), original, args, newTarget);
    }
  }

  /** The worker puts the whole command line into its `process.execArgv`: src/hooks/worker.ts. */
  function constructMoved(original: NewableFunction, args: unknown[], newTarget: NewableFunction): object {
    workerThreads.setEnvironmentData(EXEC_ARGV_KEY, [...process.execArgv]);
    try {
      return constructAllowed(process.execArgv);
    } finally {
      workerThreads.setEnvironmentData(EXEC_ARGV_KEY, undefined as never);
    }

    /** Without options of V8 and of the process: they apply anyway, and Node refuses them in an `execArgv`. */
    function constructAllowed(words: readonly string[]): object {
      const added = { execArgv: ['--require', preload, ...words] };
      try {
        return Reflect.construct(original, withOptions(args, added), newTarget);
      } catch (error) {
        if (!isInvalidExecArgv(error)) throw error;
        const allowed = withoutRefused(words, error);
        if (allowed.length === words.length) return Reflect.construct(original, args, newTarget);
        return constructAllowed(allowed);
      }
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
    // Options that Node is going to refuse stay as they are.
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

/** The first version in which an `env` leaves the command line in force: https://github.com/nodejs/node/pull/53029 */
const KEEPS_COMMAND_LINE = (([major = 0, minor = 0]) =>
  major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 18))(
  process.versions.node.split('.').map(Number),
);

/** Whether closefds may have been loaded in a way that also reaches a worker with `eval`. */
function imports(nodeOptions = ''): boolean {
  return [...process.execArgv, nodeOptions].some(word => word.includes('--import'));
}

/** Whether this process is in another folder than the one in which Node found the preload's name. */
function hasMoved(namedFrom: string | undefined): boolean {
  if (namedFrom === undefined) return false;
  try {
    return process.cwd() !== namedFrom || !existsSync(namedFrom);
  } catch {
    // The current folder was deleted.
    return true;
  }
}

/** Options that Node is going to refuse stay as they are. */
function inheritsCommandLine(options: unknown): boolean {
  if (options === null) return false;
  const { execArgv, env } = (options ?? {}) as Record<string, unknown>;
  return !execArgv && (env === undefined || env === SHARE_ENV || typeof env === 'object');
}

function isInvalidExecArgv(error: unknown): error is Error {
  return (error as { code?: unknown } | null)?.code === 'ERR_WORKER_INVALID_EXEC_ARGV';
}

/** The message ends with the words: "Initiated Worker with invalid execArgv flags: --title=a, --expose-gc". */
function withoutRefused(words: readonly string[], { message }: Error): readonly string[] {
  // Not split at the commas: a word may contain one.
  const refused = `, ${message.slice(message.indexOf(': ') + 2)}, `;
  return words.filter(word => !refused.includes(`, ${word}, `));
}

/** The arguments of a constructor call, with additions to the options. */
function withOptions(args: readonly unknown[], added: Additions): unknown[] {
  const [file, options, ...rest] = args;
  return [file, overlay(options, added), ...rest];
}

/** Leaves the caller's options as they are; Node reads everything else from them. */
function overlay(options: unknown, added: Additions): object {
  const get = (_: object, key: PropertyKey) =>
    Object.hasOwn(added, key) ? added[key] : (options as Additions | undefined)?.[key];
  return new Proxy({}, { get });
}
