// Findings: reported facts, as values. message.ts makes sentences of them, record.ts lines.

import { type Caller, callSite, responsibleFor } from '../model/caller';
import type { ChildExit } from '../model/child-exit';
import type { OffsetMove } from '../model/fd-use';
import type { Access, ChildFd, FileType, Kind, SpawnCall } from '../model/spawn-request';
import type { Action, FdOutcome } from '../policy/apply-mode';
import type { Evaluation, RuleMatch } from '../policy/evaluate';
import type { Opener } from '../policy/known-openers';
import type { Effect, Mode } from '../policy/rule';
import { findAnnouncement } from './announcement';
import { redactFinding } from './redact';

/** Stable: programs and `--disable-warning` depend on the codes. Each has a heading in docs/findings.md. */
export type FindingCode =
  | 'CLOSEFDS_STRAY'
  | 'CLOSEFDS_DESIGNATED'
  | 'CLOSEFDS_UNVERIFIED'
  | 'CLOSEFDS_UNSAFE'
  | 'CLOSEFDS_CANDIDATE'
  | 'CLOSEFDS_STAND_IN'
  | 'CLOSEFDS_UNGUARDED'
  | 'CLOSEFDS_DEEP_PARTIAL'
  | 'CLOSEFDS_RULE_EXPIRED'
  | 'CLOSEFDS_RUNTIME'
  | 'CLOSEFDS_LATE_SETTING'
  | 'CLOSEFDS_SECOND_COPY'
  | 'CLOSEFDS_REPORT_FAILED'
  | 'CLOSEFDS_INTERNAL_ERROR';

export const FINDING_CODES: readonly FindingCode[] = [
  'CLOSEFDS_STRAY',
  'CLOSEFDS_DESIGNATED',
  'CLOSEFDS_UNVERIFIED',
  'CLOSEFDS_UNSAFE',
  'CLOSEFDS_CANDIDATE',
  'CLOSEFDS_STAND_IN',
  'CLOSEFDS_UNGUARDED',
  'CLOSEFDS_DEEP_PARTIAL',
  'CLOSEFDS_RULE_EXPIRED',
  'CLOSEFDS_RUNTIME',
  'CLOSEFDS_LATE_SETTING',
  'CLOSEFDS_SECOND_COPY',
  'CLOSEFDS_REPORT_FAILED',
  'CLOSEFDS_INTERNAL_ERROR',
];

/** A fact about one FD of one spawn. */
export interface SpawnFinding {
  readonly code:
    | 'CLOSEFDS_STRAY'
    | 'CLOSEFDS_DESIGNATED'
    | 'CLOSEFDS_UNVERIFIED'
    | 'CLOSEFDS_UNSAFE'
    | 'CLOSEFDS_CANDIDATE';
  readonly mode: Mode;
  readonly effect: Effect | undefined;
  readonly disposition: Action;
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
  /** The executable, as the call named it. Never arguments. */
  readonly command: string;
  readonly caller: Caller | undefined;
  readonly rule: RuleInForce | undefined;
  /** The name of the option or variable that gives the child this number, with the FD; it was very likely meant. */
  readonly announcement: string | undefined;
  /** The result of the candidate policy, if there is one. */
  readonly candidate?: CandidateResult;
  /** For an FD that passed: whether a child used it. Only an audit proves a use, and it does so later. */
  readonly used?: 'likely' | 'unknown';
  /** With `used: 'likely'`: the condition under which the offset of the file moved. */
  readonly offsetMoved?: OffsetMove;
  /** For a closed FD: how a child ended, if the first one failed. A later one with code 0 did not fail. */
  readonly exit?: ChildExit;
  /**
   * Strays: so many further FDs of the same spawn, with the same opener and the same result, have no finding of
   * their own. A process may have thousands.
   */
  readonly more?: number;
  /** The process was made by native code. */
  readonly native?: NativeOrigin;
}

/** Where native code made a process. */
export interface NativeOrigin {
  /** The path of the library or addon that called; undefined if it is unknown. */
  readonly object?: string;
  /** The process; undefined if it is unknown. */
  readonly pid?: number;
  /** Whether the calling thread is one that runs JavaScript, or one of the native code. */
  readonly thread: 'javascript' | 'native';
  /** A shell's text begins with this word. The rest may be secret. */
  readonly program?: string;
  /** FDs that the call gave to the process by itself. */
  readonly designated?: readonly number[];
}

