// The caller: the package, or the app, whose code called child_process.

import type { Kind } from './spawn-request';

/** A place in the code of a package, as far as it is known from the stack and the installed packages. */
export interface CodePlace {
  /** The package's folder below `node_modules`, `"."` for the app, `"?"` for code without a file. */
  readonly name: string;
  /** From the package's package.json; undefined for the app. */
  readonly version: string | undefined;
  /** The name in the package's package.json, if it differs from the folder (an npm alias). */
  readonly declaredName: string | undefined;
  /** The file that runs: a path, a name like `[eval]`, or a description of code without a file. */
  readonly file: string | undefined;
  /** The same, relative to the package, or to the app's root. */
  readonly fileInPackage: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly function: string | undefined;
  /** The place that was written, if Node or the program knows a source map. Rules ask for the file that runs. */
  readonly source?: SourcePlace;
  /** Its code passes on the options that it was given and puts no FD from 3 up into them, as far as its text shows. */
  readonly forwards?: true;
}

/** A place in a file from which the running code was generated. */
export interface SourcePlace {
  readonly file: string;
  /** Relative to the package, or to the app's root. */
  readonly fileInPackage: string;
  readonly line: number;
  /** From 1, as in V8's stacks. */
  readonly column: number;
}

export interface Caller extends CodePlace {
  /** The function of child_process that was called, where the stack shows it: `exec` and `fork` call `spawn` in turn. */
  readonly callee?: string;
  /** Launchers that were skipped, nearest to child_process first. */
  readonly launchers: readonly string[];
  /**
   * The packages whose code called the caller, nearest first, without launchers, to the app at the most. Missing
   * for the app, and if no other package is on the stack.
   */
  readonly calledBy?: readonly OuterCaller[];
}

export type OuterCaller = CodePlace;

/** The app's own name as a caller. */
export const APP = '.';

/**
 * Code without a file (a data: URL, vm code that a timer calls), if no code with a file called it. No package
 * can have this name, and no rule can name it.
 */
export const UNKNOWN = '?';

type DisplayedPlace = { readonly [K in 'file' | 'fileInPackage' | 'line' | 'column']?: CodePlace[K] };

/** The place that users see: that in the source, if a source map is known. */
export function shownPlace(place: DisplayedPlace & { readonly source?: SourcePlace }): DisplayedPlace {
  return place.source ?? place;
}

/** The code that wants the FDs of a call, and the packages between it and child_process that only pass on options. */
export interface Responsible {
  readonly place: CodePlace;
  /** Nearest to child_process first. */
  readonly via: readonly string[];
}

/**
 * The caller itself, unless its code only passes on the options of its own caller. A message channel is made by
 * fork(), and a stray is passed by every spawn, without options.
 */
export function responsibleFor(caller: Caller, kind: Kind | undefined): Responsible {
  const via: string[] = [];
  let place: CodePlace = caller;
  if (kind !== 'fd' && kind !== 'pipe') return { place, via };
  for (const outer of caller.calledBy ?? []) {
    if (!place.forwards) break;
    via.push(place.name);
    place = outer;
  }
  return { place, via };
}

/** A key for the call site: findings are counted and deduplicated by it. */
export function callSite(caller: CodePlace | undefined): string {
  return caller === undefined
    ? 'unknown'
    : `${caller.file ?? caller.name}:${caller.line ?? 0}:${caller.column ?? 0}`;
}

/** A key for the call site and all those further out. */
export function callSiteChain(caller: Caller | undefined): string {
  return [caller, ...(caller?.calledBy ?? [])].map(callSite).join(' < ');
}

/** `name` of `name@version`; the text itself without a version. A scope begins with an `@`, too. */
export function withoutVersion(title: string): string {
  const at = title.lastIndexOf('@');
  return at > 0 ? title.slice(0, at) : title;
}

/** `tsx@4.6.0`, `the app`, `code without a file`, or `my-alias@1.2.3 (package "tsx")`. */
export function callerTitle(caller: CodePlace | undefined): string {
  if (caller === undefined) return 'an unknown caller';
  if (caller.name === APP) return 'the app';
  if (caller.name === UNKNOWN) return 'code without a file';
  const title = caller.version === undefined ? caller.name : `${caller.name}@${caller.version}`;
  return caller.declaredName === undefined ? title : `${title} (package "${caller.declaredName}")`;
}
