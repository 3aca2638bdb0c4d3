// Evaluates a spawn and plans it. The pipeline is `judge`:
//
//   known strays       mostly none, and no slots: the call goes on as it is
//   call context       whose code called (a stack walk, the dearest step), policies, strays
//   cached decision    the same call under the same conditions: counted, not evaluated
//   evaluation         each FD against the rules, then the mode
//   findings           reported once, counted afterwards
//   plan               what the call does differently
//
// The dependencies come in as an argument; src/preload/first-finding.ts wires up the real ones. Each step
// that fails by an error of closefds counts as "not allowed": it neither lets an FD pass nor breaks the spawn.

import { ClosefdsError } from '../base/errors';
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
import { type Caller, callSite, callSiteChain } from '../model/caller';
import {
  type ChildFd,
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
import { type CacheKey, DecisionCache } from './decision-cache';
import { FindingEmitter } from './emit-findings';
import { createExitWatches, type ExitWatch, type ExitWatches } from './exit-watch';
import { stdioOnlyPlan } from './fallback-plan';
import { type AfterSpawn, createOffsetWatch, hasOffset, type OffsetWatch, type Passed } from './offset-watch';
import type { KnownCommand } from './parse-call';
import type { Auditor } from './plan';
import { defaultPlan, type Plan, type Trace, toPlan } from './plan';
import { createTryOr, type TryOr } from './steps';

/** What the spawn guard asks of the process, and where it reports. */
export interface GuardDependencies {
  /** The strays. A scan costs time, so unless `fresh` the result may be that of a scan before this call. */
  readonly strays: (fresh: boolean) => readonly Stray[];
  /** Whether only a placeholder keeps a stray from a child; see StrayGuard. */
  readonly mustCover: boolean;
  readonly describe: (fd: number) => OpenFile;
  /** The package that most likely opened a stray. Called for strays that are reported. */
  readonly findOpener: (file: OpenFile) => Opener | undefined;
  /** `isOutward`: also the packages that called the caller, which may need the whole stack. */
  readonly findCaller: (stack: CallStack | undefined, isOutward: boolean) => Caller | undefined;
  /** Whether the time budget allows to find the caller again where the decision does not depend on it. */
  readonly mustFindCaller: () => boolean;
  readonly policy: () => Policy;
  /** A policy that is evaluated and reported beside the one in force. */
  readonly candidate: (() => Candidate) | undefined;
  /** Globs of texts that no report may hold. */
  readonly redact: readonly string[];
  readonly positionOf: (fd: number) => FilePosition | undefined;
  readonly report: (findings: readonly Finding[], occurrence: Occurrence) => void;
  /** Reports each of these as `repeat`. The same list for the same findings, so that it can be counted as one. */
  readonly reportRepeats: (findings: readonly SpawnFinding[], isAssumed: boolean) => void;
  /** undefined without an audit. */
  readonly audit: Auditor | undefined;
}

export interface Candidate {
  readonly policy: Policy;
  readonly mode: Mode;
}

/** A decision about a call without slots. */
interface CachedDecision {
  readonly plan: Plan;
  readonly findings: readonly SpawnFinding[];
  /** Those findings whose offset may still move. */
  readonly withOffset: readonly Passed[];
  /** Of those findings whose FDs were closed. */
  readonly exits: readonly ExitWatch[];
}

/** What a decision depends on, besides the call itself. */
interface CallContext {
  readonly caller: Caller | undefined;
  readonly strays: readonly Stray[];
  /** Strays whose numbers the call's arguments or environment name. */
  readonly announced: readonly number[];
  readonly policy: Policy;
  readonly candidate: Candidate | undefined;
}

interface EvaluatedCall {
  readonly request: SpawnRequest;
  readonly evaluation: Evaluation;
  readonly outcomes: readonly FdOutcome[];
  /** What the candidate policy would do, FD by FD as `outcomes`. */
  readonly candidateOutcomes: readonly FdOutcome[] | undefined;
}

export class SpawnGuard {
  readonly #mode: Mode;
  readonly #dependencies: GuardDependencies;
  readonly #unchanged: Plan;
  readonly #callSites = new Set<string>();
  readonly #cache = new DecisionCache<CachedDecision>();
  readonly #tryOr: TryOr;
  readonly #emitter: FindingEmitter;
  readonly #watchUse: OffsetWatch;
  readonly #exitWatches: ExitWatches;

  constructor(mode: Mode, dependencies: GuardDependencies) {
    this.#mode = mode;
    this.#dependencies = dependencies;
    this.#unchanged = defaultPlan(mode);
    const tryOr = createTryOr(what =>
      dependencies.report([{ code: 'CLOSEFDS_INTERNAL_ERROR', mode, what }], 'first'),
    );
    const report = (findings: readonly Finding[], occurrence: Occurrence) =>
      tryOr('reporting', () => dependencies.report(findings, occurrence), undefined);
    this.#tryOr = tryOr;
    this.#emitter = new FindingEmitter(report, tryOr);
    this.#watchUse = createOffsetWatch({
      positionOf: dependencies.positionOf,
      onLikelyUse: finding => {
        report([finding], 'update');
        dependencies.audit?.noteLikelyUse(finding);
      },
    });
    this.#exitWatches = createExitWatches((finding, exit) => report([{ ...finding, exit }], 'update'));
  }

  /**
   * The plan of a call; `stack` is what was captured when the call came in. Throws ERR_CLOSEFDS_DENIED in
   * `strict`, and nothing else.
   */
  judge(call: SpawnCall, stack?: CallStack): Plan {
    const plan = this.#tryOr('judging a spawn', () => this.#judge(call, stack), undefined);
    if (plan instanceof ClosefdsError) throw plan;
    return plan ?? this.#failClosed(call);
  }

  /**
   * The plan of a command that uses only stdio and always comes from one call site, without looking for the call
   * site; undefined where the call has to be judged. Only where the same happens to the strays for every caller,
   * and as long as the time budget for call sites is used up. Counts for that call site. Never throws.
   */
  assumePlan(call: KnownCommand, strays: readonly Stray[]): Plan | undefined {
    const { candidate, audit } = this.#dependencies;
    // A refusal names its call site.
    if (this.#mode === 'strict' || candidate !== undefined || audit !== undefined) return undefined;
    return this.#tryOr('using a cached decision', () => this.#assumePlan(call, strays), undefined);
  }

  #assumePlan(call: KnownCommand, strays: readonly Stray[]): Plan | undefined {
    const { policy: policyInForce, mustFindCaller } = this.#dependencies;
    const policy = policyInForce();
    const decision = this.#cache.assume(commandKey(call, []), { strays, policy, candidate: undefined });
    if (decision === undefined || policy.asksWhoCalls || mustFindCaller()) return undefined;
    // A placeholder needs a slot, which this call has none for.
    if (announcedAmong(strays, call).length > 0) return undefined;
    // Whether children use the FDs, and how they end, was watched while the call site was looked at.
    this.#count(decision.findings, true);
    return decision.plan;
  }

  #judge(call: SpawnCall, stack: CallStack | undefined): Plan | ClosefdsError {
    // What unsafe() passes depends on the list, as closing does not.
    const known = this.#dependencies.strays(call.unsafe !== undefined);
    if (usesNothing(call, known)) return this.#unchanged;

    const context = this.#contextOf(call, stack, known);
    const key = this.#cacheKeyOf(call, context);
    const cached = key && this.#cache.get(key);
    if (cached !== undefined) return this.#repeat(cached, call.sync);

    const evaluated = this.#evaluate(call, context);
    const pending = this.#record(evaluated);
    if (isRefused(evaluated)) return this.#refusal(pending ?? []);

    const emitted = this.#emitter.emit(pending ?? []);
    const plan = this.#plan(evaluated, context, emitted);
    // Partial results are never cached.
    const isWhole = emitted.length === pending?.length && isWholeCandidate(evaluated, context);
    if (key !== undefined && isWhole) this.#cache.set(key, this.#cachedDecision(plan, emitted));
    return plan;
  }

  /** Whose code called, and what else the decision depends on. A new call site scans for strays at once. */
  #contextOf(call: SpawnCall, stack: CallStack | undefined, known: readonly Stray[]): CallContext {
    const { strays: scan, policy: policyInForce, candidate: readCandidate } = this.#dependencies;
    const policy = policyInForce();
    const candidate = this.#tryOr('reading the candidate', () => readCandidate?.(), undefined);
    // A spawn that only has strays to close is frequent, and who called the caller makes no difference to it.
    const isOutward = call.stdio.slots !== undefined || policy.asksVia || candidate?.policy.asksVia === true;
    const nearest = this.#findCaller(stack, isOutward);
    const isNewSite = isNew(this.#callSites, callSite(nearest));
    const caller = isNewSite && !isOutward ? this.#findCaller(stack, true) : nearest;
    const strays = isNewSite ? scan(true) : known;
    return {
      caller,
      strays,
      announced: this.#tryOr('looking for announcements', () => announcedAmong(strays, call), []),
      policy,
      candidate,
    };
  }

  #findCaller(stack: CallStack | undefined, isOutward: boolean): Caller | undefined {
    const { findCaller } = this.#dependencies;
    return this.#tryOr('finding the caller', () => findCaller(stack, isOutward), undefined);
  }

  /** undefined for calls that are not cacheable: explicit slots vary, and audits trace every spawn. */
  #cacheKeyOf(call: SpawnCall, context: CallContext): CacheKey | undefined {
    if (call.stdio.slots !== undefined || call.unsafe !== undefined) return undefined;
    if (this.#dependencies.audit !== undefined) return undefined;
    const { strays, policy, candidate, announced, caller } = context;
    return {
      strays,
      policy,
      candidate: candidate?.policy,
      command: commandKey(call, announced),
      callSite: policy.asksVia || candidate?.policy.asksVia ? callSiteChain(caller) : callSite(caller),
    };
  }

  #evaluate(call: SpawnCall, { caller, strays, policy, candidate }: CallContext): EvaluatedCall {
    const request = toRequest(call, strays, fd => this.#describe(fd));
    // Two policies are compared FD by FD.
    const together = candidate === undefined;
    const evaluation = evaluate(request, caller, policy, { together });
    const evaluateCandidate = () =>
      candidate && applyMode(evaluate(request, caller, candidate.policy, { together }), candidate.mode);
    return {
      request,
      evaluation,
      outcomes: applyMode(evaluation, this.#mode),
      candidateOutcomes: this.#tryOr('judging by the candidate', evaluateCandidate, undefined),
    };
  }

  /** undefined where recording failed. A reporting failure must not change the decision. */
  #record({ evaluation, outcomes, candidateOutcomes }: EvaluatedCall): PendingFinding[] | undefined {
    const recording = this.#recording(candidateOutcomes);
    return this.#tryOr('recording', () => record(evaluation, outcomes, recording), undefined);
  }

  #recording(candidate: readonly FdOutcome[] | undefined) {
    const { redact } = this.#dependencies;
    return { mode: this.#mode, candidate, redact, openerOf: (fd: ChildFd) => this.#openerOf(fd) };
  }

  #plan(evaluated: EvaluatedCall, { strays, announced }: CallContext, emitted: readonly Passed[]): Plan {
    const { request, evaluation, outcomes } = evaluated;
    const { mustCover } = this.#dependencies;
    return {
      ...toPlan(request, outcomes, strays, announced, { mode: this.#mode, mustCover }),
      after: this.#afterSpawn(emitted, request.call.sync),
      onExit: this.#onExit(this.#exitsOf(emitted)),
      trace: this.#tryOr('preparing a trace', () => this.#traceOf(evaluation, outcomes), undefined),
    };
  }

  #repeat({ plan, findings, withOffset, exits }: CachedDecision, sync: boolean): Plan {
    this.#count(findings, false);
    const onExit = exits.length === 0 ? undefined : this.#onExit(exits);
    if (withOffset.length === 0 && onExit === undefined) return plan;
    return { ...plan, after: this.#afterSpawn(withOffset, sync), onExit };
  }

  /** `isAssumed`: the call site was not looked at, which the finding says. */
  #count(findings: readonly SpawnFinding[], isAssumed: boolean): void {
    this.#tryOr('reporting', () => this.#dependencies.reportRepeats(findings, isAssumed), undefined);
  }

  /** An audit asks about everything that passes, whether it is worth reporting or not. */
  #traceOf(evaluation: Evaluation, outcomes: readonly FdOutcome[]): Trace | undefined {
    const { audit } = this.#dependencies;
    const passed = outcomes.filter(outcome => outcome.action === 'passed');
    if (audit === undefined || passed.length === 0) return undefined;
    const all = passed.map(outcome => ({ ...outcome, reported: true }));
    return audit.prepare(record(evaluation, all, this.#recording(undefined)).map(({ make }) => make()));
  }

  #afterSpawn(passed: readonly Passed[], sync: boolean): AfterSpawn | undefined {
    const after = this.#tryOr('noting offsets', () => this.#watchUse(passed, sync), undefined);
    // Called from Node's own code, when the child has ended.
    return after && (() => this.#tryOr('looking for use', after, undefined));
  }

  /** An audit runs children in another way, and its records say more. */
  #exitsOf(emitted: readonly Passed[]): readonly ExitWatch[] {
    if (this.#dependencies.audit !== undefined) return [];
    const findings = emitted.map(({ finding }) => finding);
    return this.#tryOr('watching exits', () => this.#exitWatches.of(findings), []);
  }

  #onExit(exits: readonly ExitWatch[]): Plan['onExit'] {
    const onExit = this.#tryOr('watching an exit', () => this.#exitWatches.start(exits), undefined);
    // Called from Node's own code, as that of #afterSpawn().
    return onExit && (exit => this.#tryOr('noting an exit', () => onExit(exit), undefined));
  }

  #cachedDecision(plan: Plan, emitted: readonly Passed[]): CachedDecision {
    return {
      plan: { ...plan, after: undefined, onExit: undefined },
      findings: emitted.map(({ finding }) => finding),
      withOffset: emitted.filter(({ finding }) => hasOffset(finding)),
      exits: this.#exitsOf(emitted),
    };
  }

  /** What else would have passed is no finding, since no process was made. */
  #refusal(pending: readonly PendingFinding[]): ClosefdsError {
    const refused = pending.filter(({ disposition }) => disposition === 'refused');
    this.#emitter.emit(refused);
    const fallback = 'closefds refused to start a process, and failed at saying why';
    const makeMessage = () => toRefusal(refused.map(({ make }) => make()));
    const message = refused.length === 0 ? fallback : this.#tryOr('saying why', makeMessage, fallback);
    return new ClosefdsError('ERR_CLOSEFDS_DENIED', message);
  }

  #failClosed(call: SpawnCall): Plan {
    const strays = this.#tryOr('looking for strays', () => this.#dependencies.strays(true), []);
    return stdioOnlyPlan(call, this.#mode, strays);
  }

  #describe(fd: number): OpenFile {
    return this.#tryOr('describing an FD', () => this.#dependencies.describe(fd), UNKNOWN_FILE);
  }

  #openerOf({ file }: ChildFd): Opener | undefined {
    return this.#tryOr('finding the opener', () => this.#dependencies.findOpener(file), undefined);
  }
}

