// Reviews the rules of a config: finds rules that never match, and rules that match too much.

import { CONDITION_TEXTS, CONDITIONS, type ConditionKey } from './conditions';
import { type CallFacts, UNKNOWN_CALL } from './facts';
import { matchCall } from './match-rule';
import { isExpired, kindsOf, type Rule } from './rule';
import { isAnything, VALUE_COVERS } from './value-types';

export type RuleProblem =
  | 'expired'
  | 'expiring'
  | 'shadowed'
  | 'unused'
  | 'wide'
  | 'launcher'
  | 'missing'
  | 'reason'
  | 'unseen';

export interface Remark {
  readonly problem: RuleProblem;
  /** The file and JSON pointer of the rule. */
  readonly source: string;
  /** What is wrong and what to do, as sentences. */
  readonly text: string;
  /** For a wide rule: rules that allow no more than the findings that it decides. */
  readonly narrower?: readonly object[];
}

export interface Facts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** By folder name below node_modules: the installed versions; undefined if unknown. */
  readonly installed: ReadonlyMap<string, readonly string[]> | undefined;
  /** The rules of the compat table; empty if the config turns it off. */
  readonly compat: readonly Rule[];
  /** Packages that start processes on behalf of their own callers. */
  readonly launchers: { readonly has: (name: string) => boolean };
  /** Whether a file of the caller fits the glob of a call site; undefined if that is unknown. */
  readonly hasCallSite: (caller: string | undefined, glob: string) => boolean | undefined;
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

  const problems: [RuleProblem, string][] = soonExpired(rule, facts);
  const shadow = current.slice(0, current.indexOf(rule)).find(earlier => covers(earlier, rule));
  if (shadow !== undefined)
    problems.push([
      'shadowed',
      `It never decides: ${shadow.source} comes first and matches all that it does. Remove one, or put this one first.`,
    ]);
  const unused = whyUnused(rule, facts);
  if (unused !== undefined) problems.push(['unused', unused]);
  for (const text of whyWide(rule)) problems.push(['wide', text]);
  return [...problems, ...wrongCaller(rule, facts), ...emptyReason(rule)];
}

const DAY = 24 * 60 * 60 * 1000;
const SOON = 14;

function soonExpired(rule: Rule, { now }: Facts): [RuleProblem, string][] {
  if (!isExpired(rule, now + SOON * DAY)) return [];
  return [
    ['expiring', `Its last day is ${rule.expires}. Renew it, or remove it if what it was for is gone.`],
  ];
}

/** A caller that is never one, or a file that is not there. */
function wrongCaller({ caller, callSite }: Rule, facts: Facts): [RuleProblem, string][] {
  const problems: [RuleProblem, string][] = [];
  if (caller !== undefined && facts.launchers.has(caller))
    problems.push([
      'launcher',
      `${quote(caller)} is a launcher: what it starts is judged as its caller's, so this rule matches only where no caller is known. Name the package that calls it, or ".".`,
    ]);
  if (callSite !== undefined && facts.hasCallSite(caller, callSite) === false)
    problems.push([
      'missing',
      `No file of ${caller === APP ? 'the app' : quote(caller ?? '*')} fits the call site ${quote(callSite)}. Correct it, or build the file first.`,
    ]);
  return problems;
}

const APP = '.';

/** What a warning proposes has "..." for a reason. */
const PLACEHOLDER =
  /^(?:\W*|(?:todo|fixme|tbd|xxx+|reasons?|why|because|test|tmp|n\/?a|none)\b\W*|(?:todo|fixme|tbd)\b.*)$/is;

function emptyReason({ effect, reason }: Rule): [RuleProblem, string][] {
  if (effect !== 'allow' || reason === undefined || !PLACEHOLDER.test(reason)) return [];
  return [
    [
      'reason',
      `Its reason is ${quote(reason)}, which says nothing. Write why the child needs the FD: the next reader decides by it.`,
    ],
  ];
}

