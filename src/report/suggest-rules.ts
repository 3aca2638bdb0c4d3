// Suggests rules from findings: the fewest that allow the FDs that children are proved to use, and no others.
//
// Rules for likely uses (the offset of a file moved) are apart, to be reviewed. All other FDs are listed, not
// allowed.

import { baseName } from '../base/base-name';
import { compare } from '../base/counter';
import { toCallerAgain } from '../findings/record';
import { REDACTED } from '../findings/redact';
import { APP, type CodePlace, callerTitle, shownPlace } from '../model/caller';
import { isUsed, OFFSET_MOVE_TEXTS } from '../model/fd-use';
import type { Kind } from '../model/spawn-request';
import type { RuleConditions } from '../policy/conditions';
import { evaluate } from '../policy/evaluate';
import { isPackageName } from '../policy/parse-value';
import type { Policy, Rule } from '../policy/rule';
import { defaultCall } from '../spawn/parse-call';
import type { Group, GroupCaller } from './aggregate';
import { deriveRules, responsible } from './derive-rules';

export interface Proposal {
  /** Sorted; each as it is written in the config. */
  readonly rules: readonly ProposedRule[];
  /** Rules for FDs whose use is likely and not proved: for review. Empty with `acceptLikely`. */
  readonly likely: readonly ProposedRule[];
  /** What these rules allow beyond what was seen. */
  readonly wider: readonly WiderThanSeen[];
  /** No use was seen, and the new rules allow them all the same. */
  readonly alsoAllowed: readonly GroupSummary[];
  /** Sources of rules that only report these FDs so far: the new rules must come before them. */
  readonly before: readonly string[];
  /** No use was seen: these are to be closed. */
  readonly close: readonly GroupSummary[];
  /** Rules of the config deny these. */
  readonly denied: readonly GroupSummary[];
  /** Used or likely used, but no rule can name the caller, or a condition of the rule is redacted. */
  readonly unnamed: readonly GroupSummary[];
  /** The number of groups that the config or the compat table allows already. */
  readonly allowed: number;
  /** Sites that the scan calls certain or likely and no rule allows, but without a finding: they did not run. */
  readonly unseen: readonly UnseenSite[];
}

export interface WiderThanSeen {
  readonly list: 'rules' | 'likely';
  /** In that list, from 0. */
  readonly index: number;
  /** The condition and what fits it, without a full stop. */
  readonly text: string;
}

/** A place in the output of `closefds scan --format json`, with the properties that are used here. */
export interface ScannedSite {
  readonly package: string;
  readonly version?: string;
  readonly fileInPackage: string;
  readonly line: number;
  /** All lines of the call; a stack has one of them. */
  readonly lines: readonly number[];
  readonly sure: string;
  readonly covered?: { readonly effect: string };
}

export interface UnseenSite {
  readonly caller: string;
  readonly callSite: string;
}

export type ProposedRule = RuleConditions & Pick<Rule, 'effect' | 'reason'>;

/** A group in one line. */
export interface GroupSummary {
  readonly caller: string;
  readonly callSite: string;
  /** Where the caller only passes on the options of other code: that code's package and call site. */
  readonly calledBy?: string;
  readonly what: string;
  readonly count: number;
  /** The argument or variable that has the FD's number, which makes a use likely. */
  readonly announcement?: string;
  readonly rule?: string;
}

export interface LearnOptions {
  readonly policy: Policy;
  /** Whether an argument or variable with the FD's number counts as use. */
  readonly announced: boolean;
  /** Whether a likely use counts as use. */
  readonly acceptLikely?: boolean;
  /** The places that `closefds scan` found; without them, `unseen` is empty. */
  readonly sites?: readonly ScannedSite[];
}

