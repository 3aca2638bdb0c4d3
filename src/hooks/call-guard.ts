// Runs a call of child_process under its plan: reads it, has it evaluated, guards the process that it makes.

import type { AnyFunction } from '../base/wrap-function';
import type { CallStack } from '../callers/stack';
import { type ChildExit, toChildExit } from '../model/child-exit';
import type { SpawnCall } from '../model/spawn-request';
import { defaultCall, type KnownCommand, knownCommand, usesOnlyStdio } from '../spawn/parse-call';
import type { Plan, Trace } from '../spawn/plan';
import {
  type CallOptions,
  fallbackStdio,
  hasToken,
  type IsProxy,
  type Replacement,
  replaceStdio,
} from '../spawn/stdio-option';
import type { StrayGuard } from '../strays/stray-guard';

export interface CallGuardOptions {
  /** `util.types.isProxy`. */
  readonly isProxy: IsProxy;
  /** Evaluates a call. Throws where `strict` refuses it. */
  readonly judge: (call: SpawnCall, stack: CallStack | undefined) => Plan;
  /**
   * The plan of a call that uses only stdio; undefined where it has to be evaluated. `look` gives what the
   * call executes, where that shows. Never throws.
   */
  readonly fastPath: (look: () => KnownCommand | undefined) => Plan | undefined;
  /** `NAME=value` of each variable of this process that may name an FD. Never throws. */
  readonly readEnvironment: () => readonly string[];
  /** Called for each call that has to be evaluated, while few of our frames are on the stack. Never throws. */
  readonly captureStack: () => CallStack | undefined;
  /** Throws the refusal of a call; `entry` is the function of ours that user code or Node called. */
  readonly throwRefusal: (error: unknown, entry: AnyFunction) => never;
  readonly strayGuard: StrayGuard;
  /** Whether the stray guard sets close-on-exec in children for which it was told nothing. */
  readonly byDefault: boolean;
  /** The stray guard failed. Throws what the caller of child_process is to see. */
  readonly onUnguarded: (error: unknown) => void;
  /** closefds failed. Must not throw. */
  readonly onFailure: (step: string, error: unknown) => void;
}

/**
 * How a call recognises its own lower layer in Node, which was evaluated with it. Every other call that user
 * code makes while this one is under way is evaluated by itself.
 */
export interface OwnLayer {
  /** The handle of a ChildProcess. Undefined once it has spawned. */
  handle?: object | undefined;
  /** In the options of a synchronous call, which Node copies. Undefined once they arrived at the binding. */
  token?: symbol | undefined;
  /** The stray guard was told of the call's start and not of its end. */
  isOpen?: boolean;
}

/** What a call returned, and whether it made a process: one that made none shows no spawn method. */
export interface CallResult {
  readonly result: unknown;
  readonly started: boolean;
  /** The function that made the process, if its stdio has no slots for placeholders: denials need a fork. */
  readonly needsFork?: string;
}

/** One for each thread. */
export class CallGuard {
  readonly isProxy: IsProxy;
  readonly captureStack: CallGuardOptions['captureStack'];
  readonly #options: CallGuardOptions;
  /** The innermost call under way. */
  #current: OwnLayer | undefined;
  #knowsSpawnMethod = false;

  constructor(options: CallGuardOptions) {
    this.isProxy = options.isProxy;
    this.captureStack = options.captureStack;
    this.#options = options;
  }

  /** Most calls end here, before anything is allocated for them. */
  fastPlan(route: string, args: readonly unknown[], options: CallOptions): Plan | undefined {
    if (!usesOnlyStdio(options, this.isProxy)) return undefined;
    const { fastPath, readEnvironment } = this.#options;
    return fastPath(() => knownCommand(route, args, options, readEnvironment, this.isProxy));
  }

  /** Where `parse` fails, by an error of closefds, the slots are evaluated as far as they show. */
  parse(route: string, options: CallOptions, parse: () => SpawnCall): SpawnCall {
    try {
      return parse();
    } catch (error) {
      this.#options.onFailure('reading a call', error);
      return defaultCall(route, fallbackStdio(options));
    }
  }

  /** Callers pass `this.captureStack()`: where the limit of ten frames cannot be raised, each frame of ours counts. */
  judge(call: SpawnCall, stack: CallStack | undefined, entry: AnyFunction): Plan {
    try {
      return this.#options.judge(call, stack);
    } catch (error) {
      return this.#options.throwRefusal(error, entry);
    }
  }

  /**
   * Evaluates a call and makes it. `entry` is the hook's function, see throwRefusal. `start` gets what the call
   * has in place of its stdio, and the plan.
   */
  run(
    call: SpawnCall,
    own: OwnLayer,
    entry: AnyFunction,
    start: (replaced: Replacement | undefined, plan: Plan) => CallResult,
  ): unknown {
    const plan = this.judge(call, this.captureStack(), entry);
    const replaced = this.#replacement(call, plan);
    const run = () => this.runUnder(plan, own, () => start(replaced, plan));
    return call.sync ? runToEnd(plan, run) : run();
  }

