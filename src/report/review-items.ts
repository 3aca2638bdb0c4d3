// The groups of findings that need a decision, one by one: for each of them the rules that would allow it, and
// narrower ones.

import { baseName } from '../base/base-name';
import { compare } from '../base/counter';
import { matchesGlob } from '../base/glob';
import { isVersion, matchesRange } from '../base/semver-range';
import { APP, shownPlace } from '../model/caller';
import type { Kind } from '../model/spawn-request';
import type { RuleConditions } from '../policy/conditions';
import type { Rule } from '../policy/rule';
import type { Group } from './aggregate';
import { deriveRules, responsible, tallied } from './derive-rules';
import {
  byTitle,
  canHaveRule,
  classify,
  type GroupSummary,
  type LearnOptions,
  objectingRule,
  type ProposedRule,
  summaryOfGroup,
  useEvidence,
} from './suggest-rules';

export interface ReviewItem {
  /** Equal for equal conditions, in any run. */
  readonly key: string;
  readonly use: 'proved' | 'likely' | 'not seen';
  readonly group: Group;
  readonly summary: GroupSummary;
  readonly kind: Kind;
  /** What was seen of the use, how often and when. */
  readonly evidence: string;
  /** These allow the group, and as little else as possible; empty if no rule can name it. */
  readonly rules: readonly ProposedRule[];
  /** What the rules allow beyond what was seen, without a full stop. */
  readonly wider: readonly string[];
  /** Other groups without a decision that the rules would allow. */
  readonly alsoAllowed: readonly GroupSummary[];
  /** The source of the rule of the config that reported the group so far. */
  readonly before: string | undefined;
  /** Where the app's own code starts the child; undefined if a package does. */
  readonly ownCode: string | undefined;
}

/** The rules with one condition limited to one of the values that were seen. */
export interface NarrowerRules {
  readonly condition: (typeof NARROWED)[number];
  readonly value: string | number;
  readonly rules: readonly ProposedRule[];
}

const NARROWED = ['range', 'fds', 'command', 'target'] as const;

const USES = ['proved', 'likely', 'not seen'] as const;

export interface OpenGroups {
  /** What the policy neither allows nor denies by a rule: proved uses first, unused FDs last. */
  readonly items: readonly ReviewItem[];
  /** How many groups need a decision, but cannot have a rule. */
  readonly unnamed: number;
}

export function reviewItems(groups: readonly Group[], options: LearnOptions): OpenGroups {
  const { proven, likely, unproven, unnamed } = classify(groups, options);
  const open = [...proven, ...likely, ...unproven];
  const items = USES.flatMap((use, index) =>
    ([proven, likely, unproven][index] ?? [])
      .map(group => toItem(group, use, open, options))
      .sort((a, b) => byTitle(a.summary, b.summary)),
  );
  return { items, unnamed: unnamed.length };
}

function toItem(
  group: Group,
  use: ReviewItem['use'],
  open: readonly Group[],
  { policy }: LearnOptions,
): ReviewItem {
  const derived = canHaveRule(group) ? deriveRules([group]) : [];
  const evidence = useEvidence([group]);
  const rules = derived.map(({ conditions }) => ({
    ...conditions,
    effect: 'allow' as const,
    reason: `${evidence} (reviewed)`,
  }));
  const summary = summaryOfGroup(group);
  const rule = objectingRule(group, policy);
  const { place } = responsible(group);
  const { file, line } = shownPlace(place ?? {});
  const only = { ...policy, rules: derived.map(({ conditions }) => toRule(conditions)) };
  return {
    key: derived.length === 0 ? `${summary.callSite} ${summary.what}` : keyOf(derived),
    use,
    group,
    summary,
    kind: group.kind as Kind,
    evidence,
    rules,
    wider: derived.flatMap(({ wider }) => wider),
    alsoAllowed: open
      .filter(other => other !== group && objectingRule(other, only) === undefined)
      .map(summaryOfGroup)
      .sort(byTitle),
    before: rule === undefined || rule.compat || rule.source === 'default' ? undefined : rule.source,
    ownCode: place?.name === APP && file !== undefined ? `${file}:${line ?? 0}` : undefined,
  };
}

function toRule(conditions: RuleConditions): Rule {
  return { ...conditions, effect: 'allow', source: 'reviewed' };
}

/** Without the range: a new version of a package asks for no new decision. */
function keyOf(derived: readonly { readonly conditions: RuleConditions }[]): string {
  return JSON.stringify(derived.map(({ conditions: { range, ...rest } }) => rest));
}

// ---------------------------------------------------------------------------------------------
// Narrower rules
// ---------------------------------------------------------------------------------------------

/** Each way to limit the rules to one of the values that were seen. */
export function narrowerRules(rules: readonly ProposedRule[], group: Group): NarrowerRules[] {
  return NARROWED.flatMap(condition =>
    valuesSeen(condition, group).map(value => ({
      condition,
      value,
      rules: rules
        .filter(rule => admits(rule, condition, value))
        .map(rule => ({ ...rule, [condition]: condition === 'fds' ? [value] : value })),
    })),
  ).filter(({ rules: narrow }) => narrow.length > 0 && JSON.stringify(narrow) !== JSON.stringify(rules));
}

/** Sorted. Without values that a rule would read as a pattern. */
function valuesSeen(condition: NarrowerRules['condition'], group: Group): (string | number)[] {
  const { version } = responsible(group).place ?? {};
  switch (condition) {
    case 'range':
      return version !== undefined && isVersion(version) ? [version] : [];
    case 'fds':
      return tallied(group.childFds).sort((a, b) => a - b);
    case 'command':
      return [...new Set(tallied(group.commands).map(baseName))].filter(isLiteral).sort(compare);
    case 'target':
      return tallied(group.targets).filter(isLiteral).sort(compare);
  }
}

function isLiteral(text: string): boolean {
  return text.trim() !== '' && !/[*?]/.test(text);
}

/** A rule without the condition stays as it is: what was not learned for this kind is no condition of it. */
function admits(
  rule: RuleConditions,
  condition: NarrowerRules['condition'],
  value: string | number,
): boolean {
  switch (condition) {
    case 'range':
      return rule.range !== undefined && matchesRange(String(value), rule.range);
    case 'fds':
      return rule.fds?.includes(Number(value)) === true;
    default: {
      const glob = rule[condition];
      return glob !== undefined && matchesGlob(String(value), glob);
    }
  }
}
