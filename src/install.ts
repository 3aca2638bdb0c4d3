// Puts the real world together and installs it in this thread. The one place that knows all parts.

import fs = require('node:fs');
import path = require('node:path');
import workerThreads = require('node:worker_threads');

import type { Plan } from './core/apply';
import { closeAll } from './core/close-all';
import type { Finding, Occurrence } from './core/finding';
import type { Mode } from './core/policy';
import type { SpawnCall } from './core/request';
import { NO_STRAY_GUARD, type StrayGuard } from './core/stray-guard';
import { ClosefdsError, messageOf } from './errors';
import type * as ExecSync from './node/exec-sync';
import { hookNativeMakers, type Makers } from './node/native-makers';
import { installPatch } from './node/patch';
import { isRefusal, otherRuntime, whoCloses } from './node/runtime';
import { readSettings, type Settings } from './node/settings';
import type * as StandIn from './node/stand-in';
import { loadStrayGuard } from './node/stray-guard';
import { installInWorkers } from './node/worker';
import type * as RealWorld from './real-world';
import type * as Reporting from './reporter';
import type { Reporter } from './reporter';
import type { SpawnGuard } from './spawn-guard';

/** Compiled, this file is dist/src/install.js; bundled, it is in dist/register/. */
export const PACKAGE_ROOT = path.resolve(__dirname, '..', '..');

/** Programs replace these. */
const ORIGINALS = {
  emitWarning: process.emitWarning,
  fs: { openSync: fs.openSync, writeSync: fs.writeSync, closeSync: fs.closeSync },
  setTimeout,
  now: Date.now,
};

const INSTALLED = Symbol.for('closefds.installed');
const SETTINGS_KEY = 'closefds.settings';

interface Installed {
  readonly mode: Mode;
  readonly copy: string;
  readonly strayGuard: StrayGuard | undefined;
  readonly settings: Settings;
}

/** What is in force in this thread; undefined without closefds. */
export function installed(): Installed | undefined {
  return (globalThis as { [INSTALLED]?: Installed })[INSTALLED];
}

/**
 * Installs closefds in this thread, once. A wrong config ends the process with a message: a broken
 * policy must not start an unprotected service.
 */
export function install(entryMode?: Mode): void {
  const before = installed();
  if (before !== undefined) {
    reporting = before.settings;
    reportSecondCopy(before, entryMode);
    return;
  }
  const settings = settingsOrExit(entryMode);
  reporting = settings;
  if (settings.mode === 'off') {
    remember({ mode: 'off', copy: PACKAGE_ROOT, strayGuard: undefined, settings });
    return;
  }

  const strayGuard = findStrayGuard(settings.mode);
  remember({ mode: settings.mode, copy: PACKAGE_ROOT, strayGuard, settings });
  guardSpawns(settings, strayGuard);
  reportRuntime(settings.mode);
}

function guardSpawns(settings: Settings, strayGuard: StrayGuard): void {
  let judge: SpawnGuard | undefined;
  const guardNative = installPatch({
    guard: call => {
      const plan = (judge ?? load())(call);
      // This process ends there, without an exit.
      if (call.route === 'execve') reporter?.flush();
      return plan;
    },
    guardPlain: () => judge?.plain(),
    strayGuard,
    execThroughSpawnSync: (...args) =>
      (require('./node/exec-sync') as typeof ExecSync).execThroughSpawnSync(...args),
    onUnguarded: error => reportUnguarded(settings.mode, error),
    onUnpatched: (name, error) => reportUnpatched(settings.mode, name, error),
    onFailure: (step, error) => reportFailure(settings.mode, step, error),
  });
  const makers = require('../compat/makers.json') as Makers;
  hookNativeMakers(makers, guardNative, error => {
    const what = `the functions of a package that makes processes natively could not be guarded: ${messageOf(error)}`;
    report({ code: 'CLOSEFDS_UNGUARDED', mode: settings.mode, what });
  });
  installInWorkers({
    preload: path.join(PACKAGE_ROOT, 'dist', 'register', 'worker.js'),
    onUnguarded: error => {
      const what = `a worker runs without closefds, which could not be added to its options: ${messageOf(error)}`;
      report({ code: 'CLOSEFDS_UNGUARDED', mode: settings.mode, what });
    },
  });

  function load(): (call: SpawnCall) => Plan {
    try {
      judge = loadGuard(settings, strayGuard);
      return judge;
    } catch (error) {
      return call => unjudged(call, settings, strayGuard, error);
    }
  }
}

/** The last resort, for what the spawn guard cannot catch: that there is none. */
function unjudged(call: SpawnCall, { mode }: Settings, strayGuard: StrayGuard, error: unknown): Plan {
  reportFailure(mode, 'loading the spawn guard', error);
  try {
    return closeAll(call, mode, strayGuard.list(mode !== 'warn'));
  } catch (error) {
    reportFailure(mode, 'looking for strays', error);
    return closeAll(call, mode, []);
  }
}

function loadGuard(settings: Settings, strayGuard: StrayGuard): SpawnGuard {
  const { createRealGuard } = require('./real-world') as typeof RealWorld;
  return createRealGuard({ settings, strayGuard, packageRoot: PACKAGE_ROOT, report, reportAgain });
}

