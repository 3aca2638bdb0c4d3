// Evaluates the policy: which of the FDs that the child would have may it have?
//
// Pure. It must not know the mode, the time or the environment: a warn run has to show exactly what enforce
// would do. Called by src/spawn/spawn-guard.ts.

import type { Caller } from '../model/caller';
import {
  type Access,
  type ChildFd,
  type FileType,
  type OpenFile,
  type SpawnRequest,
  type Stray,
  strayInChild,
} from '../model/spawn-request';
import type { FdFacts } from './facts';
import { asksAboutFd, matchCall, matchFd } from './match-rule';
import { DENY_ALL, type Effect, kindsOf, type Policy, type Rule } from './rule';

/** The decision about one FD, and the rule that made it. */
export interface RuleMatch {
  readonly fd: ChildFd;
  readonly effect: Effect;
  readonly rule: Rule;
  /** For an FD that no rule allows: the ranges in which the compat table knows the caller to pass it. */
  readonly knownIn: readonly string[];
  /** Strays that the same rule decides about, whatever they are: the match of this one is theirs, too. */
  readonly others?: readonly Stray[];
}

/** All decisions about one spawn. */
export interface Evaluation {
  readonly request: SpawnRequest;
  readonly caller: Caller | undefined;
  readonly matches: readonly RuleMatch[];
}

/**
 * Matches each FD against the rules on its own: one denial does not deny the rest. Without `together`, each stray
 * has a match of its own, however many there are.
 */
export function evaluate(
  request: SpawnRequest,
  caller: Caller | undefined,
  policy: Policy,
  { together = true }: { readonly together?: boolean } = {},
): Evaluation {
  const { fds, moreStrays = NONE } = request;
  // A process may have many strays and a policy many rules, of which few are about this spawn.
  const kinds = new Set(fds.map(fd => fd.kind));
  const call = { program: policy.program, caller, command: request.call.command };
  const rules = policy.rules.filter(
    rule => kindsOf(rule).some(kind => kinds.has(kind)) && matchCall(rule, call, policy) === 'yes',
  );
  const ofKind = new Map([...kinds].map(kind => [kind, rules.filter(rule => kindsOf(rule).includes(kind))]));
  let known: readonly Rule[] | undefined;
  const own = fds.map(match);
  return { request, caller, matches: moreStrays.length === 0 ? own : [...own, ...matchMore()] };

  /** Where the first rule does not ask what a stray is, it decides about all: two are looked at, as `atStart` is reported. */
  function matchMore(): RuleMatch[] {
    const [rule = DENY_ALL] = ofKind.get('stray') ?? [];
    if (!together || asksAboutFd(rule)) return moreStrays.map(stray => match(strayInChild(stray)));
    const isAlike = moreStrays.every(stray => stray.atStart === moreStrays[0]?.atStart);
    const parts = isAlike
      ? [moreStrays]
      : [true, false].map(atStart => moreStrays.filter(stray => stray.atStart === atStart));
    return parts.flatMap(strays => {
      const [first] = strays;
      return first === undefined ? [] : [{ ...match(strayInChild(first)), others: strays.slice(1) }];
    });
  }

  function match(fd: ChildFd): RuleMatch {
    const facts = new ChildFdFacts(fd);
    // Defaults are rules too, so a match is missing only in a policy that was built without them.
    const rule = ofKind.get(fd.kind)?.find(rule => matchFd(rule, facts, policy) === 'yes') ?? DENY_ALL;
    return { fd, effect: rule.effect, rule, knownIn: rule === DENY_ALL ? knownRanges(facts) : NO_RANGES };
  }

  function knownRanges(facts: FdFacts): readonly string[] {
    known ??= policy.rules
      .filter(rule => rule.compat && rule.knownUpTo === undefined)
      .filter(rule => matchCall(rule, call, policy, 'range') === 'yes');
    if (known.length === 0) return NO_RANGES;
    return known.filter(rule => matchFd(rule, facts, policy) === 'yes').flatMap(({ range }) => range ?? []);
  }
}

const NO_RANGES: readonly string[] = [];
const NONE: readonly Stray[] = [];

/** What is known of an FD's file is read only where a rule asks for it: a process may have thousands of FDs. */
class ChildFdFacts implements FdFacts {
  readonly kind: FdFacts['kind'];
  readonly childFd: number;
  readonly explicit: boolean;
  readonly #file: OpenFile;

  constructor({ kind, childFd, explicit, file }: ChildFd) {
    this.kind = kind;
    this.childFd = childFd;
    this.explicit = explicit;
    this.#file = file;
  }

  get target(): string | undefined {
    return this.#file.target;
  }

  get type(): FileType | undefined {
    return this.#file.type;
  }

  get access(): Access | undefined {
    return this.#file.access;
  }

  get isNullDevice(): boolean {
    return this.#file.isNullDevice;
  }
}
