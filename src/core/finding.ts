// Findings: reported facts, as values. Their sentences are in message.ts.

import { findAnnouncement } from './announcement';
import { type Caller, callSite } from './caller';
import type { Decision } from './decide';
import type { Disposition, Outcome } from './dispose';
import type { Opener } from './opener';
import type { Effect, Mode, Rule } from './policy';
import type { Access, Crossing, FileType, Kind, SpawnCall } from './request';

/** Stable: programs and `--disable-warning` go by it. Each has a heading in docs/findings.md. */
export type FindingCode =
  | 'CLOSEFDS_STRAY'
  | 'CLOSEFDS_DESIGNATED'
  | 'CLOSEFDS_UNVERIFIED'
  | 'CLOSEFDS_UNSAFE'
  | 'CLOSEFDS_STAND_IN'
  | 'CLOSEFDS_UNGUARDED'
  | 'CLOSEFDS_RULE_EXPIRED'
  | 'CLOSEFDS_SECOND_COPY'
  | 'CLOSEFDS_INTERNAL_ERROR';

export const FINDING_CODES: readonly FindingCode[] = [
  'CLOSEFDS_STRAY',
  'CLOSEFDS_DESIGNATED',
  'CLOSEFDS_UNVERIFIED',
  'CLOSEFDS_UNSAFE',
  'CLOSEFDS_STAND_IN',
  'CLOSEFDS_UNGUARDED',
  'CLOSEFDS_RULE_EXPIRED',
  'CLOSEFDS_SECOND_COPY',
  'CLOSEFDS_INTERNAL_ERROR',
];

/** A fact about one FD of one spawn. */
export interface SpawnFinding {
  readonly code: 'CLOSEFDS_STRAY' | 'CLOSEFDS_DESIGNATED' | 'CLOSEFDS_UNVERIFIED' | 'CLOSEFDS_UNSAFE';
  readonly mode: Mode;
  readonly effect: Effect | undefined;
  readonly disposition: Disposition;
  readonly kind: Kind | undefined;
  readonly childFd: number | undefined;
  readonly sourceFd: number | undefined;
  readonly target: string | undefined;
  readonly type: FileType | undefined;
  readonly access: Access | undefined;
  /** Strays: inherited when the process started, rather than opened since. */
  readonly atStart: boolean;
  /** Strays: the loaded package that is known to leave such a file open. */
  readonly opener?: Opener;
  readonly route: string;
  readonly command: string;
  readonly caller: Caller | undefined;
  readonly rule:
    | {
        readonly source: string;
        readonly reason: string | undefined;
        /** The last version of the caller that the compat table has seen, where this one is newer. */
        readonly knownUpTo?: string;
      }
    | undefined;
  /** The argument or variable that tells the child this number: then it was very likely meant. */
  readonly announcement: string | undefined;
}

/** A fact about closefds itself in this process. */
export interface SelfFinding {
  readonly code: Exclude<FindingCode, SpawnFinding['code']>;
  readonly mode: Mode;
  /** What happened, in the words of whoever noticed; a sentence without a full stop. */
  readonly what: string;
}

export type Finding = SpawnFinding | SelfFinding;

export function isSpawnFinding(finding: Finding): finding is SpawnFinding {
  return 'route' in finding;
}

/** Asked only for what is told. */
export type OpenerOf = (stray: Crossing) => Opener | undefined;

/** The findings of one spawn: what passes by an allowance is none. */
export function record(
  decision: Decision,
  outcomes: readonly Outcome[],
  mode: Mode,
  openerOf: OpenerOf,
): SpawnFinding[] {
  const { call } = decision.request;
  const findings = outcomes
    .filter(outcome => outcome.reported)
    .map(outcome => toFinding(outcome, decision, mode, openerOf));
  if (call.unsafe !== undefined && findings.length === 0) findings.push(bareUnsafe(decision, mode));
  return findings;
}

function toFinding(
  outcome: Outcome,
  { request, caller }: Decision,
  mode: Mode,
  openerOf: OpenerOf,
): SpawnFinding {
  const { crossing, effect, rule } = outcome.verdict;
  const { call } = request;
  // What was inherited was opened by another process.
  const opener = crossing.kind === 'stray' && !crossing.atStart ? openerOf(crossing) : undefined;
  return {
    code: codeOf(call, crossing.kind, rule),
    mode,
    effect,
    disposition: outcome.disposition,
    kind: crossing.kind,
    childFd: crossing.childFd,
    sourceFd: crossing.sourceFd,
    target: crossing.file.target,
    type: crossing.file.type,
    access: crossing.file.access,
    atStart: crossing.atStart,
    ...(opener !== undefined && { opener }),
    route: call.route,
    command: call.command,
    caller,
    rule: call.unsafe === undefined ? ruleOf(rule) : { source: 'unsafe()', reason: call.unsafe },
    announcement: findAnnouncement(crossing, call),
  };
}

function codeOf(call: SpawnCall, kind: Kind, rule: Rule): SpawnFinding['code'] {
  if (call.unsafe !== undefined) return 'CLOSEFDS_UNSAFE';
  if (rule.knownUpTo !== undefined) return 'CLOSEFDS_UNVERIFIED';
  return kind === 'stray' ? 'CLOSEFDS_STRAY' : 'CLOSEFDS_DESIGNATED';
}

function ruleOf(rule: Rule): SpawnFinding['rule'] {
  const { source, reason, knownUpTo } = rule;
  return { source, reason, ...(knownUpTo !== undefined && { knownUpTo }) };
}

/** unsafe() is reported even where there was nothing to pass: the next time there may be. */
function bareUnsafe({ request: { call }, caller }: Decision, mode: Mode): SpawnFinding {
  return {
    code: 'CLOSEFDS_UNSAFE',
    mode,
    effect: undefined,
    disposition: 'passed',
    kind: undefined,
    childFd: undefined,
    sourceFd: undefined,
    target: undefined,
    type: undefined,
    access: undefined,
    atStart: false,
    route: call.route,
    command: call.command,
    caller,
    rule: { source: 'unsafe()', reason: call.unsafe },
    announcement: undefined,
  };
}

/** Two findings with the same key tell a reader nothing new. */
export function findingKey(finding: Finding): string {
  if (!isSpawnFinding(finding)) return `${finding.code} ${finding.what}`;
  const { code, disposition, kind, childFd, target, caller } = finding;
  // The numbers of pipes and sockets differ each time; a file is worth naming each time.
  const what = target?.replace(/\[\d+\]$/, '[]');
  return [code, disposition, kind, childFd, what, callSite(caller)].join(' ');
}
