// From what was reported to rules: the fewest that allow what children proved to use, and no more.
//
// Pure. No rubber stamp: what nobody saw being used is named, not allowed.

import { compare } from '../base/counter';
import { isVersion } from '../base/semver-range';
import { toCallerAgain } from '../findings/record';
import { REDACTED } from '../findings/redact';
import { APP, callerTitle } from '../model/caller';
import type { Access, FileType, Kind } from '../model/spawn-request';
import { evaluate } from '../policy/evaluate';
import { isPackageName } from '../policy/parse-config';
import type { Policy, Rule } from '../policy/rule';
import { defaultCall } from '../spawn/parse-call';
import type { Group } from './aggregate';

export interface Proposal {
  /** Sorted; each as it would stand in the config. */
  readonly rules: readonly ProposedRule[];
  /** Rules of the config that only reported these so far: the new ones have to stand before them. */
  readonly before: readonly string[];
  /** Nobody saw these being used: they are to be closed. */
  readonly close: readonly Left[];
  /** Rules of the config deny these. */
  readonly denied: readonly Left[];
  /** Used, but by code that no rule can name, or a condition of the rule is redacted. */
  readonly unnamed: readonly Left[];
  /** What the config or the compat table allows by now. */
  readonly allowed: number;
  /** Places that the scan calls certain or likely and that no rule allows, of which there is no finding: they did not run. */
  readonly unseen: readonly UnseenSite[];
}

/** A place of `closefds scan --format json`, as far as it is needed here. */
export interface ScannedSite {
  readonly package: string;
  readonly version?: string;
  readonly fileInPackage: string;
  readonly line: number;
  /** All lines of the call: a stack names one of them. */
  readonly lines: readonly number[];
  readonly sure: string;
  readonly covered?: { readonly effect: string };
}

export interface UnseenSite {
  readonly caller: string;
  readonly callSite: string;
}

export type ProposedRule = Pick<
  Rule,
  | 'caller'
  | 'range'
  | 'kinds'
  | 'fds'
  | 'command'
  | 'callSite'
  | 'target'
  | 'type'
  | 'access'
  | 'effect'
  | 'reason'
>;

/** A group in one line. */
export interface Left {
  readonly caller: string;
  readonly callSite: string;
  readonly what: string;
  readonly count: number;
  /** What makes it likely that it was meant, although no use was seen. */
  readonly announcement?: string;
  readonly rule?: string;
}

export interface LearnOptions {
  readonly policy: Policy;
  /** Whether being told of an FD's number counts as use. */
  readonly announced: boolean;
  /** What `closefds scan` found; without it nothing is called unseen. */
  readonly sites?: readonly ScannedSite[];
}

export function suggestRules(
  groups: readonly Group[],
  { policy, announced, sites = [] }: LearnOptions,
): Proposal {
  const unproven: Group[] = [];
  const denied: Left[] = [];
  const unnamed: Left[] = [];
  const proven: Group[] = [];
  const before = new Set<string>();
  let allowed = 0;
  for (const group of groups) {
    if (group.kind === undefined) continue;
    const rule = judgement(group, policy);
    if (rule === undefined) allowed++;
    else if (rule.source !== 'default' && rule.effect === 'deny')
      denied.push({ ...left(group), rule: rule.source });
    else if (!(group.used === true || (announced && group.announcements.values.length > 0)))
      unproven.push(group);
    else if (!canBeNamed(group) || isRedacted(group)) unnamed.push(left(group));
    else {
      proven.push(group);
      if (!rule.compat && rule.source !== 'default') before.add(rule.source);
    }
  }
  const rules = toRules(proven, unproven);
  const added = rules.map(rule => ({ ...rule, source: 'learned' }));
  // A rule speaks of a call, not of each file that it passes: what a new one allows is not closed.
  const closed = unproven.filter(group =>
    judgement(group, { ...policy, rules: [...added, ...policy.rules] }),
  );
  return {
    rules,
    before: [...before].sort(compare),
    close: closed.map(left).sort(byTitle),
    denied: denied.sort(byTitle),
    unnamed: unnamed.sort(byTitle),
    allowed,
    unseen: unseenOf(sites, groups),
  };
}

/** The "caller" of a rule for everybody. */
const ANYONE = '*';

/** Reports come from anywhere: what is no name would make a config that no process starts with, and "*" is anyone. */
function canBeNamed({ caller }: Group): boolean {
  return caller?.package === APP || (isPackageName(caller?.package) && caller.package !== ANYONE);
}

/** A rule without the condition would allow more than was seen. */
function isRedacted({ caller, kind, target, commands }: Group): boolean {
  if (kind === 'stray') return target === REDACTED;
  return caller?.fileInPackage === REDACTED || commands.values.some(({ value }) => value === REDACTED);
}

