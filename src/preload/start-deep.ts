// Wires up the deep guard. Loaded only with the setting `deep`, from a file beside the bundle.

import path = require('node:path');

import { messageOf } from '../base/errors';
import { createCallerFinder } from '../callers/find-caller';
import { objectCaller } from '../callers/object-caller';
import type { Finding, Occurrence } from '../findings/finding';
import { coversNode, gapsOf, startDeepGuard } from '../hooks/deep-guard';
import { loadCompat, NO_COMPAT } from '../policy/compat-table';
import { findOpener } from '../policy/known-openers';
import { findProgram } from '../policy/main-script';
import { type Policy, policyOf } from '../policy/rule';
import type { Settings } from '../policy/settings';
import { createTryOr } from '../spawn/steps';
import { describeFd } from '../strays/describe-fd';
import { loadedVersions } from '../strays/loaded-packages';
import type { StrayGuard } from '../strays/stray-guard';

export interface StartDeepOptions {
  readonly settings: Settings;
  readonly strayGuard: StrayGuard;
  readonly packageRoot: string;
  readonly isMainThread: boolean;
  readonly setInterval: typeof setInterval;
  /** Never throws. */
  readonly report: (findings: readonly Finding[], occurrence: Occurrence) => void;
}

/**
 * Returns the stray guard to use. Throws in mode `strict` if Node's own calls are not covered; in the other modes
 * reports what is missing, and the guard goes on without it.
 */
export function startDeep(options: StartDeepOptions): StrayGuard {
  const { settings, strayGuard, isMainThread } = options;
  const { mode } = settings;
  let guard: StrayGuard;
  try {
    guard = start(options);
  } catch (error) {
    if (mode === 'strict') throw error;
    if (isMainThread) partial(`processes that native code makes are not guarded: ${messageOf(error)}`);
    return strayGuard;
  }
  const state = strayGuard.deep?.deepState();
  if (mode === 'strict' && state !== undefined && !coversNode(state))
    throw new Error(
      `the calls of Node itself could not be covered (${gapsOf(state)
        .map(({ what }) => what)
        .join('; ')})`,
    );
  return guard;

  function partial(what: string): void {
    options.report([{ code: 'CLOSEFDS_DEEP_PARTIAL', mode, what }], 'first');
  }
}

function start({
  settings,
  strayGuard,
  packageRoot,
  isMainThread,
  report,
  ...options
}: StartDeepOptions): StrayGuard {
  const { mode, config, appRoot } = settings;
  const tryOr = createTryOr(what => report([{ code: 'CLOSEFDS_INTERNAL_ERROR', mode, what }], 'first'));
  const compat = () => tryOr('reading the compat table', loadCompat, NO_COMPAT);
  const findCaller = createCallerFinder({
    appRoot,
    own: [path.join(packageRoot, 'dist')],
    isLauncher: () => false,
    wholeStack: () => ({ sites: [], complete: true, isAll: true, text: undefined }),
  });
  const callerOf = (file: string) => findCaller(stackOf(file));
  return startDeepGuard({
    mode,
    strayGuard,
    isMainThread,
    policy: createPolicy(settings, () => compat().rules),
    redact: config.redact,
    callerOf: file => objectCaller(file, { appRoot, execPath: process.execPath, callerOf }),
    describe: describeFd,
    openerOf: file => findOpener(file, compat().strays, loadedVersions),
    report,
    tryOr,
    onPartial: what => report([{ code: 'CLOSEFDS_DEEP_PARTIAL', mode, what }], 'first'),
    setInterval: options.setInterval,
  });
}

/** A stack of one frame in this file. */
function stackOf(file: string) {
  const site = {
    getFileName: () => file,
    getFunctionName: () => null,
    getLineNumber: () => null,
    getColumnNumber: () => null,
    isEval: () => false,
  };
  return { sites: [site as unknown as NodeJS.CallSite], complete: true, isAll: true, text: undefined };
}

/** Rebuilds the policy when a rule expires while the process runs. */
function createPolicy(
  { config, script, appRoot }: Settings,
  compatRules: () => Policy['rules'],
): () => Policy {
  let policy: Policy | undefined;
  return () => {
    const now = Date.now();
    if (policy === undefined || now >= policy.validUntil)
      policy = policyOf(config, compatRules, now, () => findProgram(script, appRoot));
    return policy;
  };
}
