// Makes paths absolute that children and workers inherit and would resolve in their own current folder.
//
// Node passes `process.execArgv` to forks, cluster workers and threads, and the environment to every
// child. In another folder Node does not find a name such as `closefds/register`, and the child does not
// start: https://nodejs.org/api/child_process.html#child_processforkmodulepath-args-options

import nodeModule = require('node:module');
import path = require('node:path');
import url = require('node:url');
import workerThreads = require('node:worker_threads');

import { type RenamePreload, renameInNodeOptions, renamePreloads } from '../base/node-options';

const FOLDER_KEY = 'closefds.folder';

/** The current folder; undefined if it was deleted. */
export function currentFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/**
 * Replaces names of files in `folder` (the preloads of closefds) by absolute paths: in `process.execArgv` and
 * in NODE_OPTIONS. Returns the current folder if there were such names in this thread or in the main thread:
 * Node starts plain workers with the old names, not with those in `process.execArgv`. Never throws.
 */
export function makePreloadsAbsolute(folder: string): string | undefined {
  try {
    const before = workerThreads.isMainThread ? undefined : workerThreads.getEnvironmentData(FOLDER_KEY);
    const found = renameOwn(folder);
    if (typeof before === 'string') return before;
    if (found !== undefined) workerThreads.setEnvironmentData(FOLDER_KEY, found);
    return found;
  } catch {
    // An earlier preload froze the list, or the runtime has no such list: children inherit it unchanged.
    return undefined;
  }
}

function renameOwn(folder: string): string | undefined {
  const { execArgv, env } = process;
  const options = env.NODE_OPTIONS;
  let found: string | undefined;

  renamePreloads(execArgv, rename).forEach((word, index) => {
    if (word !== execArgv[index]) execArgv[index] = word;
  });
  const renamed = options && renameInNodeOptions(options, rename);
  if (renamed !== options) env.NODE_OPTIONS = renamed;
  return found;

  function rename(...[name, flag]: Parameters<RenamePreload>): string | undefined {
    // The names of all preloads of closefds contain this. To resolve a name costs time.
    if (!name.includes('register') || path.isAbsolute(name) || name.startsWith('file:')) return undefined;
    const file = resolveFromCurrentFolder(name);
    if (!file?.startsWith(folder + path.sep)) return undefined;
    found = process.cwd();
    return flag === '--import' ? url.pathToFileURL(file).href : file;
  }
}

/** Resolves a name as Node did a moment ago, so most of the result is in Node's cache. */
function resolveFromCurrentFolder(name: string): string | undefined {
  try {
    return nodeModule.createRequire(path.join(process.cwd(), 'preload')).resolve(name);
  } catch {
    return undefined;
  }
}

/** Replaces relative paths in these variables, which are relative to the current folder of this process. Never throws. */
export function makeVariablesAbsolute(paths: Readonly<Record<string, string | undefined>>): void {
  const { env } = process;
  for (const [name, absolute] of Object.entries(paths)) {
    try {
      if (absolute !== undefined && env[name] && !path.isAbsolute(env[name])) env[name] = absolute;
    } catch {
      // An earlier preload made the environment read-only.
    }
  }
}
