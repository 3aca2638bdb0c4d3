// Installs closefds in workers that would start without it, so that they see no difference.
//
// A proxy replaces `Worker` at start. The first worker loads src/hooks/worker-options.ts.

import workerThreads = require('node:worker_threads');

import { EXEC_ARGV_KEY, requireFlag } from '../base/node-options';
import type { WorkerFactory } from './types';

// Captured at load: programs replace functions.
const { construct: constructOriginal } = Reflect;

type WorkerClass = typeof workerThreads.Worker;

export interface WorkerOptions {
  /** The file that installs closefds in a worker. Nothing else loads it. */
  readonly preload: string;
  /** Gets the NODE_OPTIONS that this thread was started with. Returns undefined after a reported failure, and is called again. */
  readonly load: (startedWith: string | undefined) => WorkerFactory | undefined;
}

/**
 * Replaces `Worker` in this thread, once. The caller syncs the ESM exports afterwards. Returns what tells whether this
 * thread has made a worker.
 */
export function installInWorkers({ preload, load }: WorkerOptions): () => boolean {
  // The value at start: plain workers start with that one, whatever the program assigns later.
  const startedWith = process.env.NODE_OPTIONS;
  if (!workerThreads.isMainThread) takeOut(preload, requireFlag(preload));

  let construct: WorkerFactory | undefined;
  let hasMade = false;
  const Worker: WorkerClass = new Proxy(workerThreads.Worker, {
    construct: (original, args, newTarget) => {
      hasMade = true;
      construct ??= load(startedWith);
      return (construct ?? constructOriginal)(original, args, newTarget);
    },
  });
  Object.defineProperty(Worker.prototype, 'constructor', { value: Worker });
  (workerThreads as { Worker: WorkerClass }).Worker = Worker;
  return () => hasMade;
}

function takeOut(preload: string, flag: string): void {
  const { execArgv, env } = process;
  // A worker without options of its own has its parent's command line, with our addition.
  if (execArgv[0] === '--require' && execArgv[1] === preload) {
    const whole = workerThreads.getEnvironmentData(EXEC_ARGV_KEY);
    if (Array.isArray(whole)) execArgv.splice(0, execArgv.length, ...whole);
    else execArgv.splice(0, 2);
  }
  // Workers that it starts itself must not get the addition.
  workerThreads.setEnvironmentData(EXEC_ARGV_KEY, undefined as never);
  if (env.NODE_OPTIONS === flag) delete env.NODE_OPTIONS;
  else if (env.NODE_OPTIONS?.startsWith(`${flag} `))
    env.NODE_OPTIONS = env.NODE_OPTIONS.slice(flag.length + 1);
}
