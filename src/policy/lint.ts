// Reviews the rules of a config: finds rules that never match, and rules that match too much.

import { matchesGlob } from '../base/glob';
import { isSubrange, matchesRange } from '../base/semver-range';
import { DESIGNATED, expiryOf, type Rule } from './rule';

export type RuleProblem = 'expired' | 'shadowed' | 'unused' | 'wide';

export interface Remark {
  readonly problem: RuleProblem;
  /** The file and JSON pointer of the rule. */
  readonly source: string;
  /** What is wrong and what to do, as sentences. */
  readonly text: string;
}

export interface Facts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** By folder name below node_modules: the installed versions; undefined if unknown. */
  readonly installed: ReadonlyMap<string, readonly string[]> | undefined;
  /** The rules of the compat table; empty if the config turns it off. */
  readonly compat: readonly Rule[];
}

/** The remarks, in the order of the rules. */
export function reviewRules(rules: readonly Rule[], facts: Facts): Remark[] {
  const current = rules.filter(rule => !isExpired(rule, facts.now));
  return rules.flatMap(rule =>
    problemsOf(rule, current, facts).map(([problem, text]) => ({ problem, source: rule.source, text })),
  );
}

/** `current`: all rules that are not expired. */
function problemsOf(rule: Rule, current: readonly Rule[], facts: Facts): [RuleProblem, string][] {
  // An expired rule needs no further remarks.
  if (isExpired(rule, facts.now))
    return [['expired', `It expired on ${rule.expires} and no longer matches. Renew it or remove it.`]];

  const problems: [RuleProblem, string][] = [];
  const shadow = current.slice(0, current.indexOf(rule)).find(earlier => covers(earlier, rule));
  if (shadow !== undefined)
    problems.push([
      'shadowed',
      `It never decides: ${shadow.source} comes first and matches all that it does. Remove one, or put this one first.`,
    ]);
  const unused = whyUnused(rule, facts);
  if (unused !== undefined) problems.push(['unused', unused]);
  for (const text of whyWide(rule)) problems.push(['wide', text]);
  return problems;
}

function isExpired(rule: Rule, now: number): boolean {
  return expiryOf(rule) <= now;
}

// ---------------------------------------------------------------------------------------------
// Shadowed
// ---------------------------------------------------------------------------------------------

/** Whether `wide` certainly matches all FDs that `narrow` matches. */
function covers(wide: Rule, narrow: Rule): boolean {
  // After the expiry of `wide`, `narrow` still decides.
  if (wide.expires !== undefined && (narrow.expires === undefined || wide.expires < narrow.expires))
    return false;
  return (
    (isAnyCaller(wide.caller) || wide.caller === narrow.caller) &&
    (wide.range === undefined || (narrow.range !== undefined && isSubrange(narrow.range, wide.range))) &&
    includesAll(wide.kinds ?? DESIGNATED, narrow.kinds ?? DESIGNATED) &&
    (wide.fds === undefined || (narrow.fds !== undefined && includesAll(wide.fds, narrow.fds))) &&
    coversGlob(wide.command, narrow.command) &&
    coversGlob(wide.callSite, narrow.callSite) &&
    coversGlob(wide.target, narrow.target) &&
    (wide.type === undefined || wide.type === narrow.type) &&
    (wide.access === undefined || wide.access === narrow.access)
  );
}

function isAnyCaller(caller: string | undefined): boolean {
  return caller === undefined || caller === '*';
}

function includesAll<T>(all: readonly T[], some: readonly T[]): boolean {
  return some.every(one => all.includes(one));
}

function coversGlob(wide: string | undefined, narrow: string | undefined): boolean {
  if (wide === undefined || wide === narrow) return true;
  return narrow !== undefined && !/[*?]/.test(narrow) && matchesGlob(narrow, wide);
}

// ---------------------------------------------------------------------------------------------
// Unused
// ---------------------------------------------------------------------------------------------

function whyUnused(
  { caller, range, effect, ...rule }: Rule,
  { installed, compat }: Facts,
): string | undefined {
  if (caller === undefined || caller === '.' || caller === '*') return undefined;
  const versions = installed?.get(caller);
  if (installed !== undefined && versions === undefined)
    return `No package ${quote(caller)} is installed here, so it never matches. Remove it, or correct the name.`;
  if (
    versions !== undefined &&
    range !== undefined &&
    !versions.some(version => matchesRange(version, range))
  )
    return `${quote(caller)} is installed in version ${versions.join(', ')}, which is not in ${quote(range)}. Correct the range, or remove the rule.`;
  const same = compat.find(
    known =>
      effect === known.effect &&
      known.caller === caller &&
      covers(known, { ...rule, caller, effect, ...(range !== undefined && { range }) }),
  );
  return (
    same &&
    `The compat table allows this already (${same.source}: ${same.reason}). Remove it, unless it is there for its reason.`
  );
}

// ---------------------------------------------------------------------------------------------
// Wide
// ---------------------------------------------------------------------------------------------

function whyWide(rule: Rule): string[] {
  if (rule.effect !== 'allow') return [];
  const kinds = rule.kinds ?? DESIGNATED;
  const { caller, fds, command, callSite, target, type, access } = rule;
  const wide: string[] = [];
  if (isAnyCaller(caller)) wide.push('It allows every package to do this. Name a "caller".');
  if (kinds.includes('stray') && isAnything(target) && fds === undefined)
    wide.push('It passes on any stray FD, secrets and locks included. Name a "target" or "fds".');
  const designates = kinds.includes('fd') || kinds.includes('pipe');
  const isNarrow =
    [fds, type, access].some(condition => condition !== undefined) ||
    [command, callSite, target].some(glob => !isAnything(glob));
  if (designates && !kinds.includes('stray') && !isNarrow)
    wide.push('It allows its caller any FD for any command. Name "fds", a "command" or a "callSite".');
  return wide;
}

function isAnything(glob: string | undefined): boolean {
  return glob === undefined || /^\/?\*\*?(?:\/\*\*?)?$/.test(glob);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