  /** Makes a call whose plan is known. */
  runUnder(plan: Plan, own: OwnLayer, start: () => CallResult): unknown {
    const { strayGuard } = this.#options;
    const isDone = this.#setCloseOnExecOnly(plan);
    let outcome: CallResult | undefined;
    const outer = this.#current;
    this.#current = own;
    try {
      own.isOpen = !isDone;
      if (!isDone) this.tolerate(() => strayGuard.begin(plan));
      outcome = start();
      return outcome.result;
    } finally {
      this.#current = outer;
      if (!isDone) this.#end(plan, outcome);
    }
  }

  /** Whether a handle's spawn is the lower layer of the innermost call. True once for each call. */
  isOwnLayer(handle: unknown, options: unknown): boolean {
    const current = this.#current;
    if (current?.handle !== undefined && current.handle === handle) {
      current.handle = undefined;
      return true;
    }
    if (current?.token === undefined || !hasToken(options, current.token)) return false;
    current.token = undefined;
    return true;
  }

  /** Reports what the stray guard throws; the call goes on unless `strict` refuses it. */
  tolerate(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.onUnguarded(error);
    }
  }

  /**
   * Sets close-on-exec in the parent, where that is all that a call takes, and returns whether it is. Once the
   * spawn method is known, a call of which nothing is kept need not be followed to its end, since its child
   * sets the flag by default: a call into the addon after the fork costs page faults.
   */
  #setCloseOnExecOnly({ guarded, keep, untouched, deny, trace }: Plan): boolean {
    const { strayGuard, byDefault } = this.#options;
    // The child would get what the outer call keeps, and nothing else: the stray guard has to know of this call.
    if (this.#current?.isOpen) return false;
    if (!guarded) return deny.length === 0;
    if (trace !== undefined) return false;
    if (!byDefault || keep.length > 0 || untouched.length > 0) return false;
    this.#knowsSpawnMethod ||= strayGuard.spawning() !== 'unknown';
    if (this.#knowsSpawnMethod) this.tolerate(() => strayGuard.mark());
    return this.#knowsSpawnMethod;
  }

  /** The caller gets the call's result, even where the flags could not be restored. */
  #end({ deny }: Plan, outcome: CallResult | undefined): void {
    const { strayGuard, onFailure, onUnguarded } = this.#options;
    try {
      const hasForked = strayGuard.end(outcome?.started === true);
      if (hasForked || deny.length === 0 || outcome?.needsFork === undefined || strayGuard.mustCover) return;
      onUnguarded(
        new Error(`${outcome.needsFork}() made a process without fork(), so what is denied may have passed`),
      );
    } catch (error) {
      onFailure('ending a spawn', error);
    }
  }

  #replacement({ stdio, sync }: SpawnCall, plan: Plan): Replacement | undefined {
    const mustCover = this.#mustCover(plan);
    const cover = mustCover ? plan.close : plan.cover;
    const needsPlaceholder = cover.length > 0 || plan.denied.length > 0;
    const placeholder = needsPlaceholder ? this.#openPlaceholder(mustCover) : undefined;
    return replaceStdio(stdio, plan, cover, placeholder, sync);
  }

  /**
   * Whether only a placeholder keeps a stray from the child. In `warn` a denied stray is closed in the child by the
   * fork handler; before the first spawn nothing shows whether it runs.
   */
  #mustCover({ deny }: Plan): boolean {
    const { strayGuard } = this.#options;
    return strayGuard.mustCover || (deny.length > 0 && strayGuard.spawning() !== 'fork');
  }

  /** The program may have closed it, or have no FD left. */
  #openPlaceholder(mustCover: boolean): number | undefined {
    const { strayGuard, onUnguarded, onFailure } = this.#options;
    try {
      return strayGuard.placeholder();
    } catch (error) {
      if (mustCover) onUnguarded(error);
      else onFailure('opening the placeholder of a denied FD', error);
      return undefined;
    }
  }
}

/** Makes a process so that an audit sees what it does, where there is one. */
export function traced<T>(trace: Trace | undefined, handle: object | undefined, work: () => T): T {
  return trace === undefined ? work() : trace.run(handle, work);
}

/** A synchronous call, which has the child's exit in its result, or in the error that it throws. */
function runToEnd({ after, onExit }: Plan, run: () => unknown): unknown {
  let ended: unknown;
  try {
    ended = run();
    return ended;
  } catch (error) {
    ended = error;
    throw error;
  } finally {
    after?.();
    const exit = onExit && exitOf(ended);
    if (exit !== undefined) onExit?.(exit);
  }
}

/**
 * spawnSync() returns status and signal, execSync() and execFileSync() throw them, or return what the child wrote, or
 * null. With an error, Node ended the child: a timeout, or too much output.
 */
function exitOf(ended: unknown): ChildExit | undefined {
  if (ended === null || typeof ended === 'string' || ended instanceof Uint8Array) return { code: 0 };
  const { status, signal, error } = (ended ?? {}) as Readonly<Record<string, unknown>>;
  return error === undefined ? toChildExit(status, signal) : undefined;
}

/**
 * Whether a process was made: spawnSync() returns its pid, 0 without one, and a handle an errno code. What
 * execSync() and execFileSync() return says nothing; they would have thrown.
 */
export function callResult(result: unknown): CallResult {
  if (typeof result === 'number') return { result, started: result === 0 };
  const { pid } = (result ?? {}) as { pid?: unknown };
  return { result, started: pid === undefined || Number(pid) > 0 };
}

export type Wrap = (original: AnyFunction) => AnyFunction;
