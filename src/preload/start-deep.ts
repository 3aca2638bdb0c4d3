// Wires up the deep guard. Loaded only with the setting `deep`, from a file beside the bundle.

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
 * Returns the stray guard to use. Throws if the deep guard does not work here, and in mode `strict` if Node's own
 * calls are not covered.
 */
export function startDeep(options: StartDeepOptions): StrayGuard {
  const { settings, strayGuard } = options;
  const guard = start(options);
  const state = strayGuard.deep?.deepState();
  if (settings.mode === 'strict' && state !== undefined && !coversNode(state))
    throw new Error(
      `the calls of Node itself could not be covered (${gapsOf(state)
        .map(({ what }) => what)
        .join('; ')})`,
    );
  return guard;
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
