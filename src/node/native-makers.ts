// Packages that make processes natively, past child_process: node-pty and its forks.
//
// require-in-the-middle finds their main modules, and each function of theirs that the compat
// table names is replaced in place. But it takes some 8 ms to load, which every program would
// pay, it does not see `import`, and it stands in the stack of every module that loads below it.
// So all that is in place from the start is a look at the folders that pass
// Module._nodeModulePaths: the loader asks it about each CommonJS file that is about to run,
// required or imported (Node 18 to 26), and it has returned when the file runs. Only while files
// of such a package are loading is there more.
//
// What stays out of sight: the package under another folder's name, bundled, run from source that
// a loader hook supplies, or with a getter that cannot be replaced. Strays are closed there all
// the same, in the child, but in `enforce` and `strict` only, and nobody is told.

import nodeModule = require('node:module');

import type * as Ritm from 'require-in-the-middle';
import { readMarks, toCall } from '../core/read-call';
import { type AnyFunction, replaceMethod } from '../core/replace-method';
import type { SpawnCall } from '../core/request';
import { isOptions, peek } from '../core/stdio-option';

const { _extensions: extensions } = nodeModule as unknown as { _extensions: Record<string, unknown> };

/** Package -> its exports that start a process, called as (file, args, options). */
export type Makers = Readonly<Record<string, readonly string[]>>;

type GuardNative = (call: SpawnCall, start: () => unknown) => unknown;

/** To be called once in each thread. */
export function hookNativeMakers(
  makers: Makers,
  guardNative: GuardNative,
  onFailure: (error: unknown) => void,
): void {
  const names = Object.keys(makers);
  const inMaker = toPattern(names);
  const guarded = new WeakSet<object>();
  let stopWatching: (() => void) | undefined;
  /** Files of makers that are loading, each below the one before. */
  let loading = 0;
  let failed = false;

  attempt(() => replaceMethod(nodeModule, '_nodeModulePaths', watchFolders));
  for (const file of Object.keys(require.cache)) {
    if (inMaker.test(file)) guardLoaded(file);
  }
  stopWatching?.();

  function watchFolders(original: AnyFunction): AnyFunction {
    return function nodeModulePaths(...args) {
      const [folder] = args;
      if (typeof folder === 'string' && inMaker.test(folder)) attempt(watchLoads);
      return Reflect.apply(original, this, args);
    };
  }

  function watchLoads(): void {
    if (stopWatching !== undefined) return;
    const before = extensions['.js'];
    replaceMethod(extensions, '.js', guardAfterLoad);
    const ours = extensions['.js'];
    stopWatching = () => {
      // Who wrapped ours meanwhile goes on to call it.
      if (extensions['.js'] !== ours) return;
      extensions['.js'] = before;
      stopWatching = undefined;
    };
  }

  function guardAfterLoad(original: AnyFunction): AnyFunction {
    return function load(...args) {
      const [, file] = args;
      if (typeof file !== 'string' || !inMaker.test(file)) return Reflect.apply(original, this, args);
      loading++;
      try {
        const result = Reflect.apply(original, this, args);
        guardLoaded(file);
        return result;
      } finally {
        loading--;
        if (loading === 0) attempt(() => stopWatching?.());
      }
    };
  }

  /** Asks for a file that is loaded once more, so that require-in-the-middle sees it. */
  function guardLoaded(file: string): void {
    attempt(() => {
      const { Hook } = require('require-in-the-middle') as typeof Ritm;
      const hook = new Hook(names, (exports, name) => guardExports(exports, makers[name] ?? [], name));
      try {
        nodeModule.createRequire(file)(file);
      } finally {
        hook.unhook();
      }
    });
  }

  /** Whatever fails here, the program's files load. */
  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      // A package has many files, and one report says it for all of them.
      if (!failed) onFailure(error);
      failed = true;
    }
  }

  function guardExports<T>(exports: T, methods: readonly string[], name: string): T {
    if (typeof exports !== 'object' || exports === null || guarded.has(exports)) return exports;
    guarded.add(exports);
    for (const method of methods)
      replaceMethod(exports, method, original => guardMaker(original, `${name}.${method}`));
    return exports;
  }

  function guardMaker(original: AnyFunction, route: string): AnyFunction {
    return function make(...args) {
      return guardNative(toMakerCall(route, args), () => Reflect.apply(original, this, args));
    };
  }
}

/** What lies in a package of one of the names: `/app/node_modules/node-pty/lib`. */
function toPattern(names: readonly string[]): RegExp {
  const either = names.map(name => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  return new RegExp(`/node_modules/(?:${either})(?:/|$)`);
}

/** A child of theirs has a terminal for its stdio, and no slots. */
function toMakerCall(route: string, [file, args, options]: readonly unknown[]): SpawnCall {
  const given = isOptions(options) ? options : {};
  const command = { file: typeof file === 'string' ? file : 'sh', args, env: peek(given, 'env') };
  const { unsafe } = readMarks(given);
  return { ...toCall(route, command, undefined, process.env), unsafe, native: true };
}