function usesNothing(call: SpawnCall, strays: readonly Stray[]): boolean {
  return strays.length === 0 && call.stdio.slots === undefined && call.unsafe === undefined;
}

function isRefused({ outcomes }: EvaluatedCall): boolean {
  return outcomes.some(outcome => outcome.action === 'refused');
}

function isWholeCandidate({ candidateOutcomes }: EvaluatedCall, { candidate }: CallContext): boolean {
  return (candidateOutcomes === undefined) === (candidate === undefined);
}

/** Those strays that the call's arguments or environment name. */
function announcedAmong(strays: readonly Stray[], call: KnownCommand): readonly number[] {
  if (strays.length === 0) return NONE;
  const announced = announcedFds(call);
  return announced.size === 0 ? NONE : strays.filter(({ fd }) => announced.has(fd)).map(({ fd }) => fd);
}

const NONE: readonly number[] = [];

function commandKey({ command }: KnownCommand, announced: readonly number[]): string {
  // A command may start with digits, but the list has no NUL.
  return `${announced.join(',')}\0${command}`;
}

/** Bounds the call sites that are remembered, for programs that generate code. */
const MOST_CALL_SITES = 10_000;

function isNew(seen: Set<string>, key: string): boolean {
  if (seen.has(key) || seen.size >= MOST_CALL_SITES) return false;
  seen.add(key);
  return true;
}