export function suggestRules(groups: readonly Group[], options: LearnOptions): Proposal {
  const { policy, sites = [] } = options;
  const { proven, likely, unproven, denied, unnamed, before, allowed } = classify(groups, options);
  const { rules, wider } = toRules('rules', proven, [...likely, ...unproven], policy);
  // A rule matches a call, not each file that the call passes: what a new rule allows needs no closing.
  const added = rules.map(rule => ({ ...rule, source: 'learned' }));
  const extended = { ...policy, rules: [...added, ...policy.rules] };
  const isClosed = (group: Group) => objectingRule(group, extended) !== undefined;
  const review = toRules('likely', likely.filter(isClosed), unproven, policy);
  return {
    rules,
    likely: review.rules,
    wider: [...wider, ...review.wider],
    alsoAllowed: unproven
      .filter(group => !isClosed(group))
      .map(summaryOfGroup)
      .sort(byTitle),
    before: [...before].sort(compare),
    close: unproven.filter(isClosed).map(summaryOfGroup).sort(byTitle),
    denied: denied.sort(byTitle),
    unnamed: unnamed.sort(byTitle),
    allowed,
    unseen: unseenSites(sites, groups),
  };
}

/** Whether a rule can be written for the group: one for a caller and a file that are not known would allow more. */
export function canHaveRule(group: Group): boolean {
  return canBeNamed(group) && !isRedacted(group) && !isAtStdio(group);
}

/** Groups by what `learn` does with them. */
export interface Classified {
  readonly proven: Group[];
  readonly likely: Group[];
  readonly unproven: Group[];
  readonly denied: GroupSummary[];
  readonly unnamed: GroupSummary[];
  /** The sources of the rules that only reported the proven groups. */
  readonly before: Set<string>;
  allowed: number;
}

export function classify(groups: readonly Group[], options: LearnOptions): Classified {
  const found: Classified = {
    proven: [],
    likely: [],
    unproven: [],
    denied: [],
    unnamed: [],
    before: new Set(),
    allowed: 0,
  };
  for (const group of groups) {
    if (group.kind === undefined) continue;
    const rule = objectingRule(group, options.policy);
    const isDefault = rule?.source === 'default';
    const isProven = countsAsUsed(group, options);
    if (rule === undefined) found.allowed++;
    else if (!isDefault && rule.effect === 'deny')
      found.denied.push({ ...summaryOfGroup(group), rule: rule.source });
    else if (!isProven && group.used !== 'likely') found.unproven.push(group);
    else if (!canHaveRule(group)) found.unnamed.push(summaryOfGroup(group));
    else if (!isProven) found.likely.push(group);
    else {
      found.proven.push(group);
      if (!rule.compat && !isDefault) found.before.add(rule.source);
    }
  }
  return found;
}

function countsAsUsed({ used, announcements }: Group, { announced, acceptLikely }: LearnOptions): boolean {
  if (used === true) return true;
  return (acceptLikely === true && used === 'likely') || (announced && announcements.values.length > 0);
}

/** The "caller" of a rule for all callers. */
const ANY_CALLER = '*';

/**
 * Reports are untrusted. With a caller that is no package name, no process would start; and "*" would
 * allow every caller.
 */
function canBeNamed(group: Group): boolean {
  const { place, via } = responsible(group);
  const isName = (name: string | undefined) => isPackageName(name) && name !== ANY_CALLER;
  return (place?.name === APP || isName(place?.name)) && via.every(isName);
}

/** A rule without the redacted condition would allow more than was seen. */
function isRedacted(group: Group): boolean {
  const { kind, target, commands } = group;
  if (kind === 'stray') return target === REDACTED;
  return (
    responsible(group).place?.fileInPackage === REDACTED ||
    commands.values.some(({ value }) => value === REDACTED)
  );
}

/** Closefds writes no such record, and a config with such a rule stops its process. */
function isAtStdio({ kind, childFds }: Group): boolean {
  return (kind === 'fd' || kind === 'pipe') && childFds.values.some(({ value }) => value < 3);
}

