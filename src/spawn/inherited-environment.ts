// Reads the environment of this process, which a child gets that has none of its own.
//
// Node asks the C library for each variable, and each spawn of a process with strays asks for all of them. So what
// was read is used again until one has changed.

import { isOrdinary, toPairs } from './parse-call';
import type { IsProxy } from './stdio-option';

export interface InheritedEnvironmentOptions {
  /** Whether a variable of this process changed since the last call. Undefined where that cannot be told. */
  readonly hasChanged: (() => boolean) | undefined;
  readonly isProxy: IsProxy;
}

/** Returns a function that gives `NAME=value` of each variable of `process.env` that may name an FD. */
export function createEnvironmentReader({
  hasChanged,
  isProxy,
}: InheritedEnvironmentOptions): () => readonly string[] {
  let pairs: readonly string[] = [];
  let source: unknown;

  return () => {
    const { env } = process;
    if (hasChanged === undefined) return toPairs(env);
    const changed = hasChanged();
    if (changed || env !== source) {
      pairs = toPairs(env);
      // Another object is read each time.
      source = isOfSystem(env, isProxy) ? env : undefined;
    }
    return pairs;
  };
}

/**
 * Whether this is the object by which Node gives the variables of the C library, and not one that a program has put
 * in its place. Node's refuses symbols: https://nodejs.org/api/process.html#processenv
 */
function isOfSystem(env: object, isProxy: IsProxy): boolean {
  if (isProxy(env) || isOrdinary(env)) return false;
  const key = Symbol('closefds');
  try {
    if (Reflect.set(env, key, '')) Reflect.deleteProperty(env, key);
    return false;
  } catch {
    return true;
  }
}
