// Describes a rule in words, for `closefds explain`.

import { CONDITION_TEXTS, CONDITIONS, type ConditionKey } from './conditions';
import type { Effect, Rule } from './rule';

const EFFECT_WORDS: Readonly<Record<Effect, string>> = {
  allow: 'pass',
  warn: 'pass and are reported',
  deny: 'are closed and reported',
};

/** `open FDs and new pipes at FD 3 (for the command "chrome*") pass`. */
export function ruleInWords(rule: Rule): string {
  const subject = wordsOf(rule, 'subject').join(' ');
  const remarks = wordsOf(rule, 'remark');
  if (rule.expires !== undefined) remarks.push(`until ${rule.expires}`);
  return `${subject}${remarks.length === 0 ? '' : ` (${remarks.join(', ')})`} ${EFFECT_WORDS[rule.effect]}`;
}

function wordsOf(rule: Rule, part: 'subject' | 'remark'): string[] {
  return (Object.keys(CONDITION_TEXTS) as ConditionKey[]).flatMap(key => {
    const value = rule[key] ?? CONDITIONS[key].absent;
    if (value === undefined) return [];
    return CONDITION_TEXTS[key][part]?.(value as never, rule) ?? [];
  });
}
