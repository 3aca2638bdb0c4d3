// Wires up all parts and installs closefds in this thread.

import fs = require('node:fs');
import nodeModule = require('node:module');
import path = require('node:path');
import workerThreads = require('node:worker_threads');

// First, and at start, since it captures the intrinsics that the parts use.
import '../base/captured';

import { DIST } from '../base/dist-folder';
import { ClosefdsError, messageOf } from '../base/errors';
import type { AnyFunction } from '../base/wrap-function';
import type { Finding, Occurrence } from '../findings/finding';
import type { FindingCounts } from '../findings/finding-counts';
import type * as ReportPlace from '../findings/report-place';
import type * as Reporting from '../findings/reporter';
import type { Reporter } from '../findings/reporter';
import { installPatch } from '../hooks/child-process';
import { detectNativeSpawners } from '../hooks/detect-native-spawners';
import type { GuardedCalls } from '../hooks/guarded-calls';
import type * as NativeSpawnersModule from '../hooks/native-spawners';
import type { NativeSpawners, WorkerFactory } from '../hooks/types';
import { installInWorkers } from '../hooks/worker';
import type * as WorkerOptions from '../hooks/worker-options';
import type { SpawnCall } from '../model/spawn-request';
import { currentFolder, makePreloadsAbsolute } from '../policy/inherited-paths';
import { mainScript } from '../policy/main-script';
import type { Mode } from '../policy/rule';
import { programOf } from '../policy/runners';
import { readSettings, type Settings } from '../policy/settings';
import { stdioOnlyArguments } from '../spawn/fallback-plan';
import type * as FallbackGuard from '../strays/fallback-guard';
import { loadStrayGuard } from '../strays/native-guard';
import { isRefusal, otherRuntime, whatCloses } from '../strays/platform';
import { NO_STRAY_GUARD, type StrayGuard } from '../strays/stray-guard';
import type * as FirstCall from './first-call';
import type * as FirstFinding from './first-finding';
import { type Installed, installed, remember } from './installed';
import { findLateSettings, makeSettingsAbsolute, type ReadSettings, valuesOf } from './late-settings';
import type * as StartDeep from './start-deep';
import type * as StatusModule from './status';

export const PACKAGE_ROOT = path.dirname(DIST);

/** The folder of the preloads. */
const PRELOADS = `${DIST}${path.sep}register`;

/** Captured at load, because programs replace them. */
const ORIGINALS = {
  emitWarning: process.emitWarning,
  fs: { openSync: fs.openSync, writeSync: fs.writeSync, closeSync: fs.closeSync, fstatSync: fs.fstatSync },
  setTimeout,
  setInterval,
  now: Date.now,
  clock: monotonicClock(process.hrtime),
};

const { apply } = Reflect;

/** In milliseconds. `performance` would load ten more modules of Node, which takes some milliseconds. */
function monotonicClock(hrtime: typeof process.hrtime): () => number {
  return () => {
    const [seconds, nanoseconds] = hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  };
}

const SETTINGS_KEY = 'closefds.settings';

/**
 * Installs closefds in this thread, once. A wrong config ends the process with a message: a broken
 * policy must not start an unprotected service.
 */
export function install(entryMode?: Mode): void {
  // In every mode, and for a second copy too: a child that inherits the preload's bare name may not find it.
  const namedFrom = makePreloadsAbsolute(PRELOADS);
  const before = installed();
  if (before !== undefined) {
    reporting = before.settings;
    reportSecondCopy(before, entryMode);
    return;
  }
  const settings = settingsOrExit(entryMode);
  reporting = settings;
  if (settings.mode === 'off') {
    remember({ mode: 'off', copy: PACKAGE_ROOT, strayGuard: undefined, settings, counts });
    announceIfAsked(settings);
    if (namedFrom !== undefined) startWorkers('off', namedFrom);
    return;
  }

  const strayGuard = withDeepGuard(settings, findStrayGuard(settings.mode));
  remember({ mode: settings.mode, copy: PACKAGE_ROOT, strayGuard, settings, counts });
  guardSpawns(settings, strayGuard, namedFrom);
  reportRuntime(settings.mode);
  reportNoReport(settings);
  announceIfAsked(settings);
}

