// The story of a spawn.
//
//   request   which slots and strays are there to judge? Mostly none, and that leaves first.
//   caller    whose code called? Only now, since a stack walk is the dearest step.
//   decide    each FD against the policy.
//   record    what is worth telling.
//   apply     what the spawn gets instead.
//
// The world comes in as an argument; src/preload/install.ts puts the real one together. What a step
// cannot find out is treated as not allowed: an error of ours neither opens the gate nor
// breaks the spawn.

import { ClosefdsError, messageOf } from '../base/errors';
import type { CallStack } from '../callers/stack';
import { announcedFds } from '../findings/announcement';
import {
  type Finding,
  type Occurrence,
  type PendingFinding,
  record,
  type SpawnFinding,
} from '../findings/finding';
import { toRefusal } from '../findings/message';
import { type Caller, callSite } from '../model/caller';
import {
  type ChildFd,
  designates,
  type OpenFile,
  type SpawnCall,
  type SpawnRequest,
  type Stray,
  toRequest,
  UNKNOWN_FILE,
} from '../model/spawn-request';
import { applyMode, type FdOutcome } from '../policy/apply-mode';
import { type Evaluation, evaluate } from '../policy/evaluate';
import type { Opener } from '../policy/known-openers';
import type { Mode, Policy } from '../policy/rule';
import type { FilePosition } from '../strays/stray-guard';
import { type CacheKey, createCallSiteCache, createDecisionCache } from './decision-cache';
import { stdioOnlyPlan } from './fallback-plan';
import { type AfterSpawn, createOffsetWatch, isProvable, type Passed } from './offset-watch';
import type { Auditor } from './plan';
import { defaultPlan, type Plan, type Trace, toPlan } from './plan';

/** What the guard needs to know of the world, and the one thing it tells it. */
export interface GuardDependencies {
  /** What would cross exec undesignated. Looking costs time, so unless `fresh` it may be an earlier look. */
  readonly strays: (fresh: boolean) => readonly Stray[];
  readonly describe: (fd: number) => OpenFile;
  /** Who most likely opened a stray; asked of strays that are reported. */
  readonly findOpener: (file: OpenFile) => Opener | undefined;
  readonly findCaller: (stack: CallStack | undefined) => Caller | undefined;
  /** Whether it is time to ask for the caller again, where it is not needed for judging. */
  readonly mustFindCaller: () => boolean;
  readonly policy: () => Policy;
  /** A policy that is tried beside the one in force, and decides nothing. */
  readonly candidate: (() => Candidate) | undefined;
  /** Globs of targets that are not to be told. */
  readonly redact: readonly string[];
  readonly positionOf: (fd: number) => FilePosition | undefined;
  readonly report: (finding: Finding, occurrence: Occurrence) => void;
  /** Reports each of these as `repeat`. The same list for the same findings, so that it can be counted as one. */
  readonly reportRepeats: (findings: readonly SpawnFinding[]) => void;
  /** undefined without an audit. */
  readonly audit: Auditor | undefined;
}

export interface Candidate {
  readonly policy: Policy;
  readonly mode: Mode;
}

/** Of a spawn that designates nothing. */
interface CachedDecision {
  readonly plan: Plan;
  readonly findings: readonly SpawnFinding[];
  /** Of these, what a child may yet prove to use. */
  readonly provable: readonly Passed[];
}

/**
 * Judges a call; `stack` is what was captured when it came in, if anything was. Throws
 * ERR_CLOSEFDS_DENIED in `strict`, and nothing else.
 */
export type Judge = (call: SpawnCall, stack?: CallStack) => Plan;

/** What shows of a call that asks for nothing. */
export type KnownCommand = Pick<SpawnCall, 'command' | 'args' | 'environment'>;

export interface SpawnGuard extends Judge {
  /**
   * In short, for a command that always comes from one place and asks for nothing, until it is time to ask for
   * the place again: the plan it had there, with these strays. Undefined where a call has to be judged. Never
   * throws.
   */
  readonly recentPlan: (call: KnownCommand, strays: readonly Stray[]) => Plan | undefined;
}