/** Sites are identified by package and file: the folder of installation makes no difference. */
function unseenSites(sites: readonly ScannedSite[], groups: readonly Group[]): UnseenSite[] {
  const keyOf = (name: string, file: string | undefined, line: number | undefined) =>
    [name, file, line].join('\0');
  const ran = new Set(
    groups.flatMap(({ caller }) =>
      scannablePlaces(caller).map(({ fileInPackage, line }) =>
        keyOf(caller?.package ?? '', fileInPackage, line),
      ),
    ),
  );
  return sites
    .filter(({ sure, covered }) => sure !== 'possible' && covered?.effect !== 'allow')
    .filter(
      ({ package: name, fileInPackage: file, line, lines }) =>
        ![line, ...lines].some(one => ran.has(keyOf(name, file, one))),
    )
    .map(({ package: name, version, fileInPackage, line }) => ({
      caller: callerTitle(toCallerAgain({ package: name, ...(version !== undefined && { version }) })),
      callSite: `${fileInPackage}:${line}`,
    }))
    .sort((a, b) => compare([a.caller, a.callSite].join('\0'), [b.caller, b.callSite].join('\0')));
}

/** In the source; and where another file runs, in that one, too, since the scan may have read both. */
function scannablePlaces(caller: GroupCaller | undefined): ReturnType<typeof shownPlace>[] {
  if (caller === undefined) return [];
  const { source } = caller;
  return source === undefined || source.fileInPackage === caller.fileInPackage
    ? [shownPlace(caller)]
    : [source, caller];
}

// ---------------------------------------------------------------------------------------------
// What the policy allows already
// ---------------------------------------------------------------------------------------------

/** The first rule that does not allow one of the group's FDs; undefined if all of them are allowed. */
export function objectingRule(group: Group, policy: Policy): Rule | undefined {
  return decidingRules(group, policy).find(({ effect }) => effect !== 'allow');
}

/** The rules that decide about the group's FDs, each once. */
export function decidingRules(group: Group, policy: Policy): Rule[] {
  if (group.kind === undefined) return [];
  const caller = group.caller && toCallerAgain(group.caller);
  const rules = new Set<Rule>();
  for (const request of requestsOf(group)) {
    const [verdict] = evaluate(request, caller, policy).matches;
    if (verdict !== undefined) rules.add(verdict.rule);
  }
  return [...rules];
}

/** A spawn for each combination of FD, target and command in the group. */
function* requestsOf(group: Group) {
  const { childFds, targets, commands } = group;
  for (const childFd of valuesOf(childFds))
    for (const target of valuesOf(targets))
      for (const command of valuesOf(commands)) yield toRequest(group, childFd, target, command);
}

/** `undefined` in place of no value. */
function valuesOf<T>({ values }: { readonly values: readonly { readonly value: T }[] }) {
  return values.length === 0 ? [undefined] : values.map(({ value }) => value);
}

function toRequest(
  { kind, types, accesses }: Group,
  childFd: number | undefined,
  target: string | undefined,
  command: string | undefined,
) {
  const crossing = {
    kind: kind as Kind,
    childFd: childFd ?? 3,
    sourceFd: undefined,
    file: {
      target,
      type: types.values[0]?.value,
      access: accesses.values[0]?.value,
      isNullDevice: target === '/dev/null',
    },
    explicit: false,
    atStart: false,
  };
  const call = { ...defaultCall('spawn'), command: command ?? '' };
  return { call, indexes: new Map(), fds: [crossing] };
}

// ---------------------------------------------------------------------------------------------
// Rules
// ---------------------------------------------------------------------------------------------

/** Rules for the groups, of which none that is wider than what was seen allows an unproven one. */
function toRules(
  list: WiderThanSeen['list'],
  proven: readonly Group[],
  unproven: readonly Group[],
  policy: Policy,
): Pick<Proposal, 'rules' | 'wider'> {
  const derived = deriveRules(proven, conditions => {
    const rule: Rule = { ...conditions, effect: 'allow', source: 'learned' };
    const only = { ...policy, rules: [rule] };
    return unproven.some(group => objectingRule(group, only) === undefined);
  });
  return {
    rules: derived.map(({ conditions, groups }) => ({
      ...conditions,
      effect: 'allow',
      reason: `${useEvidence(groups)} (learned)`,
    })),
    wider: derived.flatMap(({ wider }, index) => wider.map(text => ({ list, index, text }))),
  };
}

