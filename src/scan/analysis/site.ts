// A site: a place in one file that passes FDs, or that may do so without the guard or the scan seeing it.

import type { Kind } from '../../model/spawn-request';

/**
 * How much of the way this file shows:
 *   certain    the call, and what it passes
 *   likely     what is passed, under the name `stdio`, or the call with only a part of what it passes
 *   possible   code that resembles one of these, or that could pass FDs
 */
export type Confidence = 'certain' | 'likely' | 'possible';
/** The highest first. */
export const CONFIDENCES: readonly Confidence[] = ['certain', 'likely', 'possible'];

export interface Site {
  readonly siteType: SiteType;
  readonly confidence: Confidence;
  /** Why the confidence is what it is. */
  readonly reason: Reason;
  /** The kinds of FDs that reach the child. Empty if unknown. */
  readonly kinds: readonly Kind[];
  /** The child's numbers, as far as they are known. */
  readonly slots: readonly number[];
  /** Whether there may be other numbers. */
  readonly more: boolean;
  /** The reason that the code gives to `unsafe()`: a string, or the source text of an expression. */
  readonly given?: string;
  /** The function that starts the process: `spawn`, `cross-spawn`, `execa.execaNode`. */
  readonly callee?: string;
  /** Of the call if it is known, otherwise of the array. From 1. */
  readonly line: number;
  readonly column: number;
  /** All lines of the site, such as those of the array. */
  readonly lines: readonly number[];
  readonly snippet: string;
  /** The line of `snippet`: that of the array, if there is one. */
  readonly snippetLine: number;
}

export type SiteType =
  | 'stdio'
  | 'use'
  | 'explicit'
  | 'unsafe'
  | 'launcher'
  | 'binding'
  | 'constructor'
  | 'execve'
  | 'patch'
  | 'addon'
  | 'known';

/** message.ts has the sentences. */
export type Reason =
  | 'call-and-array'
  | 'own-channel'
  | 'said'
  | 'opted-out'
  | 'callers-options'
  | 'own-function'
  | 'own-function-of-parameter'
  | 'open-slot'
  | 'grows'
  | 'handed'
  | 'name'
  | 'words'
  | 'added'
  | 'used'
  | 'open-rest'
  | 'by-hand'
  | 'below'
  | 'execve'
  | 'makes-processes'
  | 'opens'
  | 'compat';

/** Joins the sites of one type at one place: a call whose array has several forms is one site. */
export function mergeSites(sites: readonly Site[]): readonly Site[] {
  const places = new Map<string, Site>();
  for (const site of sites) {
    // `f(child.stdio[3], child.stdio[4])` is one use.
    const column = site.siteType === 'use' ? '' : site.column;
    const key = `${site.siteType} ${site.line}:${column} ${site.callee ?? ''}`;
    const known = places.get(key);
    places.set(key, known === undefined ? site : join(known, site));
  }
  return [...places.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

function join(a: Site, b: Site): Site {
  const [stronger] = CONFIDENCES.indexOf(a.confidence) <= CONFIDENCES.indexOf(b.confidence) ? [a] : [b];
  return {
    ...stronger,
    kinds: unique([...a.kinds, ...b.kinds]),
    slots: unique([...a.slots, ...b.slots]).sort((x, y) => x - y),
    more: a.more || b.more,
    lines: unique([...a.lines, ...b.lines]).sort((x, y) => x - y),
  };
}

export function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