function announceIfAsked({ announce }: Settings): void {
  if (announce && workerThreads.isMainThread) (require('./status') as typeof StatusModule).announce();
}

/** Installs the hooks. What they do is loaded by the first call. */
function guardSpawns(settings: Settings, strayGuard: StrayGuard, namedFrom: string | undefined): void {
  const { mode } = settings;
  let calls: GuardedCalls | undefined;

  installPatch({
    load,
    onUnloaded: (original, error) => failClosed(original, mode, strayGuard, error),
    onUnpatched: (name, error) => reportUnpatched(mode, name, error),
  });
  const hasMadeWorkers = startWorkers(mode, namedFrom);

  const spawners = require('../../compat/native-spawners.json') as NativeSpawners;
  const onFailure = (error: unknown) => reportNativeSpawners(mode, error);
  detectNativeSpawners({
    spawners,
    load: isSpawner => {
      const { createNativeSpawnerHook } = require('../hooks/native-spawners') as typeof NativeSpawnersModule;
      return createNativeSpawnerHook({ spawners, isSpawner, guardNative, onFailure });
    },
    onFailure,
  });

  function guardNative(call: SpawnCall, start: () => unknown): unknown {
    try {
      load();
    } catch (error) {
      return apply(failClosed(start, mode, strayGuard, error), undefined, []);
    }
    return load().native(call, start);
  }

  function load(): GuardedCalls {
    const { prepareCalls } = require('./first-call') as typeof FirstCall;
    if (calls === undefined) reportLateSettings(mode);
    calls ??= prepareCalls({
      settings,
      strayGuard,
      packageRoot: PACKAGE_ROOT,
      clock: ORIGINALS.clock,
      hasMadeWorkers,
      createRealGuard: world => (require('./first-finding') as typeof FirstFinding).createRealGuard(world),
      report,
      reportRepeats,
      flush: () => reporter?.flush(),
    });
    return calls;
  }
}

/** Where the hooks' code cannot be loaded: passes only stdio and the message channel. */
function failClosed(original: AnyFunction, mode: Mode, strayGuard: StrayGuard, error: unknown): AnyFunction {
  const what = `a process was started without a judgement, since closefds could not load its code for calls: ${messageOf(error)}`;
  if (mode === 'strict') throw new ClosefdsError('ERR_CLOSEFDS_DENIED', what, { cause: error });
  if (!failClosedReported) report([{ code: 'CLOSEFDS_INTERNAL_ERROR', mode, what }]);
  failClosedReported = true;
  if (mode === 'warn') return original;
  return function (...args) {
    let placeholder: number | undefined;
    try {
      strayGuard.mark();
      placeholder = strayGuard.placeholder();
    } catch {
      // The child handler sets close-on-exec, too; without a placeholder the slot is empty.
    }
    return apply(original, this, stdioOnlyArguments(args, placeholder));
  };
}

/** Returns what tells whether this thread has made a worker. */
function startWorkers(mode: Mode, namedFrom: string | undefined): () => boolean {
  const preload = `${PRELOADS}${path.sep}worker.js`;
  const hasMadeWorkers = installInWorkers({
    preload,
    load: startedWith => loadWorkerFactory({ preload, startedWith, namedFrom, isOff: mode === 'off' }, mode),
  });
  nodeModule.syncBuiltinESMExports();
  return hasMadeWorkers;
}

function loadWorkerFactory(
  options: Omit<WorkerOptions.WorkerFactoryOptions, 'onUnguarded'>,
  mode: Mode,
): WorkerFactory | undefined {
  const onUnguarded = (error: unknown) => {
    const what = `a worker runs without closefds, which could not be added to its options: ${messageOf(error)}`;
    report([{ code: 'CLOSEFDS_UNGUARDED', mode, what }]);
  };
  try {
    const { createWorkerFactory } = require('../hooks/worker-options') as typeof WorkerOptions;
    return createWorkerFactory({ ...options, onUnguarded });
  } catch (error) {
    onUnguarded(error);
    return undefined;
  }
}

// ---------------------------------------------------------------------------------------------
// The stray guard: the addon, its fallback, or neither
// ---------------------------------------------------------------------------------------------