/** A place seen statically and at run time is one: by package and file, wherever these are installed. */
function unseenOf(sites: readonly ScannedSite[], groups: readonly Group[]): UnseenSite[] {
  const place = (name: string, file: string | undefined, line: number | undefined) =>
    [name, file, line].join('\0');
  const ran = new Set(
    groups.map(({ caller }) => place(caller?.package ?? '', caller?.fileInPackage, caller?.line)),
  );
  return sites
    .filter(({ sure, covered }) => sure !== 'possible' && covered?.effect !== 'allow')
    .filter(
      ({ package: name, fileInPackage: file, line, lines }) =>
        ![line, ...lines].some(one => ran.has(place(name, file, one))),
    )
    .map(({ package: name, version, fileInPackage, line }) => ({
      caller: callerTitle(toCallerAgain({ package: name, ...(version !== undefined && { version }) })),
      callSite: `${fileInPackage}:${line}`,
    }))
    .sort((a, b) => compare([a.caller, a.callSite].join('\0'), [b.caller, b.callSite].join('\0')));
}

// ---------------------------------------------------------------------------------------------
// What the policy says by now
// ---------------------------------------------------------------------------------------------

/** The rule that does not simply allow one of the group's FDs; undefined: all of them are allowed. */
function judgement(group: Group, policy: Policy): Rule | undefined {
  const { caller, kind, childFds, targets, commands, types, accesses } = group;
  const or = <T>(values: readonly { readonly value: T }[]) =>
    values.length === 0 ? [undefined] : values.map(({ value }) => value);
  for (const childFd of or(childFds.values)) {
    for (const target of or(targets.values)) {
      for (const command of or(commands.values)) {
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
        const who = caller && toCallerAgain(caller);
        const request = { call, indexes: new Map(), fds: [crossing] };
        const [verdict] = evaluate(request, who, policy).matches;
        if (verdict !== undefined && verdict.effect !== 'allow') return verdict.rule;
      }
    }
  }
  return undefined;
}

// ---------------------------------------------------------------------------------------------
// Rules
// ---------------------------------------------------------------------------------------------

/** What rules have in common that can become one. */
interface Draft {
  readonly caller: string;
  readonly kind: Kind;
  readonly callSite: string | undefined;
  readonly target: string | undefined;
  readonly groups: Group[];
}

function toRules(proven: readonly Group[], unproven: readonly Group[]): ProposedRule[] {
  const others = new Set(toDrafts(unproven).map(draftKey));
  const drafts = toDrafts(proven).flatMap(draft =>
    others.has(draftKey(draft)) ? byCommand(draft) : [draft],
  );
  return sameButForTheFile(drafts).map(toRule).sort(byConditions);
}

function toDrafts(groups: readonly Group[]): Draft[] {
  const drafts = new Map<string, Draft>();
  for (const group of groups) {
    const { caller, kind, target } = group;
    const isStray = kind === 'stray';
    const draft: Draft = {
      caller: caller?.package ?? APP,
      kind: kind as Kind,
      // A stray is there whoever starts a process; what is designated is so at one place.
      callSite: isStray ? undefined : condition(caller?.fileInPackage),
      target: isStray ? condition(target) : undefined,
      groups: [],
    };
    const known = drafts.get(draftKey(draft)) ?? draft;
    known.groups.push(group);
    drafts.set(draftKey(draft), known);
  }
  return [...drafts.values()];
}

function draftKey({ caller, kind, callSite, target }: Draft): string {
  return [caller, kind, callSite, target].join('\0');
}

/** One rule for all commands would allow it to those, too, that nobody saw using it. */
function byCommand(draft: Draft): Draft[] {
  if (draft.kind === 'stray') return [draft];
  const drafts = new Map<string | undefined, Draft>();
  for (const group of draft.groups) {
    const [command] = conditionsOf([group]).commands;
    const known = drafts.get(command) ?? { ...draft, groups: [] };
    known.groups.push(group);
    drafts.set(command, known);
  }
  return [...drafts.values()];
}

/** A rule has no condition that is empty. */
function condition(text: string | undefined): string | undefined {
  return text?.trim() === '' ? undefined : text;
}

/** A package that does the same in two files (a build for require(), one for import) gets one rule. */
function sameButForTheFile(drafts: readonly Draft[]): Draft[] {
  const merged = new Map<string, Draft>();
  for (const draft of drafts) {
    const { callSite, groups, ...rest } = draft;
    const key = JSON.stringify([rest, draft.kind === 'stray' ? draft.target : conditionsOf(groups)]);
    const known = merged.get(key);
    if (known === undefined) merged.set(key, draft);
    else merged.set(key, { ...rest, callSite: undefined, groups: [...known.groups, ...groups] });
  }
  return [...merged.values()];
}

function conditionsOf(groups: readonly Group[]) {
  return {
    fds: distinct(groups, ({ childFds }) => childFds).sort((a, b) => a - b),
    commands: distinct(groups, ({ commands }) => commands)
      .map(baseName)
      .sort(compare),
  };
}

