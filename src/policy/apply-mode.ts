// What is done with a verdict in each mode. The table of docs/policy.md, and nothing else.

import type { Evaluation, RuleMatch } from './evaluate';
import type { Mode } from './rule';

/** `refused`: the spawn throws, and no process is made. */
export type Action = 'passed' | 'closed' | 'refused';

export interface FdOutcome {
  readonly match: RuleMatch;
  readonly action: Action;
  readonly reported: boolean;
}

export function applyMode(evaluation: Evaluation, mode: Mode): FdOutcome[] {
  // unsafe() asks for the original behaviour, whole; that it did so is itself a finding.
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
  // A denial that a config writes down applies in `warn`, too.
  return match.rule.source === 'default' ? 'passed' : 'closed';
}
