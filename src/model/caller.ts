// The caller: the package, or the app, whose code called child_process.

/** The caller, as far as it is known from the stack and the installed packages. */
export interface Caller {
  /** The package's folder below `node_modules`, `"."` for the app, `"?"` for code without a file. */
  readonly name: string;
  /** From the package's package.json; undefined for the app. */
  readonly version: string | undefined;
  /** The name in the package's package.json, if it differs from the folder (an npm alias). */
  readonly declaredName: string | undefined;
  /** The calling file: a path, a name like `[eval]`, or a description of code without a file. */
  readonly file: string | undefined;
  /** The same, relative to the package, or to the app's root. */
  readonly fileInPackage: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly function: string | undefined;
  /** The function of child_process that was called, where the stack shows it: `exec` and `fork` call `spawn` in turn. */
  readonly callee?: string;
  /** Launchers that were skipped, nearest to child_process first. */
  readonly launchers: readonly string[];
}

/** The app's own name as a caller. */
export const APP = '.';

/**
 * Code without a file (a data: URL, vm code that a timer calls), if no code with a file called it. No package
 * can have this name, and no rule can name it.
 */
export const UNKNOWN = '?';

/** A key for the call site: findings are counted and deduplicated by it. */
export function callSite(caller: Caller | undefined): string {
  return caller === undefined
    ? 'unknown'
    : `${caller.file ?? caller.name}:${caller.line ?? 0}:${caller.column ?? 0}`;
}

/** `tsx@4.6.0`, `the app`, `code without a file`, or `my-alias@1.2.3 (package "tsx")`. */
export function callerTitle(caller: Caller | undefined): string {
  if (caller === undefined) return 'an unknown caller';
  if (caller.name === APP) return 'the app';
  if (caller.name === UNKNOWN) return 'code without a file';
  const title = caller.version === undefined ? caller.name : `${caller.name}@${caller.version}`;
  return caller.declaredName === undefined ? title : `${title} (package "${caller.declaredName}")`;
}
