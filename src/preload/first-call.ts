// Wires up the hooks that src/hooks/child-process.ts installs. Loaded by the first call of one of them.
//
// Most processes load nothing more: src/preload/first-finding.ts, three times as much code, is loaded by the
// first spawn with slots or strays.

import path = require('node:path');
import util = require('node:util');
import vm = require('node:vm');
import workerThreads = require('node:worker_threads');

import { ClosefdsError, messageOf } from '../base/errors';
import { faultOf } from '../base/fault';
import type { AnyFunction } from '../base/wrap-function';
import { createStackCapture, type StackCapture } from '../callers/capture-stack';
import type { CallStack } from '../callers/stack';
import { trimStack } from '../callers/trim-stack';
import type { Finding, Occurrence, SpawnFinding } from '../findings/finding';
import { createGuardedCalls, type GuardedCalls } from '../hooks/guarded-calls';
import type { SpawnCall } from '../model/spawn-request';
import { judgesStrays } from '../policy/rule';
import type { Settings } from '../policy/settings';
import { stdioOnlyPlan } from '../spawn/fallback-plan';
import { createEnvironmentReader } from '../spawn/inherited-environment';
import type { KnownCommand } from '../spawn/parse-call';
import { defaultPlan, type Plan } from '../spawn/plan';
import type { SpawnGuard } from '../spawn/spawn-guard';
import { describeFd } from '../strays/describe-fd';
import type { StrayGuard } from '../strays/stray-guard';
import { createStrayScan, type StrayScan } from '../strays/stray-scan';
import type { RealGuardOptions } from './first-finding';

export interface FirstCallOptions {
  readonly settings: Settings;
  readonly strayGuard: StrayGuard;
  readonly packageRoot: string;
  /** In milliseconds, monotonic. Captured at load, because programs replace the clock. */
  readonly clock: () => number;
  /** Whether this thread has made a worker, which may share its environment variables. */
  readonly hasMadeWorkers: () => boolean;
  /** Loads src/preload/first-finding.ts. */
  readonly createRealGuard: (world: RealGuardOptions) => SpawnGuard;
  /** Never throws. */
  readonly report: (findings: readonly Finding[], occurrence: Occurrence) => void;
  /** Reports each of these as `repeat`. Never throws. */
  readonly reportRepeats: (findings: readonly SpawnFinding[], isAssumed: boolean) => void;
  /** Writes the counts that are not in the report yet. */
  readonly flush: () => void;
}

/** To be called once in each thread. */
export function prepareCalls(options: FirstCallOptions): GuardedCalls {
  const { settings, strayGuard, packageRoot, clock, createRealGuard, report, reportRepeats, flush } = options;
  const { mode } = settings;
  const defaults = defaultPlan(mode);
  const { isProxy } = util.types;
  const capture = createStackCapture(clock);
  /** Strays are covered by slots of the call, so each call needs a plan of its own. */
  const { mustCover, releaseSpareMemory } = strayGuard;
  const { onUnguarded, onFailure } = createFaultReports(options);
  /** The call that fastPath() saw last has not come to judge() yet. */
  let isSeen = false;
  let watch: StrayScan | undefined;
  let spawnGuard: SpawnGuard | undefined;

  return createGuardedCalls({
    isProxy,
    judge: (call, stack) => {
      const plan = judge(call, stack);
      // The process ends in execve() without an exit event.
      if (call.route === 'execve') flush();
      return plan;
    },
    fastPath,
    readEnvironment: createEnvironmentReader({ hasChanged: environmentWatch(options), isProxy }),
    captureStack: capture.near,
    throwRefusal: createThrowRefusal(capture, packageRoot),
    strayGuard,
    byDefault: defaults.guarded,
    onNative: () => watch?.expire(),
    onUnguarded,
    onFailure,
  });

  /** A step that fails here fails again in judge(), which reports it. */
  function fastPath(look: () => KnownCommand | undefined): Plan | undefined {
    try {
      watch ??= watchStrays(settings, strayGuard, clock);
      watch.onCall();
      isSeen = true;
      const strays = watch.strays(false);
      if (strays.length === 0) return defaults;
      const call = spawnGuard === undefined || mustCover ? undefined : look();
      return call === undefined ? undefined : spawnGuard?.assumePlan(call, strays);
    } catch {
      return undefined;
    }
  }

  function judge(call: SpawnCall, stack: CallStack | undefined): Plan {
    let isFirst = false;
    try {
      watch ??= watchStrays(settings, strayGuard, clock);
      if (!isSeen) watch.onCall();
      isSeen = false;
      isFirst = spawnGuard === undefined;
      spawnGuard ??= createRealGuard({
        settings,
        strays: watch.strays,
        mustCover,
        capture,
        packageRoot,
        report,
        reportRepeats,
      });
    } catch (error) {
      onFailure('loading the spawn guard', error);
      return failClosed(call);
    }
    try {
      return spawnGuard.judge(call, stack);
    } finally {
      // V8 needed half a megabyte to compile what the first finding runs, and each fork would copy that.
      if (isFirst) releaseSpareMemory?.();
    }
  }

  /** The spawn guard does this by itself where one of its steps fails; here it could not be loaded. */
  function failClosed(call: SpawnCall): Plan {
    try {
      return stdioOnlyPlan(call, mode, strayGuard.list(mode !== 'warn', describeFd));
    } catch (error) {
      onFailure('looking for strays', error);
      return stdioOnlyPlan(call, mode, []);
    }
  }
}

