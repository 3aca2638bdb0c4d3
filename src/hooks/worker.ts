// Workers that would start without closefds get it, and cannot tell.
//
// `Worker` is replaced from the start by a proxy; the first worker loads what it does,
// src/hooks/worker-options.ts.

import workerThreads = require('node:worker_threads');

import { EXEC_ARGV_KEY, requireFlag } from '../base/node-options';
import type { WorkerFactory } from './types';

type WorkerClass = typeof workerThreads.Worker;

export interface WorkerOptions {
  /** The file that installs closefds in a worker, and is loaded in no other way. */
  readonly preload: string;
  /** Given the NODE_OPTIONS that this thread was started with. Undefined where it fails, and told; asked again then. */
  readonly load: (startedWith: string | undefined) => WorkerFactory | undefined;
}

/** Replaces `Worker` in this thread. To be called once in each; ESM views are to be synced afterwards. */
export function installInWorkers({ preload, load }: WorkerOptions): void {
  // What this thread was started with, and plain workers therefore are, whatever is assigned later.
  const startedWith = process.env.NODE_OPTIONS;
  if (!workerThreads.isMainThread) takeOut(preload, requireFlag(preload));

  let construct: WorkerFactory | undefined;
  const Worker: WorkerClass = new Proxy(workerThreads.Worker, {
    construct: (original, args, newTarget) => {
      construct ??= load(startedWith);
      return (construct ?? Reflect.construct)(original, args, newTarget);
    },
  });
  Object.defineProperty(Worker.prototype, 'constructor', { value: Worker });
  (workerThreads as { Worker: WorkerClass }).Worker = Worker;
}

function takeOut(preload: string, flag: string): void {
  const { execArgv, env } = process;
  // A worker that was given neither has its parent's command line, with what was added there.
  if (execArgv[0] === '--require' && execArgv[1] === preload) {
    const whole = workerThreads.getEnvironmentData(EXEC_ARGV_KEY);
    if (Array.isArray(whole)) execArgv.splice(0, execArgv.length, ...whole);
    else execArgv.splice(0, 2);
  }
  // Its own workers do not start with that.
  workerThreads.setEnvironmentData(EXEC_ARGV_KEY, undefined as never);
  if (env.NODE_OPTIONS === flag) delete env.NODE_OPTIONS;
  else if (env.NODE_OPTIONS?.startsWith(`${flag} `))
    env.NODE_OPTIONS = env.NODE_OPTIONS.slice(flag.length + 1);
}
