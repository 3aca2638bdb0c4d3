// Finds the rule of the policy that covers a place.
//
// Pure. A rule may have conditions on facts that only a run shows (the command, an FD's target): then it is
// uncertain whether the rule covers the place.

import type { Kind } from '../model/spawn-request';
import { type CallFacts, type FdFacts, UNKNOWN_CALL, UNKNOWN_FD } from '../policy/facts';
import { matchRule } from '../policy/match-rule';
import { DENY_ALL, type Policy, type Rule } from '../policy/rule';
import type { Coverage, Place } from './location';

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
  const call = callOf(place);
  const fd = fdOf(place, kind, slot);
  for (const rule of policy.rules) {
    const answer = matchRule(rule, call, fd, policy);
    if (answer === 'unknown') perhaps ??= rule;
    if (answer !== 'yes') continue;
    // The final denial is not a decision of the user.
    if (rule.source === DENY_ALL.source && rule.effect === 'deny') break;
    return perhaps === undefined
      ? { effect: rule.effect, by: rule.source, isCertain: true }
      : { effect: perhaps.effect, by: perhaps.source, isCertain: false };
  }
  return perhaps && { effect: perhaps.effect, by: perhaps.source, isCertain: false };
}

/** The facts that the source shows; a command and what an FD points to are known at run time. */
function callOf(place: Omit<Place, 'covered'>): CallFacts {
  const { package: name, version, declaredName, file, fileInPackage } = place;
  const outward = { launchers: null, calledBy: null };
  return { ...UNKNOWN_CALL, caller: { name, version, declaredName, file, fileInPackage, ...outward } };
}

function fdOf(place: Omit<Place, 'covered'>, kind: Kind, slot: number | undefined): FdFacts {
  return {
    ...UNKNOWN_FD,
    kind,
    childFd: slot ?? null,
    explicit: place.siteType === 'explicit',
    // The source rarely shows that an FD is the null device, and a report of it does no harm.
    isNullDevice: false,
  };
}
