// What is done with a verdict in each mode. The table of docs/policy.md, and nothing else.

import type { Decision, Verdict } from './evaluate';
import type { Mode } from './rule';

/** `refused`: the spawn throws, and no process is made. */
export type Disposition = 'passed' | 'closed' | 'refused';

export interface Outcome {
  readonly verdict: Verdict;
  readonly disposition: Disposition;
  readonly reported: boolean;
}

export function dispose(decision: Decision, mode: Mode): Outcome[] {
  // unsafe() asks for the original behaviour, whole; that it did so is itself a finding.
  if (decision.request.call.unsafe !== undefined)
    return decision.verdicts.map(verdict => ({ verdict, disposition: 'passed', reported: true }));

  return decision.verdicts.map(verdict => ({
    verdict,
    disposition: dispositionOf(verdict, mode),
    reported: verdict.effect !== 'allow',
  }));
}

function dispositionOf(verdict: Verdict, mode: Mode): Disposition {
  if (verdict.effect !== 'deny' || mode === 'off') return 'passed';
  if (mode === 'strict') return 'refused';
  if (mode === 'enforce') return 'closed';
  // Somebody wrote this denial down: that holds while the rest is still being watched.
  return verdict.rule.source === 'default' ? 'passed' : 'closed';
}