function toRule({ caller, kind, callSite, target, groups }: Draft): ProposedRule {
  const { fds, commands } = conditionsOf(groups);
  const type = single<FileType>(distinct(groups, ({ types }) => types));
  const access = single<Access>(distinct(groups, ({ accesses }) => accesses));
  const pointsSomewhere = kind === 'fd' || kind === 'stray';
  const range = caller === APP ? undefined : rangeOf(groups.map(group => group.caller?.version));
  const [command, ...others] = new Set(commands);
  return {
    caller,
    ...(range !== undefined && { range }),
    kinds: [kind],
    ...(kind !== 'stray' && fds.length > 0 && { fds }),
    ...(others.length === 0 && kind !== 'stray' && condition(command) !== undefined && { command }),
    ...(callSite !== undefined && { callSite }),
    ...(kind === 'stray' && target !== undefined && { target }),
    ...(pointsSomewhere && type !== undefined && { type }),
    ...(pointsSomewhere && access !== undefined && { access }),
    effect: 'allow',
    reason: reasonOf(groups),
  };
}

function distinct<T extends string | number>(
  groups: readonly Group[],
  tallyOf: (group: Group) => { readonly values: readonly { readonly value: T }[] },
): T[] {
  return [...new Set(groups.flatMap(group => tallyOf(group).values.map(({ value }) => value)))];
}

function single<T>(values: readonly T[]): T | undefined {
  return values.length === 1 ? values[0] : undefined;
}

function baseName(command: string): string {
  return command.slice(Math.max(command.lastIndexOf('/'), command.lastIndexOf('\\')) + 1);
}

/** From the lowest version seen to the end of its major version, for each that was seen. */
function rangeOf(versions: readonly (string | undefined)[]): string | undefined {
  if (!versions.every(version => version !== undefined && isVersion(version))) return undefined;
  const lowest = new Map<string, string>();
  for (const version of (versions as string[]).sort(byVersion)) {
    const line = /^(?:0\.\d+|\d+)/.exec(version)?.[0] ?? version;
    if (!lowest.has(line)) lowest.set(line, version);
  }
  return [...lowest.values()].map(version => `^${version}`).join(' || ');
}

function byVersion(a: string, b: string): number {
  const numbers = (version: string) => version.split(/[.+-]/, 3).map(Number);
  const [x, y] = [numbers(a), numbers(b)];
  const at = x.findIndex((number, index) => number !== y[index]);
  return at === -1 ? compare(a, b) : (x[at] ?? 0) - (y[at] ?? 0);
}

/** The evidence, so that whoever reads the config years later can judge it. */
function reasonOf(groups: readonly Group[]): string {
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const times = groups.flatMap(({ first, last }) => [first, last]).filter(time => time !== undefined);
  const days = times.map(time => time.slice(0, 10)).sort();
  const when = days[0] === days.at(-1) ? days[0] : `${days[0]} to ${days.at(-1)}`;
  const announcements = distinct(groups, group => group.announcements).sort(compare);
  const told =
    announcements.length === 0 ? '' : `, told of it by ${announcements.map(word => `"${word}"`).join(', ')}`;
  const users = distinct(groups, group => group.users).sort(compare);
  const used = groups.some(group => group.used === true)
    ? `a child used it${users.length === 0 ? '' : ` (${users.join(', ')})`}`
    : 'no use was seen';
  return `${used}${told}: ${count} ${count === 1 ? 'spawn' : 'spawns'}, ${when} (learned)`;
}

function byConditions(a: ProposedRule, b: ProposedRule): number {
  return compare(conditions(a), conditions(b));
}

/** What a rule matches, as text: two rules with the same never both decide. */
export function conditions({ effect, reason, ...rule }: ProposedRule): string {
  return JSON.stringify(rule);
}

// ---------------------------------------------------------------------------------------------
// What is left
// ---------------------------------------------------------------------------------------------

const WHAT = { fd: 'an open FD', pipe: 'a new pipe', ipc: 'a message channel', stray: 'a stray FD' };

function left({ caller, kind, target, childFds, commands, count, announcements }: Group): Left {
  const fds = childFds.values.map(({ value }) => value).sort((a, b) => a - b);
  const at = kind === 'stray' || fds.length === 0 ? '' : ` at ${fds.join(', ')}`;
  const [command] = kind === 'stray' ? [] : commands.values;
  const to = command === undefined ? '' : ` for ${JSON.stringify(baseName(command.value))}`;
  const title = callerTitle(caller && toCallerAgain(caller));
  const announcement = announcements.values[0]?.value;
  return {
    caller: title,
    callSite: caller?.file === undefined ? 'unknown' : `${caller.file}:${caller.line ?? 0}`,
    what: `${WHAT[kind as Kind]}${at}${target === undefined ? '' : ` (${target})`}${to}`,
    count,
    ...(announcement !== undefined && { announcement }),
  };
}

function byTitle(a: Left, b: Left): number {
  return compare([a.caller, a.callSite, a.what].join('\0'), [b.caller, b.callSite, b.what].join('\0'));
}
