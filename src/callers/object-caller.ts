// The package that a native library or addon belongs to.

import path = require('node:path');

import { locate } from '../base/package-path';
import { APP, type Caller } from '../model/caller';

export interface ObjectCallerOptions {
  readonly appRoot: string;
  /** The path of Node's own program. */
  readonly execPath: string;
  /** Finds the package of a file; src/callers/find-caller.ts. */
  readonly callerOf: (file: string) => Caller | undefined;
}

/** undefined for libraries of the system, and for Node itself: they belong to no package. */
export function objectCaller(file: string, options: ObjectCallerOptions): Caller | undefined {
  const { appRoot, execPath, callerOf } = options;
  if (file === '' || file === execPath) return undefined;
  const isInPackage = locate(file, path.sep) !== undefined;
  const isInApp = file.startsWith(appRoot.endsWith(path.sep) ? appRoot : appRoot + path.sep);
  const caller = isInPackage || isInApp ? callerOf(file) : undefined;
  return caller?.name === APP && !isInApp ? undefined : caller;
}
