// Derives rules from groups of findings: as narrow as what was seen, and merged only where the merged rule allows
// nothing else.
//
// Where a rule has to allow more (a variable part of a path, later versions, a value that is not known), its
// `wider` says so.

import { baseName } from '../base/base-name';
import { compare } from '../base/counter';
import { matchesGlob } from '../base/glob';
import { rangeOfVersions } from '../base/semver-range';
import { toCallerAgain } from '../findings/record';
import { REDACTED } from '../findings/redact';
import { APP, type CodePlace, responsibleFor } from '../model/caller';
import type { Kind } from '../model/spawn-request';
import {
  CONDITION_TEXTS,
  CONDITIONS,
  type ConditionKey,
  type Evidence,
  type RuleConditions,
} from '../policy/conditions';
import type { Group } from './aggregate';

export interface DerivedRule {
  readonly conditions: RuleConditions;
  /** What the rule allows. */
  readonly groups: readonly Group[];
  /** What the rule allows beyond what was seen, as sentences without a full stop. */
  readonly wider: readonly string[];
}

/** Rules that differ in one condition only, if there are more of them than this, become one with a glob. */
const MOST_ALTERNATIVES = 8;

/** The conditions that can become a glob. */
const GLOBBED = ['target', 'command', 'callSite'] as const;

/**
 * The fewest rules for the groups, sorted. `isUnwanted` is called with the conditions of a rule that would allow
 * more than was seen, and rejects one that would allow FDs that are to be closed.
 */
export function deriveRules(
  groups: readonly Group[],
  isUnwanted: (conditions: RuleConditions) => boolean = () => false,
): DerivedRule[] {
  const exact = mergeExactly(groups.flatMap(toAtoms));
  const widened = GLOBBED.reduce((rules, key) => widen(rules, key, isUnwanted), exact);
  return mergeExactly(widened)
    .map(({ conditions, seen }) => ({
      conditions,
      groups: [...new Set(seen.map(({ group }) => group))],
      wider: widerThan(conditions, seen),
    }))
    .sort((a, b) => compare(JSON.stringify(a.conditions), JSON.stringify(b.conditions)));
}

/** The place that the rule for a group names, and the packages between it and child_process. */
export function responsible({ caller, kind }: Pick<Group, 'caller' | 'kind'>): {
  readonly place: CodePlace | undefined;
  readonly via: readonly string[];
} {
  if (caller === undefined) return { place: undefined, via: [] };
  return responsibleFor(toCallerAgain(caller), kind);
}

/** One group with one of its commands. */
interface Seen {
  readonly group: Group;
  readonly command: string | undefined;
}

interface Draft {
  readonly conditions: RuleConditions;
  readonly seen: readonly Seen[];
}

/** A rule for each command of the group. */
function toAtoms(group: Group): Draft[] {
  const commands = group.commands.values.map(({ value }) => value);
  return (commands.length === 0 ? [undefined] : commands).map(command => ({
    conditions: toConditions(evidenceOf(group, command)),
    seen: [{ group, command }],
  }));
}

function evidenceOf(group: Group, command: string | undefined): Evidence {
  const { place, via } = responsible(group);
  return {
    kind: group.kind as Kind,
    caller: place?.name ?? APP,
    via,
    versions: [place?.version],
    fds: tallied(group.childFds).sort((a, b) => a - b),
    command: known(command === undefined ? undefined : baseName(command)),
    callSite: known(place?.fileInPackage),
    target: known(group.target),
    types: tallied(group.types),
    accesses: tallied(group.accesses),
  };
}

/** The values of a tally, without their counts. */
export function tallied<T>(tally: { readonly values: readonly { readonly value: T }[] }): T[] {
  return tally.values.map(({ value }) => value);
}

function known(text: string | undefined): string | undefined {
  return text === REDACTED ? undefined : text;
}

function toConditions(evidence: Evidence): RuleConditions {
  const learned = KEYS.map(key => [key, CONDITION_TEXTS[key].learn?.(evidence)]);
  return Object.fromEntries(learned.filter(([, value]) => value !== undefined));
}

const KEYS = Object.keys(CONDITIONS) as ConditionKey[];

// ---------------------------------------------------------------------------------------------
// Merge
// ---------------------------------------------------------------------------------------------

/** Merges rules that differ in one condition, if one rule can name both values; until nothing changes. */
function mergeExactly(drafts: readonly Draft[]): Draft[] {
  let merged = [...drafts];
  for (;;) {
    const before = merged.length;
    for (const key of KEYS) merged = buckets(merged, key).flatMap(bucket => union(bucket, key));
    if (merged.length === before) return merged;
  }
}

/** Rules that are equal but for this condition. */
function buckets(drafts: readonly Draft[], key: ConditionKey): Draft[][] {
  const byRest = new Map<string, Draft[]>();
  for (const draft of drafts) {
    const rest = JSON.stringify(KEYS.map(other => (other === key ? null : draft.conditions[other])));
    const bucket = byRest.get(rest) ?? [];
    bucket.push(draft);
    byRest.set(rest, bucket);
  }
  return [...byRest.values()];
}

