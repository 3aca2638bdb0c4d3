// Traces the decision about one FD: which rules are tried, in their order, and which of their conditions fail.

import { CONDITION_TEXTS, CONDITIONS, type ConditionKey } from './conditions';
import type { Answer, CallFacts, Fact, FdFacts } from './facts';
import { matchRule } from './match-rule';
import type { Policy, Rule } from './rule';

export interface TriedRule {
  readonly rule: Rule;
  readonly answer: Answer;
  /** The conditions that do not hold, or that depend on what is not known. Empty if the rule matches. */
  readonly failed: readonly FailedCondition[];
}

export interface FailedCondition {
  readonly key: ConditionKey;
  /** The value in the rule. */
  readonly expected: unknown;
  /** The fact; null: not known. */
  readonly found: Fact<unknown>;
  readonly answer: Exclude<Answer, 'yes'>;
}

/** The rules up to the one that certainly matches. */
export function traceDecision(call: CallFacts, fd: FdFacts, policy: Policy): TriedRule[] {
  const tried: TriedRule[] = [];
  for (const rule of policy.rules) {
    const answer = matchRule(rule, call, fd, policy);
    tried.push({ rule, answer, failed: answer === 'yes' ? [] : failedConditions(rule, call, fd, policy) });
    if (answer === 'yes') break;
  }
  return tried;
}

function failedConditions(rule: Rule, call: CallFacts, fd: FdFacts, policy: Policy): FailedCondition[] {
  return (Object.keys(CONDITIONS) as ConditionKey[]).flatMap(key => {
    const { about, absent, matches } = CONDITIONS[key];
    const expected = rule[key] ?? absent;
    if (expected === undefined) return [];
    const facts = about === 'call' ? call : fd;
    const answer = matches(expected as never, facts as never, rule, policy);
    if (answer === 'yes') return [];
    return [{ key, expected, found: CONDITION_TEXTS[key].found(call, fd, rule), answer }];
  });
}
