// Applies the mode: what happens to each FD, given its match. The table in docs/policy.md describes the same.

import type { Evaluation, RuleMatch } from './evaluate';
import type { Mode } from './rule';

/** `refused`: the spawn throws, and no process starts. */
export type Action = 'passed' | 'closed' | 'refused';

export interface FdOutcome {
  readonly match: RuleMatch;
  readonly action: Action;
  readonly reported: boolean;
}

export function applyMode(evaluation: Evaluation, mode: Mode): FdOutcome[] {
  // unsafe() asks for Node's own behaviour for all FDs; each use of it is a finding.
  if (evaluation.request.call.unsafe !== undefined)
    return evaluation.matches.map(match => ({ match, action: 'passed', reported: true }));

  return evaluation.matches.map(match => ({
    match,
    action: actionOf(match, mode),
    reported: match.effect !== 'allow',
  }));
}

function actionOf(match: RuleMatch, mode: Mode): Action {
  if (match.effect !== 'deny' || mode === 'off') return 'passed';
  if (mode === 'strict') return 'refused';
  if (mode === 'enforce') return 'closed';
  // In warn, too, a denial in the config or the compat table closes the FD.
  return match.rule.source === 'default' ? 'passed' : 'closed';
}