/** One rule where it allows exactly what all of them allow together; the same rules otherwise. */
function union(bucket: readonly Draft[], key: ConditionKey): readonly Draft[] {
  if (bucket.length === 1) return bucket;
  const all = bucket.map(({ conditions }) => conditions[key]);
  // A rule without the condition covers the others.
  if (all.includes(undefined)) return [merge(bucket, key, undefined)];
  if (key === 'fds') return [merge(bucket, key, distinctFds(bucket))];
  if (key === 'range')
    return [merge(bucket, key, rangeOfVersions(versionsOf(bucket.flatMap(({ seen }) => seen))))];
  return new Set(all.map(value => JSON.stringify(value))).size === 1 ? [merge(bucket, key, all[0])] : bucket;
}

function distinctFds(bucket: readonly Draft[]): number[] {
  return [...new Set(bucket.flatMap(({ conditions }) => conditions.fds ?? []))].sort((a, b) => a - b);
}

function versionsOf(seen: readonly Seen[]): (string | undefined)[] {
  return seen.map(({ group }) => responsible(group).place?.version);
}

function merge(bucket: readonly Draft[], key: ConditionKey, value: unknown): Draft {
  const first = bucket[0]?.conditions ?? ({} as RuleConditions);
  const conditions = KEYS.map(other => [other, other === key ? value : first[other]]);
  return {
    conditions: Object.fromEntries(conditions.filter(([, part]) => part !== undefined)),
    seen: bucket.flatMap(({ seen }) => seen),
  };
}

// ---------------------------------------------------------------------------------------------
// Widen
// ---------------------------------------------------------------------------------------------

/** A program that makes up names would get a rule for each of them, and none for the next. */
function widen(
  drafts: readonly Draft[],
  key: (typeof GLOBBED)[number],
  isUnwanted: (conditions: RuleConditions) => boolean,
): Draft[] {
  return buckets(drafts, key).flatMap(bucket => {
    if (bucket.length <= MOST_ALTERNATIVES) return bucket;
    const glob = commonGlob(bucket.map(({ conditions }) => conditions[key] as string));
    if (glob === undefined) return bucket;
    const wide = merge(bucket, key, glob);
    return isUnwanted(wide.conditions) ? bucket : [wide];
  });
}

/** A glob with one variable part that fits all texts; undefined if they have too little in common. */
export function commonGlob(texts: readonly string[]): string | undefined {
  const [first = ''] = texts;
  const shortest = Math.min(...texts.map(text => text.length));
  let start = 0;
  while (start < shortest && texts.every(text => text[start] === first[start])) start++;
  let end = 0;
  const last = (text: string) => text[text.length - 1 - end];
  while (end < shortest - start && texts.every(text => last(text) === last(first))) end++;
  const middles = texts.map(text => text.slice(start, text.length - end));
  const wildcard = middles.some(middle => middle.includes('/')) ? '**' : '*';
  const glob = first.slice(0, start) + wildcard + first.slice(first.length - end);
  const fixed = glob.replace(/[*?/]/g, '');
  return fixed.length >= LEAST_FIXED && texts.every(text => matchesGlob(text, glob)) ? glob : undefined;
}

/** A glob with fewer fixed characters says hardly more than no condition. */
const LEAST_FIXED = 3;

// ---------------------------------------------------------------------------------------------
// What is wider
// ---------------------------------------------------------------------------------------------

function widerThan(conditions: RuleConditions, seen: readonly Seen[]): string[] {
  const { kinds = [], range, caller } = conditions;
  const isOpen = kinds.includes('fd') || kinds.includes('stray');
  const places = seen.map(({ group }) => responsible(group).place);
  const targets = seen.flatMap(({ group }) => tallied(group.targets));
  return [
    caller === APP ? undefined : widerRange(range, versionsOf(seen)),
    widerGlob(
      'callSite',
      conditions.callSite,
      places.map(place => place?.fileInPackage),
    ),
    widerGlob(
      'command',
      conditions.command,
      seen.map(({ command }) => command && baseName(command)),
    ),
    isOpen ? widerGlob('target', conditions.target, targets) : undefined,
  ].filter(text => text !== undefined);
}

function widerRange(
  range: string | undefined,
  versions: readonly (string | undefined)[],
): string | undefined {
  if (range === undefined) return 'any version: no version was found';
  return `range ${quote(range)}: later versions, too (${seenOf(versions)})`;
}

function widerGlob(
  key: (typeof GLOBBED)[number],
  glob: string | undefined,
  texts: readonly (string | undefined)[],
): string | undefined {
  if (glob === undefined) return `any ${WORDS[key]}: it is not in the findings`;
  if (!/[*?]/.test(glob)) return undefined;
  return `${key} ${quote(glob)}: any ${WORDS[key]} that fits it (${seenOf(texts)})`;
}

const WORDS = { callSite: 'call site', command: 'command', target: 'target' };

const MOST_SEEN = 3;

function seenOf(texts: readonly (string | undefined)[]): string {
  const distinct = [...new Set(texts.filter(text => text !== undefined))].sort(compare);
  const more = distinct.length > MOST_SEEN ? ` and ${distinct.length - MOST_SEEN} more` : '';
  return `seen: ${distinct.slice(0, MOST_SEEN).join(', ')}${more}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