/** The rule that decided, with its place. */
export interface RuleInForce {
  readonly source: string;
  readonly reason: string | undefined;
  /** The last version of the caller that the compat table knows, if this one is newer. */
  readonly knownUpTo?: string;
  /** For a denial by default: the ranges in which the compat table knows the caller to pass such an FD. */
  readonly knownIn?: readonly string[];
}

export interface CandidateResult {
  readonly effect: Effect;
  readonly disposition: Action;
  readonly rule: RuleInForce;
}

/** A fact about closefds itself in this process. */
export interface SelfFinding {
  readonly code: Exclude<FindingCode, SpawnFinding['code']>;
  readonly mode: Mode;
  /** What happened: a sentence without a full stop. */
  readonly what: string;
}

export type Finding = SpawnFinding | SelfFinding;

export function isSpawnFinding(finding: Finding): finding is SpawnFinding {
  return 'route' in finding;
}

/**
 * The relation of a finding to earlier spawns of this thread: `first` with its site key; `variant`, the same site
 * key with another command, FD or target; `repeat`, the same finding; `update`, which adds `used` or `exit` to an
 * emitted finding and counts nothing.
 */
export type Occurrence = 'first' | 'variant' | 'repeat' | 'update';

/** A finding that may be emitted. `make` is called only then, since it searches for some of the fields. */
export interface PendingFinding {
  /** Of findings with the same key, only the first is emitted; the others are counted. */
  readonly dedupKey: string;
  /** The findings of one spawn with the same key are one warning. Later spawns with that key make none. */
  readonly siteKey: string;
  readonly disposition: Action;
  /** The number in this spawn; the emitted finding may have another. */
  readonly sourceFd: number | undefined;
  readonly make: () => SpawnFinding;
}

export interface RecordingOptions {
  readonly mode: Mode;
  /** What the candidate policy would do, FD by FD as `outcomes`; undefined without one. */
  readonly candidate: readonly FdOutcome[] | undefined;
  /** Globs of texts that no report may contain. */
  readonly redact: readonly string[];
  readonly openerOf: (stray: ChildFd) => Opener | undefined;
}

/** The findings of one spawn. An allowed FD is a finding only if the candidate policy decides otherwise. */
export function record(
  evaluation: Evaluation,
  outcomes: readonly FdOutcome[],
  recording: RecordingOptions,
): PendingFinding[] {
  const reported = outcomes
    .map((outcome, index) => ({ outcome, candidate: recording.candidate?.[index] }))
    .filter(
      ({ outcome, candidate }) =>
        outcome.reported || (candidate !== undefined && differs(candidate, outcome)),
    );
  const strays = reported.filter(({ outcome }) => outcome.match.fd.kind === 'stray');
  const summarised = new Set(strays.slice(MOST_STRAYS));
  const pending = [
    ...reported
      .filter(result => !summarised.has(result))
      .map(result => pendingFinding(result, 0, evaluation, recording)),
    ...byOpener([...summarised], recording).map(([first, more]) =>
      pendingFinding(first, more, evaluation, recording),
    ),
  ];
  const { unsafe } = evaluation.request.call;
  if (unsafe !== undefined && outcomes.length === 0) pending.push(bareUnsafe(evaluation, unsafe, recording));
  return pending;
}

/** So many strays of a spawn have a finding each. Those beyond have one for each opener and result. */
const MOST_STRAYS = 50;

/** The opener is looked for among so many of those: to read what an FD points to takes some microseconds. */
const MOST_OPENERS = 100;

/** What happens to one FD, in force and by the candidate policy. */
interface FdResult {
  readonly outcome: FdOutcome;
  readonly candidate: FdOutcome | undefined;
}

/** The first of each group, and how many others the group has. */
function byOpener(results: readonly FdResult[], { openerOf }: RecordingOptions): [FdResult, number][] {
  const groups = new Map<string, [FdResult, number]>();
  const openers = new Map<string | undefined, Opener | undefined>();
  for (const [index, result] of results.entries()) {
    const { fd, rule } = result.outcome.match;
    const opener = fd.atStart || index >= MOST_OPENERS ? undefined : openerOfTarget(fd);
    const by = `${opener?.package} ${opener?.version} ${fd.atStart}`;
    const key = `${by} ${rule.source} ${result.outcome.action} ${result.candidate?.action}`;
    const others = result.outcome.match.others?.length ?? 0;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [result, others]);
    else group[1] += 1 + others;
  }
  return [...groups.values()];

  /** Thousands of strays mostly have few targets. */
  function openerOfTarget(fd: ChildFd): Opener | undefined {
    const target = stableTarget(fd);
    if (!openers.has(target)) openers.set(target, openerOf(fd));
    return openers.get(target);
  }
}