// ---------------------------------------------------------------------------------------------
// The stray guard: the addon, its stand-in, or neither
// ---------------------------------------------------------------------------------------------

function findStrayGuard(mode: Mode): StrayGuard {
  const closer = whoCloses();
  if (closer === 'system') return NO_STRAY_GUARD;
  if (closer === 'nobody') return unguarded(mode, `closefds has no addon for ${process.platform}`);
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
    const { createStandIn } = require('./node/stand-in') as typeof StandIn;
    const standIn = createStandIn();
    const what = `the addon did not load, so strays are masked with the null device, not closed (${failure})`;
    report({ code: 'CLOSEFDS_STAND_IN', mode, what });
    return standIn;
  } catch (error) {
    const why = `the addon did not load (${failure}), and masks are not possible (${messageOf(error)})`;
    return unguarded(mode, why);
  }
}

function unguarded(mode: Mode, why: string): StrayGuard {
  const what = `stray FDs reach children: ${why}`;
  report({ code: 'CLOSEFDS_UNGUARDED', mode, what });
  return mode === 'strict' ? refusing(what) : NO_STRAY_GUARD;
}

function refusing(what: string): StrayGuard {
  const refuse = () => {
    throw new Error(what);
  };
  return { ...NO_STRAY_GUARD, begin: refuse, replace: refuse };
}

function reportRuntime(mode: Mode): void {
  const what = otherRuntime();
  if (what !== undefined && workerThreads.isMainThread) report({ code: 'CLOSEFDS_RUNTIME', mode, what });
}

function reportUnguarded(mode: Mode, error: unknown): void {
  const what = `stray FDs may reach a child: ${messageOf(error)}`;
  if (mode === 'strict') throw new ClosefdsError('ERR_CLOSEFDS_DENIED', what, { cause: error });
  if (unguardedTold) return;
  unguardedTold = true;
  report({ code: 'CLOSEFDS_UNGUARDED', mode, what });
}

/** Somebody froze what was to be replaced. The child handler marks in each fork all the same. */
function reportUnpatched(mode: Mode, name: string, error: unknown): void {
  const what = `calls of ${name} are not judged, since it cannot be replaced: ${messageOf(error)}`;
  if (mode === 'strict') throw new ClosefdsError('ERR_CLOSEFDS_DENIED', what, { cause: error });
  report({ code: 'CLOSEFDS_UNGUARDED', mode, what });
}

let unguardedTold = false;
const failuresTold = new Set<string>();

/** Once for each step: an error of ours that comes with each spawn must not flood. */
function reportFailure(mode: Mode, step: string, error: unknown): void {
  if (failuresTold.has(step)) return;
  failuresTold.add(step);
  report({ code: 'CLOSEFDS_INTERNAL_ERROR', mode, what: `closefds failed at ${step}: ${messageOf(error)}` });
}

// ---------------------------------------------------------------------------------------------
// Settings, once for the process
// ---------------------------------------------------------------------------------------------

/** Workers get the main thread's: one with an `env` of its own must not have a policy of its own. */
function settingsOrExit(entryMode: Mode | undefined): Settings {
  const shared = workerThreads.getEnvironmentData(SETTINGS_KEY);
  if (!workerThreads.isMainThread && typeof shared === 'string') return JSON.parse(shared) as Settings;
  try {
    const settings = readSettings({
      entryMode,
      env: process.env,
      script: process.argv[1],
      cwd: process.cwd(),
    });
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

function reportSecondCopy(before: Installed, entryMode: Mode | undefined): void {
  // A worker's mode is the main thread's, whatever loads closefds there.
  const agrees = entryMode === undefined || entryMode === before.mode || !workerThreads.isMainThread;
  if (before.copy === PACKAGE_ROOT && agrees) return;
  const what = `closefds was loaded again, from ${PACKAGE_ROOT}${entryMode === undefined ? '' : ` for mode "${entryMode}"`}; the first copy (${before.copy}, mode "${before.mode}") stays in force`;
  report({ code: 'CLOSEFDS_SECOND_COPY', mode: before.mode, what });
}

function remember(state: Installed): void {
  Object.defineProperty(globalThis, INSTALLED, { value: state, configurable: false, enumerable: false });
}

let reporting: Settings | undefined;
let reporter: Reporter | undefined;

/** Loads what it takes to tell something with the first that there is to tell. */
function report(finding: Finding, occurrence: Occurrence = 'first'): void {
  try {
    reporter ??= loadReporter(finding.mode);
    reporter.report(finding, occurrence);
  } catch {
    // Somebody replaced process.emitWarning by something that throws; the host must not suffer.
  }
}

/** All of these `again`. */
function reportAgain(findings: readonly Finding[]): void {
  try {
    reporter?.reportAgain(findings);
  } catch {
    // As above.
  }
}

function loadReporter(mode: Mode): Reporter {
  const { createReporter } = require('./reporter') as typeof Reporting;
  return createReporter({ mode, settings: reporting?.report, originals: ORIGINALS });
}
