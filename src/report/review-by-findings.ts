// Reviews rules by findings: which rules no finding is about, and what a wide rule has to allow.

import type { Remark } from '../policy/lint';
import type { Policy, Rule } from '../policy/rule';
import type { Group } from './aggregate';
import { deriveRules } from './derive-rules';
import { canHaveRule, decidingRules } from './suggest-rules';

/** More are no help to a reader. */
const MOST_RULES = 5;

/**
 * The remarks with those that findings show. The findings may be of a run without these rules: each rule is
 * matched with each group. The program is not known, so a condition on it counts as fulfilled.
 */
export function reviewByFindings(
  rules: readonly Rule[],
  remarks: readonly Remark[],
  groups: readonly Group[],
  policy: Policy,
): Remark[] {
  const known = { ...policy, rules: policy.rules.map(withoutScript) };
  const decided = new Map<string, Group[]>();
  for (const group of groups)
    for (const { source } of decidingRules(group, known))
      decided.set(source, [...(decided.get(source) ?? []), group]);

  return rules.flatMap(rule => {
    const own = remarks.filter(({ source }) => source === rule.source);
    const hits = decided.get(rule.source) ?? [];
    // A rule that never decides has its remark.
    const isDead = own.some(({ problem }) => ['expired', 'shadowed', 'unused'].includes(problem));
    const unseen = hits.length === 0 && !isDead ? [unseenRemark(rule)] : [];
    return [...own.map(remark => withNarrower(remark, hits)), ...unseen];
  });
}

function withoutScript({ script, ...rule }: Rule): Rule {
  return rule;
}

function unseenRemark({ source, effect }: Rule): Remark {
  const hint =
    effect === 'allow'
      ? ' What a rule allows makes no finding: with "candidate": {"rules": []} in the config it does.'
      : '';
  const text = `No finding in these files is about it. Remove it if what it was for is gone.${hint}`;
  return { problem: 'unseen', source, text };
}

function withNarrower(remark: Remark, hits: readonly Group[]): Remark {
  if (remark.problem !== 'wide') return remark;
  const used = hits.filter(({ used }) => used === true || used === 'likely');
  const supported = (used.length > 0 ? used : hits).filter(canHaveRule);
  const narrower = deriveRules(supported).map(({ conditions }) => conditions);
  return narrower.length === 0 || narrower.length > MOST_RULES ? remark : { ...remark, narrower };
}