/** The numbers of pipes and sockets differ in each spawn; the paths of files identify them. */
function stableTarget({ file }: ChildFd): string | undefined {
  return file.target?.replace(/\[\d+\]$/, '[]');
}

function differs(candidate: FdOutcome, outcome: FdOutcome): boolean {
  return candidate.reported || candidate.action !== outcome.action;
}

function pendingFinding(
  { outcome, candidate }: FdResult,
  more: number,
  { request, caller }: Evaluation,
  { mode, redact, openerOf }: RecordingOptions,
): PendingFinding {
  const { call } = request;
  const { action: disposition } = outcome;
  const { fd, effect } = outcome.match;
  const { kind, childFd, file } = fd;
  const code = codeOf(call, outcome);
  const target = stableTarget(fd);
  const { source } = outcome.match.rule;
  const site = [code, disposition, siteOf(caller, kind)].join(' ');
  const result = [source, kind, childFd, more > 0, candidate?.action].join(' ');
  const make = (): SpawnFinding => {
    // Another process opened an inherited FD.
    const opener = kind === 'stray' && !fd.atStart ? openerOf(fd) : undefined;
    const finding: SpawnFinding = {
      code,
      mode,
      effect,
      disposition,
      kind,
      childFd,
      sourceFd: fd.sourceFd,
      target: file.target,
      type: file.type,
      access: file.access,
      atStart: fd.atStart,
      ...(opener !== undefined && { opener }),
      ...(more > 0 && { more }),
      route: caller?.callee ?? call.route,
      command: call.command,
      caller,
      rule: call.unsafe === undefined ? ruleOf(outcome.match) : unsafeRule(call.unsafe),
      announcement: findAnnouncement(fd, call),
      ...(candidate !== undefined && { candidate: candidateResult(candidate) }),
      ...(disposition === 'passed' && (kind === 'fd' || kind === 'stray') && { used: 'unknown' }),
    };
    return redactFinding(finding, redact);
  };
  return {
    dedupKey: [site, result, target, call.command].join(' '),
    siteKey: site,
    disposition,
    sourceFd: fd.sourceFd,
    make,
  };
}

/** Each use of a package that only passes on options is a site of its own; all slots of a spawn have the same. */
function siteOf(caller: Caller | undefined, kind: Kind): string {
  const site = callSite(caller);
  if (caller === undefined || kind === 'stray') return site;
  const { place } = responsibleFor(caller, 'pipe');
  return place === caller ? site : `${site} < ${callSite(place)}`;
}

function codeOf(call: SpawnCall, { match, reported }: FdOutcome): SpawnFinding['code'] {
  if (!reported) return 'CLOSEFDS_CANDIDATE';
  if (call.unsafe !== undefined) return 'CLOSEFDS_UNSAFE';
  if (match.rule.knownUpTo !== undefined) return 'CLOSEFDS_UNVERIFIED';
  return match.fd.kind === 'stray' ? 'CLOSEFDS_STRAY' : 'CLOSEFDS_DESIGNATED';
}

function candidateResult({ match, action: disposition }: FdOutcome): CandidateResult {
  return { effect: match.effect, disposition, rule: ruleOf(match) };
}

function ruleOf({ rule, knownIn }: RuleMatch): RuleInForce {
  const { source, reason, knownUpTo } = rule;
  return {
    source,
    reason,
    ...(knownUpTo !== undefined && { knownUpTo }),
    ...(knownIn.length > 0 && { knownIn }),
  };
}

function unsafeRule(reason: string): RuleInForce {
  return { source: 'unsafe()', reason };
}

/** Reports unsafe() even if there was no FD to pass: the next call may have one. */
function bareUnsafe(
  { request: { call }, caller }: Evaluation,
  reason: string,
  { mode, redact }: RecordingOptions,
): PendingFinding {
  const finding: SpawnFinding = {
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
    rule: unsafeRule(reason),
    announcement: undefined,
  };
  const make = () => redactFinding(finding, redact);
  const siteKey = ['CLOSEFDS_UNSAFE', callSite(caller)].join(' ');
  return {
    dedupKey: [siteKey, call.command].join(' '),
    siteKey,
    disposition: finding.disposition,
    sourceFd: undefined,
    make,
  };
}