// ---------------------------------------------------------------------------------------------
// Shadowed
// ---------------------------------------------------------------------------------------------

/** Whether `wide` certainly matches all FDs that `narrow` matches. */
function covers(wide: Rule, narrow: Rule): boolean {
  // After the expiry of `wide`, `narrow` still decides.
  if (wide.expires !== undefined && (narrow.expires === undefined || wide.expires < narrow.expires))
    return false;
  if (wide.via === undefined && narrow.via !== undefined && asksForCaller(wide)) return false;
  return CONDITION_KEYS.every(key => {
    const { value, absent } = CONDITIONS[key];
    const wanted = wide[key] ?? absent;
    return wanted === undefined || VALUE_COVERS[value](wanted as never, (narrow[key] ?? absent) as never);
  });
}

const CONDITION_KEYS = Object.keys(CONDITIONS) as ConditionKey[];

/** Such a rule is about another package than one with `via`. */
function asksForCaller({ caller, callSite }: Rule): boolean {
  return !isAnyCaller(caller) || callSite !== undefined;
}

function isAnyCaller(caller: string | undefined): boolean {
  return caller === undefined || caller === '*';
}

// ---------------------------------------------------------------------------------------------
// Unused
// ---------------------------------------------------------------------------------------------

function whyUnused(rule: Rule, { installed, compat }: Facts): string | undefined {
  const { caller, range, via = [] } = rule;
  const absent = via.find(name => installed !== undefined && !installed.has(name));
  if (absent !== undefined)
    return `No package ${quote(absent)} is installed here, so no call comes through it. Remove the rule, or correct the name.`;
  if (caller === undefined || caller === '.' || caller === '*') return undefined;
  const versions = installed?.get(caller);
  if (installed !== undefined && versions === undefined)
    return `No package ${quote(caller)} is installed here, so it never matches. Remove it, or correct the name.`;
  if (versions?.every(version => matchCall(rule, callOf(caller, version), { aliases: {} }) === 'no'))
    return `${quote(caller)} is installed in version ${versions.join(', ')}, which is not in ${quote(range ?? '*')}. Correct the range, or remove the rule.`;
  const same = compat.find(
    known => rule.effect === known.effect && known.caller === caller && covers(known, rule),
  );
  return (
    same &&
    `The compat table allows this already (${same.source}: ${same.reason}). Remove it, unless it is there for its reason.`
  );
}

/** A call by a package, of which nothing else is known. */
function callOf(name: string, version: string): CallFacts {
  const caller = {
    name,
    version,
    declaredName: undefined,
    file: null,
    fileInPackage: null,
    launchers: null,
    calledBy: null,
  };
  return { ...UNKNOWN_CALL, caller };
}

// ---------------------------------------------------------------------------------------------
// Wide
// ---------------------------------------------------------------------------------------------

function whyWide(rule: Rule): string[] {
  if (rule.effect !== 'allow') return [];
  const kinds = kindsOf(rule);
  const wide: string[] = [];
  if (isAnyCaller(rule.caller)) wide.push('It allows every package to do this. Name a "caller".');
  if (kinds.includes('stray') && !limits(rule, 'target') && rule.fds === undefined)
    wide.push('It passes on any stray FD, secrets and locks included. Name a "target" or "fds".');
  const designates = kinds.includes('fd') || kinds.includes('pipe');
  const isNarrow = CONDITION_KEYS.some(key => CONDITION_TEXTS[key].narrows && limits(rule, key));
  if (designates && !kinds.includes('stray') && !isNarrow)
    wide.push('It allows its caller any FD for any command. Name "fds", a "command" or a "callSite".');
  return wide;
}

/** Whether a rule has the condition, and not one that anything fits. */
function limits(rule: Rule, key: ConditionKey): boolean {
  const value = rule[key];
  return value !== undefined && !(CONDITIONS[key].value === 'glob' && isAnything(value as string));
}

function quote(text: string): string {
  return JSON.stringify(text);
}