function findStrayGuard(mode: Mode): StrayGuard {
  const closer = whatCloses();
  if (closer === 'system') return withPlaceholder(NO_STRAY_GUARD);
  if (closer === 'nothing') return unguarded(mode, `closefds has no addon for ${process.platform}`);
  const byDefault = mode === 'enforce' || mode === 'strict';
  let failure: string;
  try {
    const strayGuard = loadStrayGuard(PACKAGE_ROOT);
    strayGuard.arm(byDefault);
    return strayGuard;
  } catch (error) {
    failure = messageOf(error);
  }
  try {
    const { createFallbackGuard } = require('../strays/fallback-guard') as typeof FallbackGuard;
    const fallback = createFallbackGuard();
    const what = `the addon did not load, so strays are covered by a placeholder, not closed (${failure})`;
    report([{ code: 'CLOSEFDS_STAND_IN', mode, what }]);
    return fallback;
  } catch (error) {
    const why = `the addon did not load (${failure}), and strays cannot be covered (${messageOf(error)})`;
    return unguarded(mode, why);
  }
}

/** In `strict`, a process whose own calls are not covered does not start; in the other modes it goes on, and reports it. */
function withDeepGuard(settings: Settings, strayGuard: StrayGuard): StrayGuard {
  if (!settings.deep) return strayGuard;
  const { isMainThread } = workerThreads;
  try {
    const { startDeep } = require('./start-deep') as typeof StartDeep;
    const { setInterval } = ORIGINALS;
    const loadParts = () => require('./first-finding') as typeof FirstFinding;
    return startDeep({
      settings,
      strayGuard,
      packageRoot: PACKAGE_ROOT,
      isMainThread,
      setInterval,
      loadParts,
      report,
    });
  } catch (error) {
    if (settings.mode !== 'strict') {
      const what = `processes that native code makes are not guarded: ${messageOf(error)}`;
      if (isMainThread) report([{ code: 'CLOSEFDS_DEEP_PARTIAL', mode: settings.mode, what }]);
      return strayGuard;
    }
    process.stderr.write(
      `closefds: the deep guard cannot hold in mode "strict": ${messageOf(error)}\nThe process was not started; see docs/dev/how-it-works.md in the package.\n`,
    );
    process.exit(1);
  }
}

function unguarded(mode: Mode, why: string): StrayGuard {
  const what = `stray FDs reach children: ${why}`;
  report([{ code: 'CLOSEFDS_UNGUARDED', mode, what }]);
  return mode === 'strict' ? refusing(what) : withPlaceholder(NO_STRAY_GUARD);
}

/** Denied slots need a placeholder also where strays need no guard. On Windows a child's slots are no system FDs. */
function withPlaceholder(strayGuard: StrayGuard): StrayGuard {
  if (process.platform === 'win32') return strayGuard;
  const { createPlaceholder } = require('../strays/fallback-guard') as typeof FallbackGuard;
  return { ...strayGuard, placeholder: createPlaceholder() };
}

function refusing(what: string): StrayGuard {
  const refuse = () => {
    throw new Error(what);
  };
  return { ...NO_STRAY_GUARD, mark: refuse, begin: refuse, replace: refuse };
}

function reportRuntime(mode: Mode): void {
  const what = otherRuntime();
  if (what !== undefined && workerThreads.isMainThread) report([{ code: 'CLOSEFDS_RUNTIME', mode, what }]);
}

/** A broken report must not stop the application. */
function reportNoReport({ mode, reportProblem }: Settings): void {
  if (reportProblem === undefined || !workerThreads.isMainThread) return;
  report([{ code: 'CLOSEFDS_REPORT_FAILED', mode, what: reportProblem }]);
}

/** User code froze the function. The child handler still sets close-on-exec in each fork. */
function reportUnpatched(mode: Mode, name: string, error: unknown): void {
  const what = `closefds cannot judge calls of ${name}, since the program does not let it replace that function: ${messageOf(error)}`;
  if (mode === 'strict') throw new ClosefdsError('ERR_CLOSEFDS_DENIED', what, { cause: error });
  report([{ code: 'CLOSEFDS_UNGUARDED', mode, what }]);
}

/** Reported once: a package has many files. */
function reportNativeSpawners(mode: Mode, error: unknown): void {
  const what = `the functions of a package that makes processes natively could not be guarded: ${messageOf(error)}`;
  if (!nativeSpawnersReported) report([{ code: 'CLOSEFDS_UNGUARDED', mode, what }]);
  nativeSpawnersReported = true;
}

