// The one matcher of rules: the spawn guard, `scan`, `explain`, `check` and `learn` ask it.
//
// Pure. Which conditions there are is in conditions.ts, what may not be known in facts.ts.

import { CONDITIONS, type ConditionKey, type MatchContext } from './conditions';
import { type Answer, both, type CallFacts, type FdFacts } from './facts';
import type { Rule } from './rule';

interface AnyCondition {
  readonly key: ConditionKey;
  readonly absent: unknown;
  readonly matches: (value: unknown, facts: unknown, rule: Rule, context: MatchContext) => Answer;
}

const CALL_CONDITIONS = conditionsAbout('call');
const FD_CONDITIONS = conditionsAbout('fd');

/** Whether a rule matches an FD of a call. */
export function matchRule(rule: Rule, call: CallFacts, fd: FdFacts, context: MatchContext): Answer {
  return both(matchCall(rule, call, context), matchFd(rule, fd, context));
}

/** Whether the rule's conditions on the call hold; those of `ignored` are not asked. */
export function matchCall(
  rule: Rule,
  facts: CallFacts,
  context: MatchContext,
  ignored?: ConditionKey,
): Answer {
  return matchAll(CALL_CONDITIONS, rule, facts, context, ignored);
}

/** Whether the rule's conditions on one FD hold. */
export function matchFd(rule: Rule, facts: FdFacts, context: MatchContext): Answer {
  return matchAll(FD_CONDITIONS, rule, facts, context);
}

/** Whether it depends on the FD, besides its kind, if the rule matches. */
export function asksAboutFd(rule: Rule): boolean {
  return FD_CONDITIONS.some(({ key }) => key !== 'kinds' && rule[key] !== undefined);
}

function matchAll(
  conditions: readonly AnyCondition[],
  rule: Rule,
  facts: CallFacts | FdFacts,
  context: MatchContext,
  ignored?: ConditionKey,
): Answer {
  let all: Answer = 'yes';
  for (const { key, absent, matches } of conditions) {
    const value = rule[key] ?? absent;
    if (value === undefined || key === ignored) continue;
    all = both(all, matches(value, facts, rule, context));
    if (all === 'no') return 'no';
  }
  return all;
}

function conditionsAbout(about: 'call' | 'fd'): AnyCondition[] {
  return Object.entries(CONDITIONS)
    .filter(([, condition]) => condition.about === about)
    .map(([key, { absent, matches }]) => ({ key, absent, matches }) as AnyCondition);
}
