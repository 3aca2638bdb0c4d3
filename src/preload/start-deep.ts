// Wires up the deep guard. Loaded only with the setting `deep`, from a file beside the bundle.

import { messageOf } from '../base/errors';
import type { Finding, Occurrence } from '../findings/finding';
import { coversNode, gapsOf, startDeepGuard } from '../hooks/deep-guard';
import { kindsOf } from '../policy/rule';
import type { Settings } from '../policy/settings';
import type { StrayGuard } from '../strays/stray-guard';
import type { DeepParts } from './deep-parts';
import type * as FirstFinding from './first-finding';

export interface StartDeepOptions {
  readonly settings: Settings;
  readonly strayGuard: StrayGuard;
  readonly packageRoot: string;
  readonly isMainThread: boolean;
  readonly setInterval: typeof setInterval;
  /** Loads the bundle that has the policy and the reports. */
  readonly loadParts: () => typeof FirstFinding;
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

function start(options: StartDeepOptions): StrayGuard {
  const { settings, strayGuard, isMainThread, packageRoot, report } = options;
  const { mode } = settings;
  let parts: DeepParts | undefined;
  const load = () => {
    parts ??= options.loadParts().createDeepParts({ settings, packageRoot, report });
    return parts;
  };
  return startDeepGuard({
    toObject: file => load().toObject(file),
    createReports: objectAt => load().createReports(objectAt),
    hasStrayRules: settings.config.rules.some(rule => kindsOf(rule).includes('stray')),
    mode,
    strayGuard,
    isMainThread,
    onPartial: what => report([{ code: 'CLOSEFDS_DEEP_PARTIAL', mode, what }], 'first'),
    setInterval: options.setInterval,
  });
}
