// Finds the config of a program that was not the main script at start. A file of its own, since few programs need it.

import { findApp, startFolder } from '../policy/settings';

/** The config file that a program in this file would have, as in `Settings`. */
export function findConfig(script: string): string | undefined {
  const start = startFolder(script, undefined);
  return start === undefined ? undefined : findApp(start).found;
}