interface FaultReports {
  /** Throws in `strict`. */
  readonly onUnguarded: (error: unknown) => void;
  readonly onFailure: (step: string, error: unknown) => void;
}

/** Reports each fault of closefds once: one may come with each spawn. */
function createFaultReports({ settings: { mode }, report }: FirstCallOptions): FaultReports {
  const failuresTold = new Set<string>();
  let unguardedTold = false;
  return { onUnguarded, onFailure };

  function onUnguarded(error: unknown): void {
    const what = `stray FDs may reach a child: ${messageOf(error)}`;
    if (mode === 'strict') throw new ClosefdsError('ERR_CLOSEFDS_DENIED', what, { cause: error });
    if (unguardedTold) return;
    unguardedTold = true;
    report([{ code: 'CLOSEFDS_UNGUARDED', mode, what }], 'first');
  }

  function onFailure(step: string, error: unknown): void {
    if (failuresTold.has(step)) return;
    failuresTold.add(step);
    const what = `closefds failed at ${step}: ${faultOf(error)}`;
    report([{ code: 'CLOSEFDS_INTERNAL_ERROR', mode, what }], 'first');
  }
}

/** The variables of a worker are a copy in Node, and those that a worker shares may change while they are compared. */
function environmentWatch({ strayGuard, hasMadeWorkers }: FirstCallOptions): (() => boolean) | undefined {
  const { hasEnvironmentChanged } = strayGuard;
  if (hasEnvironmentChanged === undefined || !workerThreads.isMainThread) return undefined;
  return () => hasMadeWorkers() || hasEnvironmentChanged();
}

/** So that an uncaught refusal prints little besides its message: Node prints the line that throws. */
function createThrowRefusal(
  capture: StackCapture,
  packageRoot: string,
): (error: unknown, entry: AnyFunction) => never {
  return (error, entry) => {
    if (error instanceof ClosefdsError) {
      capture.retrace(error, entry);
      const { stack } = error as { stack?: unknown };
      if (typeof stack === 'string') error.stack = trimStack(stack, path.join(packageRoot, 'dist'));
    }
    compileThrow()(error);
    throw error;
  };
}

/** A function whose source line is short. Programs replace compileFunction(). */
function compileThrow(): (refusal: unknown) => void {
  try {
    return vm.compileFunction('throw refusal', ['refusal'], { filename: 'closefds' }) as typeof rethrow;
  } catch {
    return rethrow;
  }
}

function rethrow(error: unknown): never {
  throw error;
}

/** Scans at each spawn where the result decides what is closed or kept, and for an audit. */
export function watchStrays(
  { mode, config, audit }: Settings,
  strayGuard: StrayGuard,
  clock: () => number,
): StrayScan {
  const marks = mode !== 'warn';
  const { strays, onCall, expire } = createStrayScan({
    list: () => strayGuard.list(marks, describeFd),
    now: clock,
  });
  const alwaysLook =
    audit !== undefined ||
    strayGuard.mustCover ||
    judgesStrays(config.rules) ||
    // In `warn`, a denied stray is kept from a child only if it is known.
    (mode === 'warn' && config.rules.some(rule => rule.effect === 'deny'));
  return { strays: alwaysLook ? () => strays(true) : strays, onCall, expire };
}