export function createSpawnGuard(mode: Mode, dependencies: GuardDependencies): SpawnGuard {
  const unchanged = defaultPlan(mode);
  const sites = new Set<string>();
  const emitted = new Map<string, SpawnFinding>();
  /** The first of each sort. */
  const firsts = new Map<string, SpawnFinding>();
  const reportedErrors = new Set<string>();
  const cache = createDecisionCache<CachedDecision>();
  const callSites = createCallSiteCache<CachedDecision>();
  const watchUse = createOffsetWatch({
    positionOf: dependencies.positionOf,
    onUse: finding => {
      report(finding, 'update');
      dependencies.audit?.prove(finding);
    },
  });

  return Object.assign(guard, { recentPlan });

  /**
   * Only in `enforce`, where what is closed is the same whoever calls: in `warn`, people look for each place.
   * What it counts, it counts for the place that the command always came from.
   */
  function recentPlan(call: KnownCommand, strays: readonly Stray[]): Plan | undefined {
    if (mode !== 'enforce' || dependencies.candidate !== undefined || dependencies.audit !== undefined)
      return undefined;
    return tryOr('recalling a judgement', () => recall(call, strays), undefined);
  }

  function recall(call: KnownCommand, strays: readonly Stray[]): Plan | undefined {
    const policy = dependencies.policy();
    const cached = callSites.get(call.command, { strays, policy, candidate: undefined });
    if (cached === undefined || policy.asksWhoCalls || dependencies.mustFindCaller()) return undefined;
    // A placeholder is put there by a slot, which the call has none for.
    if (cached.plan.cover.length > 0 || announcedAmong(strays, call).length > 0) return undefined;
    return replayDecision(cached, false);
  }

  function guard(call: SpawnCall, stack?: CallStack): Plan {
    const cached = tryOr('judging a spawn', () => judge(call, stack), undefined);
    if (cached instanceof Error) throw cached;
    return (
      cached ??
      stdioOnlyPlan(
        call,
        mode,
        tryOr('looking for strays', () => dependencies.strays(true), []),
      )
    );
  }

  function judge(call: SpawnCall, stack: CallStack | undefined): Plan | ClosefdsError {
    // What unsafe() passes depends on the list, as closing does not.
    const known = dependencies.strays(call.unsafe !== undefined);
    if (known.length === 0 && !designates(call.stdio) && call.unsafe === undefined) return unchanged;

    const caller = tryOr('finding the caller', () => dependencies.findCaller(stack), undefined);
    const strays = isNew(sites, callSite(caller)) ? dependencies.strays(true) : known;

    const policy = dependencies.policy();
    const tried = tryOr('reading the candidate', () => dependencies.candidate?.(), undefined);
    const announced = tryOr('looking for announcements', () => announcedAmong(strays, call), []);
    const place = placeOf(call, caller, announced);
    const cacheKey = { place, strays, policy, candidate: tried?.policy };
    const recurs = tryOr('asking whether a spawn recurs', () => canRecur(call), false);
    const again = recurs ? cache.get(cacheKey) : undefined;
    if (again !== undefined) {
      callSites.count(call.command, cacheKey, again);
      return replayDecision(again, call.sync);
    }

    const request = toRequest(call, strays, describe);
    const evaluation = evaluate(request, caller, policy);
    const outcomes = applyMode(evaluation, mode);
    const candidate =
      tried && tryOr('judging by the candidate', () => judgeBy(tried, request, caller), undefined);
    const recording = { mode, candidate, redact: dependencies.redact, openerOf };
    // What cannot be told holds all the same.
    const all = tryOr('recording', () => record(evaluation, outcomes, recording), undefined);
    const pending = all ?? [];

    if (outcomes.some(outcome => outcome.action === 'refused')) return refusal(pending);
    const emitted = pending.flatMap(emit);
    const after = tryOr('noting offsets', () => watchUse(emitted, call.sync), undefined);
    const trace =
      dependencies.audit && tryOr('preparing a trace', () => traceOf(evaluation, outcomes), undefined);
    const plan = {
      ...toPlan(request, outcomes, strays, announced, mode),
      after: after && safely(after),
      trace,
    };
    // What failed is tried again.
    const isWhole = emitted.length === all?.length && (candidate === undefined) === (tried === undefined);
    if (isWhole && recurs) remember(cacheKey, call, toCachedDecision(plan, emitted));
    return plan;
  }

  /** What a slot says is another thing each time, and an audit has a trace of each spawn. */
  function canRecur(call: SpawnCall): boolean {
    return !designates(call.stdio) && call.unsafe === undefined && dependencies.audit === undefined;
  }

  function remember(cacheKey: CacheKey, { command }: SpawnCall, judgement: CachedDecision): void {
    cache.set(cacheKey, judgement);
    callSites.count(command, cacheKey, judgement);
  }

  function replayDecision({ plan, findings, provable }: CachedDecision, sync: boolean): Plan {
    tryOr('reporting', () => dependencies.reportRepeats(findings), undefined);
    if (provable.length === 0) return plan;
    const after = tryOr('noting offsets', () => watchUse(provable, sync), undefined);
    return { ...plan, after: after && safely(after) };
  }

  /** An audit asks about all that passes, whether it is worth telling or not. */
  function traceOf(evaluation: Evaluation, outcomes: readonly FdOutcome[]): Trace | undefined {
    const passed = outcomes.filter(outcome => outcome.action === 'passed');
    if (passed.length === 0) return undefined;
    const all = passed.map(outcome => ({ ...outcome, reported: true }));
    const recording = { mode, candidate: undefined, redact: dependencies.redact, openerOf };
    return dependencies.audit?.prepare(record(evaluation, all, recording).map(({ make }) => make()));
  }

  function judgeBy(
    { policy, mode }: Candidate,
    request: SpawnRequest,
    caller: Caller | undefined,
  ): FdOutcome[] {
    return applyMode(evaluate(request, caller, policy), mode);
  }

  function openerOf({ file }: ChildFd): Opener | undefined {
    return tryOr('finding the opener', () => dependencies.findOpener(file), undefined);
  }

  function refusal(pending: readonly PendingFinding[]): ClosefdsError {
    const saying = () => toRefusal(pending.map(({ make }) => make()));
    const fallback = 'closefds refused to start a process, and failed at saying why';
    const message = pending.length === 0 ? fallback : tryOr('saying why', saying, fallback);
    return new ClosefdsError('ERR_CLOSEFDS_DENIED', message);
  }

  function describe(fd: number): OpenFile {
    return tryOr('describing an FD', () => dependencies.describe(fd), UNKNOWN_FILE);
  }

  /** Gives what was told: the same finding for the same key, as many times as it occurs. */
  function emit({ dedupKey: key, siteKey: sort, sourceFd, make }: PendingFinding): Passed[] {
    const isFull = emitted.size >= MOST_KEYS;
    const before = emitted.get(key) ?? (isFull ? firsts.get(sort) : undefined);
    if (before !== undefined) {
      report(before, 'repeat');
      return [{ finding: before, fd: sourceFd }];
    }
    const finding = isFull ? undefined : tryOr('making a finding', make, undefined);
    if (finding === undefined) return [];
    emitted.set(key, finding);
    report(finding, firsts.has(sort) ? 'variant' : 'first');
    if (!firsts.has(sort)) firsts.set(sort, finding);
    return [{ finding, fd: sourceFd }];
  }

  function report(finding: Finding, occurrence: Occurrence): void {
    tryOr('reporting', () => dependencies.report(finding, occurrence), undefined);
  }

  /** It runs amid Node's own code, when the child has ended. */
  function safely(after: AfterSpawn): AfterSpawn {
    return () => tryOr('looking for use', after, undefined);
  }

  function tryOr<T>(step: string, work: () => T, fallback: T): T {
    try {
      return work();
    } catch (error) {
      reportInternalError(step, error);
      return fallback;
    }
  }

  /** Once for each way of failing: a report that fails each time must not flood. */
  function reportInternalError(step: string, error: unknown): void {
    const what = `closefds failed at ${step}: ${messageOf(error)}`;
    if (!isNew(reportedErrors, what)) return;
    try {
      dependencies.report({ code: 'CLOSEFDS_INTERNAL_ERROR', mode, what }, 'first');
    } catch {
      // The report is what is broken; there is nobody left to tell.
    }
  }
}

function toCachedDecision(plan: Plan, told: readonly Passed[]): CachedDecision {
  const findings = told.map(({ finding }) => finding);
  const provable = told.filter(({ finding }) => isProvable(finding));
  return { plan, findings, provable };
}

/** Those of the strays that the call's arguments or environment name. */
function announcedAmong(strays: readonly Stray[], call: KnownCommand): readonly number[] {
  if (strays.length === 0) return NONE;
  const announced = announcedFds(call);
  return announced.size === 0 ? NONE : strays.map(({ fd }) => fd).filter(fd => announced.has(fd));
}

const NONE: readonly number[] = [];

/** A rule may speak of the launcher, the file and the command; the last does not follow from the others. */
function placeOf({ command }: SpawnCall, caller: Caller | undefined, announced: readonly number[]): string {
  return `${callSite(caller)} ${announced.join(',')} ${command}`;
}

/** Of a program that makes up more call sites, commands or targets, what is new is counted as what is like it. */
const MOST_KEYS = 10_000;

function isNew(seen: Set<string>, key: string): boolean {
  if (seen.has(key) || seen.size >= MOST_KEYS) return false;
  seen.add(key);
  return true;
}