function distinct<T extends string | number>(
  groups: readonly Group[],
  tallyOf: (group: Group) => { readonly values: readonly { readonly value: T }[] },
): T[] {
  return [...new Set(groups.flatMap(group => tallyOf(group).values.map(({ value }) => value)))];
}

/** What was seen of the use, how often and when. */
export function useEvidence(groups: readonly Group[]): string {
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const times = groups.flatMap(({ first, last }) => [first, last]).filter(time => time !== undefined);
  const days = times.map(time => time.slice(0, 10)).sort();
  const when = days[0] === days.at(-1) ? days[0] : `${days[0]} to ${days.at(-1)}`;
  const announcements = distinct(groups, group => group.announcements).sort(compare);
  const told =
    announcements.length === 0 ? '' : `, announced by ${announcements.map(word => `"${word}"`).join(', ')}`;
  const users = distinct(groups, group => group.users).sort(compare);
  return `${usesOf(groups, users)}${told}: ${count} ${count === 1 ? 'spawn' : 'spawns'}, ${when}`;
}

function usesOf(groups: readonly Group[], users: readonly string[]): string {
  if (groups.some(group => group.used === true))
    return `a child used it${users.length === 0 ? '' : ` (${users.join(', ')})`}`;
  const likely = groups.filter(group => group.used === 'likely');
  if (likely.length === 0) return 'no use was seen';
  const moves = distinct(likely, group => group.offsetMoves).sort(compare);
  const seen = moves.map(move => OFFSET_MOVE_TEXTS[move]);
  // A record of another source may claim a use without an audit's result.
  if (seen.length === 0) seen.push('the report has no result of an audit');
  const unused = distinct(likely, group => group.verdicts).filter(verdict => isUsed({ verdict }) === false);
  if (unused.length > 0) seen.push(`an audit of another run saw no use (${unused.join(', ')})`);
  return `likely used, not proved (${seen.join('; ')})`;
}

// ---------------------------------------------------------------------------------------------
// Groups without a rule
// ---------------------------------------------------------------------------------------------

const WHAT = { fd: 'an open FD', pipe: 'a new pipe', ipc: 'a message channel', stray: 'a stray FD' };

export function summaryOfGroup(group: Group): GroupSummary {
  const { caller, kind, target, childFds, commands, count, announcements } = group;
  const fds = childFds.values.map(({ value }) => value).sort((a, b) => a - b);
  const at = kind === 'stray' || fds.length === 0 ? '' : ` at ${fds.join(', ')}`;
  const [command] = kind === 'stray' ? [] : commands.values;
  const to = command === undefined ? '' : ` for ${JSON.stringify(baseName(command.value))}`;
  const { file, line } = shownPlace(caller ?? {});
  const { place, via } = responsible(group);
  const announcement = announcements.values[0]?.value;
  return {
    caller: callerTitle(caller && toCallerAgain(caller)),
    callSite: file === undefined ? 'unknown' : `${file}:${line ?? 0}`,
    ...(via.length > 0 && place && { calledBy: placeTitle(place) }),
    what: `${WHAT[kind as Kind]}${at}${target === undefined ? '' : ` (${target})`}${to}`,
    count,
    ...(announcement !== undefined && { announcement }),
  };
}

function placeTitle(place: CodePlace): string {
  const { file, line } = shownPlace(place);
  return `${callerTitle(place)}${file === undefined ? '' : ` at ${file}:${line ?? 0}`}`;
}

export function byTitle(a: GroupSummary, b: GroupSummary): number {
  return compare(titleOf(a), titleOf(b));
}

function titleOf({ caller, callSite, calledBy, what }: GroupSummary): string {
  return [caller, callSite, calledBy, what].join('\0');
}
