// Workers that would start without closefds get it.
//
// A worker runs its parent's preloads, unless it is given an `env` (then not those of
// NODE_OPTIONS, and before 20.18 none) or `execArgv` (then not those of the command line).
// Libraries of workers do that for reasons of their own. The worker would neither judge what is
// designated nor mark what is stray.

import nodeModule = require('node:module');
import workerThreads = require('node:worker_threads');

/** Replaces `Worker` in this thread. `preload` is the file that installs closefds. */
export function installInWorkers(preload: string): void {
  const mutable = workerThreads as { Worker: typeof workerThreads.Worker };
  mutable.Worker = new Proxy(workerThreads.Worker, {
    construct: (target, [file, options], newTarget) =>
      Reflect.construct(target, [file, withPreload(options, preload)], newTarget),
  });
  nodeModule.syncBuiltinESMExports();
}

function withPreload(options: unknown, preload: string): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const { env, execArgv } = options as { env?: unknown; execArgv?: unknown };
  const inherits = (env ?? workerThreads.SHARE_ENV) === workerThreads.SHARE_ENV && execArgv == null;
  // What Node is going to refuse, it has to see as it is.
  if (inherits || (execArgv != null && !Array.isArray(execArgv))) return options;
  return { ...options, execArgv: ['--require', preload, ...(execArgv ?? process.execArgv)] };
}