let failClosedReported = false;
let nativeSpawnersReported = false;

// ---------------------------------------------------------------------------------------------
// Settings, once for the process
// ---------------------------------------------------------------------------------------------

/** Workers get the main thread's settings: a worker with an `env` of its own must not have a policy of its own. */
function settingsOrExit(entryMode: Mode | undefined): Settings {
  const shared = workerThreads.isMainThread ? undefined : workerThreads.getEnvironmentData(SETTINGS_KEY);
  if (typeof shared === 'string') return JSON.parse(shared) as Settings;
  try {
    const program = programOf({ env: process.env, script: mainScript(), cwd: currentFolder() });
    const settings = withReportTried(readSettings({ entryMode, ...program }));
    read = { settings, program, given: valuesOf(program.env), atStart: valuesOf(process.env) };
    makeSettingsAbsolute(settings);
    if (workerThreads.isMainThread) workerThreads.setEnvironmentData(SETTINGS_KEY, JSON.stringify(settings));
    return settings;
  } catch (error) {
    const isExplained = error instanceof ClosefdsError || isRefusal(error);
    if (!isExplained || !workerThreads.isMainThread) throw error;
    process.stderr.write(
      `closefds: ${error.message}\nThe process was not started; see docs/policy.md in the package.\n`,
    );
    process.exit(1);
  }
}

/** A place that cannot be written is reported at start, not by the first finding, which may come after weeks. */
function withReportTried(settings: Settings): Settings {
  const { report, mode } = settings;
  if (report === undefined || mode === 'off' || !workerThreads.isMainThread) return settings;
  const { whyNotWritable } = require('../findings/report-place') as typeof ReportPlace;
  const file = report.file.replaceAll('%p', String(process.pid));
  const why = whyNotWritable(file);
  return why === undefined
    ? settings
    : { ...settings, reportProblem: `the report file ${file} cannot be written: ${why}` };
}

/** undefined in a worker, which has the settings of the main thread. */
let read: ReadSettings | undefined;

/** A broken environment must not stop a spawn. */
function reportLateSettings(mode: Mode): void {
  try {
    if (read === undefined) return;
    report(findLateSettings(read).map(what => ({ code: 'CLOSEFDS_LATE_SETTING', mode, what })));
  } catch {
    // User code replaced process.env or process.argv by something else.
  }
}

function reportSecondCopy(before: Installed, entryMode: Mode | undefined): void {
  // A worker has the main thread's mode, whichever entry point loads closefds there.
  const agrees = entryMode === undefined || entryMode === before.mode || !workerThreads.isMainThread;
  if (before.copy === PACKAGE_ROOT && agrees) return;
  const what = `closefds was loaded again, from ${PACKAGE_ROOT}${entryMode === undefined ? '' : ` for mode "${entryMode}"`}; the first copy (${before.copy}, mode "${before.mode}") stays in force`;
  report([{ code: 'CLOSEFDS_SECOND_COPY', mode: before.mode, what }]);
}

let reporting: Settings | undefined;
let reporter: Reporter | undefined;

/** The first finding loads the reporter. */
function report(findings: readonly Finding[], occurrence: Occurrence = 'first'): void {
  try {
    const first = findings[0];
    if (first === undefined) return;
    reporter ??= loadReporter(first.mode);
    reporter.report(findings, occurrence);
  } catch {
    // For example a process.emitWarning() of user code that throws. The host must not notice.
  }
}

function counts(): FindingCounts | undefined {
  return reporter?.counts();
}

/** Reports each of these as `repeat`. */
function reportRepeats(findings: readonly Finding[], isAssumed: boolean): void {
  try {
    reporter?.reportRepeats(findings, isAssumed);
  } catch {
    // As above.
  }
}

function loadReporter(mode: Mode): Reporter {
  const { createReporter } = require('../findings/reporter') as typeof Reporting;
  return createReporter({
    mode,
    service: reporting && { ...reporting, redact: reporting.config.redact },
    settings: reporting?.report,
    isFailing: reporting?.reportProblem !== undefined,
    warns: reporting?.warnings !== 'report',
    originals: ORIGINALS,
  });
}
