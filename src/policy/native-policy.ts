// The policy of a loaded library or addon: what becomes of the strays of processes that it makes.
//
// Pure. It is decided when the object appears, before any call: a native call has no moment in which JavaScript
// could run. So a rule applies if its conditions are known by then: the caller with its range, callSite, script,
// expires, and fds. A rule with a condition on the command or on what an FD points to does not apply.

import type { MatchContext } from './conditions';
import { type CallerFacts, type CallFacts, UNKNOWN_CALL, UNKNOWN_FD } from './facts';
import { matchCall, matchFd } from './match-rule';
import { kindsOf, type Mode, type Policy, type Rule } from './rule';

export interface NativePolicy {
  /** `guard`: strays are closed. `report`: they pass and are reported. `leave`: they pass. */
  readonly treatment: 'guard' | 'report' | 'leave';
  /** FDs that pass in any case. */
  readonly keep: readonly number[];
  /** The rules that apply, in order. */
  readonly rules: readonly Rule[];
}

export function nativePolicy(policy: Policy, caller: CallerFacts | undefined, mode: Mode): NativePolicy {
  const call: CallFacts = { ...UNKNOWN_CALL, program: policy.program, caller };
  const rules = policy.rules.filter(
    rule =>
      kindsOf(rule).includes('stray') && matchCall(rule, call, policy) === 'yes' && isKnown(rule, policy),
  );
  const general = rules.find(rule => rule.fds === undefined);
  const before = rules.slice(0, general === undefined ? undefined : rules.indexOf(general));
  const keep = before.filter(rule => rule.effect !== 'deny').flatMap(({ fds = [] }) => fds);
  const denied = new Set(before.filter(rule => rule.effect === 'deny').flatMap(({ fds = [] }) => fds));
  return { treatment: treatmentOf(general, mode), keep: keep.filter(fd => !denied.has(fd)), rules };
}

/** Whether the rule has no condition on the FD, apart from its number. */
function isKnown({ fds: _, ...rule }: Rule, context: MatchContext): boolean {
  return matchFd(rule, { ...UNKNOWN_FD, kind: 'stray' }, context) === 'yes';
}

function treatmentOf(rule: Rule | undefined, mode: Mode): NativePolicy['treatment'] {
  if (rule?.effect === 'allow') return 'leave';
  if (rule?.effect === 'warn') return 'report';
  // A denial of a rule holds in `warn`, too.
  return mode === 'warn' && (rule === undefined || rule.source === 'default') ? 'report' : 'guard';
}
