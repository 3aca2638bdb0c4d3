// The rule of the policy that covers a place.
//
// Pure. A rule may have conditions that only a run can check (the command, an FD's target): then it is
// uncertain whether the rule covers the place.

import { matchesGlob } from '../base/glob';
import { matchesRange } from '../base/semver-range';
import type { Kind } from '../model/spawn-request';
import { DENY_ALL, DESIGNATED, type Policy, type Rule } from '../policy/rule';
import type { Coverage, Place } from './location';

type Answer = 'yes' | 'no' | 'perhaps';

/** Undefined if only the last rule, which denies all, matches a part of the place. */
export function cover(place: Omit<Place, 'covered'>, policy: Policy): Coverage | undefined {
  if (place.kinds.length === 0) return undefined;
  const coverages = place.kinds.flatMap(kind => {
    const slots: (number | undefined)[] = [...place.slots];
    if (place.more || slots.length === 0) slots.push(undefined);
    return slots.map(slot => coverOne(place, kind, slot, policy));
  });
  if (coverages.includes(undefined)) return undefined;
  const found = coverages as Coverage[];
  const weakest =
    found.find(({ effect }) => effect === 'deny') ??
    found.find(({ effect }) => effect === 'warn') ??
    found[0];
  return weakest && { ...weakest, isCertain: found.every(({ isCertain }) => isCertain) };
}

function coverOne(
  place: Omit<Place, 'covered'>,
  kind: Kind,
  slot: number | undefined,
  policy: Policy,
): Coverage | undefined {
  let perhaps: Rule | undefined;
  for (const rule of policy.rules) {
    const answer = matches(rule, place, kind, slot, policy);
    if (answer === 'perhaps') perhaps ??= rule;
    if (answer !== 'yes') continue;
    // The final denial is not a decision of the user.
    if (rule.source === DENY_ALL.source && rule.effect === 'deny') break;
    return perhaps === undefined
      ? { effect: rule.effect, by: rule.source, isCertain: true }
      : { effect: perhaps.effect, by: perhaps.source, isCertain: false };
  }
  return perhaps && { effect: perhaps.effect, by: perhaps.source, isCertain: false };
}

function matches(
  rule: Rule,
  place: Omit<Place, 'covered'>,
  kind: Kind,
  slot: number | undefined,
  policy: Policy,
): Answer {
  if (!(rule.kinds ?? DESIGNATED).includes(kind)) return 'no';
  if (rule.explicit !== undefined && rule.explicit !== (place.siteType === 'explicit')) return 'no';
  if (!matchesCaller(rule, place, policy)) return 'no';
  // The source rarely shows that an FD is the null device, and a report of it does no harm.
  if (rule.nullDevice !== undefined) return 'no';
  if (rule.fds !== undefined && slot !== undefined && !rule.fds.includes(slot)) return 'no';
  const unseen = [rule.command, rule.target, rule.type, rule.access];
  if (rule.fds !== undefined && slot === undefined) return 'perhaps';
  return unseen.some(condition => condition !== undefined) ? 'perhaps' : 'yes';
}

function matchesCaller(rule: Rule, place: Omit<Place, 'covered'>, policy: Policy): boolean {
  if (rule.caller !== undefined && rule.caller !== '*') {
    const name = rule.compat ? trueName(place, policy) : place.package;
    if (name !== rule.caller) return false;
  }
  if (rule.range !== undefined && !matchesRange(place.version, rule.range)) return false;
  const { callSite } = rule;
  return (
    callSite === undefined || [place.file, place.fileInPackage].some(file => matchesGlob(file, callSite))
  );
}

/** As in src/policy/evaluate.ts: an alias counts only if the config confirms it. */
function trueName(place: Omit<Place, 'covered'>, policy: Policy): string | undefined {
  if (place.declaredName === undefined) return place.package;
  return policy.aliases[place.package] === place.declaredName ? place.declaredName : undefined;
}
