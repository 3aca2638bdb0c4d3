// The policy: an ordered list of rules, in which the first that matches decides.
//
// The defaults of closefds are rules in the same list.

import type { Access, FileType, Kind } from '../model/spawn-request';
import type { RuleConditions } from './conditions';
import type { PolicyConfig } from './config';
import type { Fact, MainProgram } from './facts';

/** What happens to an FD that a rule matches. `warn` passes and reports it. */
export type Effect = 'allow' | 'warn' | 'deny';

/** How a decision is applied; docs/policy.md has the table. */
export type Mode = 'off' | 'warn' | 'enforce' | 'strict';

export const MODES: readonly Mode[] = ['off', 'warn', 'enforce', 'strict'];
export const EFFECTS: readonly Effect[] = ['allow', 'warn', 'deny'];
export const KINDS: readonly Kind[] = ['fd', 'pipe', 'ipc', 'stray'];
export const FILE_TYPES: readonly FileType[] = ['file', 'pipe', 'socket', 'tty', 'device', 'other'];
export const ACCESSES: readonly Access[] = ['read', 'write', 'both'];

/** The kinds of a rule without `kinds`: designated FDs. A rule about strays has to name that kind. */
export const DESIGNATED: readonly Kind[] = ['fd', 'pipe', 'ipc'];

export function kindsOf(rule: Rule): readonly Kind[] {
  return rule.kinds ?? DESIGNATED;
}

/** Every condition of a rule must hold. */
export interface Rule extends RuleConditions {
  readonly effect: Effect;
  readonly reason?: string;
  /** `YYYY-MM-DD`, the last day (UTC) on which the rule matches. */
  readonly expires?: string;
  /** Where the rule is written: `closefds.json#/rules/2`, `compat/packages/tsx.json`, `default`. */
  readonly source: string;
  /** A rule of the compat table, which names packages by their true names, not by their folders. */
  readonly compat?: boolean;
  /** The last version that was checked; the rule is about later ones. Not for config files. */
  readonly knownUpTo?: string;
}

export interface Policy {
  readonly rules: readonly Rule[];
  /** Folder name -> the true name of the package, for npm aliases that the config confirms. */
  readonly aliases: Readonly<Record<string, string>>;
  /** The main program of the process; null: not known. */
  readonly program: Fact<MainProgram | undefined>;
  /** Whether the decision about strays may depend on the caller. */
  readonly asksWhoCalls: boolean;
  /** Whether a rule asks which packages a call came through, so that the whole stack has to be walked. */
  readonly asksVia: boolean;
  /** Rules of the config that no longer match, for reporting. */
  readonly expired: readonly Rule[];
  /** When the next rule expires (milliseconds since 1970), so that the policy has to be made again. */
  readonly validUntil: number;
}

export const DENY_ALL: Rule = {
  kinds: KINDS,
  effect: 'deny',
  reason: 'no rule allows it',
  source: 'default',
};

/** In their order, after the user's rules and the compat table. */
export const DEFAULT_RULES: readonly Rule[] = [
  {
    kinds: ['ipc'],
    effect: 'allow',
    reason: 'fork() and cluster exist to make this channel, and the child knows its number',
    source: 'default',
  },
  {
    kinds: ['fd', 'pipe'],
    explicit: true,
    effect: 'allow',
    reason: 'the calling code designated it with withFds()',
    source: 'default',
  },
  {
    kinds: ['fd'],
    nullDevice: true,
    effect: 'allow',
    reason: 'the null device carries no authority, and sandboxes use it to hide what has a number',
    source: 'default',
  },
  DENY_ALL,
];

export interface PolicySources {
  readonly rules: readonly Rule[];
  readonly compat: readonly Rule[];
  /** The effect for versions newer than the compat table knows. */
  readonly unverified: Effect;
  readonly aliases: Readonly<Record<string, string>>;
}

/**
 * The policy of a config at `now` (milliseconds since 1970). `compatRules` is called only if the config wants
 * them, `findProgram` only if a rule asks for the program; without it, the program is not known.
 */
export function policyOf(
  { rules, aliases, unverified, compat }: PolicyConfig,
  compatRules: () => readonly Rule[],
  now: number,
  findProgram?: () => MainProgram | undefined,
): Policy {
  const policy = toPolicy({ rules, aliases, unverified, compat: compat ? compatRules() : [] }, now);
  const isAsked = findProgram !== undefined && rules.some(({ script }) => script !== undefined);
  return isAsked ? { ...policy, program: findProgram() } : policy;
}

/** Puts the rules in order and leaves out those that have expired at `now` (milliseconds since 1970). */
export function toPolicy(sources: PolicySources, now: number): Policy {
  const compat = sources.compat.map(rule =>
    rule.knownUpTo === undefined ? rule : { ...rule, effect: sources.unverified },
  );
  const current = sources.rules.filter(rule => !isExpired(rule, now));
  const rules = [...current, ...compat, ...DEFAULT_RULES];
  return {
    rules,
    aliases: sources.aliases,
    program: null,
    asksWhoCalls: judgesStrays(rules.filter(rule => rule !== DENY_ALL)),
    asksVia: rules.some(({ via }) => via !== undefined),
    expired: sources.rules.filter(rule => isExpired(rule, now)),
    validUntil: Math.min(...rules.map(expiryOf)),
  };
}

/** Whether a rule is about strays: only then must each spawn look at every one of them. */
export function judgesStrays(rules: readonly Rule[]): boolean {
  return rules.some(rule => kindsOf(rule).includes('stray'));
}

export function isExpired(rule: Rule, now: number): boolean {
  return expiryOf(rule) <= now;
}

const DAY = 24 * 60 * 60 * 1000;

/** When the rule expires, in milliseconds since 1970: after the last moment of its day, in UTC. */
function expiryOf(rule: Rule): number {
  return rule.expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(rule.expires) + DAY;
}
