// Wires up the spawn guard. Loaded by the first spawn with slots or strays: this file imports most of the
// code, and most programs have no such spawn.

import path = require('node:path');

import type * as Audit from '../audit/auditor';
import { messageOf } from '../base/errors';
import { callSitesOf, type StackCapture } from '../callers/capture-stack';
import { createCallerFinder } from '../callers/find-caller';
import type { Finding, Occurrence, SpawnFinding } from '../findings/finding';
import type { OpenFile, Stray } from '../model/spawn-request';
import { type Compat, loadCompat, NO_COMPAT } from '../policy/compat-table';
import type { PolicyConfig } from '../policy/config';
import { findOpener, type Opener } from '../policy/known-openers';
import type { Policy } from '../policy/rule';
import type { Settings } from '../policy/settings';
import type { Auditor } from '../spawn/plan';
import { SpawnGuard } from '../spawn/spawn-guard';
import { describeFd, positionOf } from '../strays/describe-fd';
import { loadedVersions } from '../strays/loaded-packages';
import { createPolicy } from './policy-in-force';

export { createDeepParts } from './deep-parts';

export interface RealGuardOptions {
  readonly settings: Settings;
  /** The strays; `fresh` scans at once. */
  readonly strays: (fresh: boolean) => readonly Stray[];
  /** As in StrayGuard. */
  readonly mustCover: boolean;
  readonly capture: StackCapture;
  readonly packageRoot: string;
  /** Never throws. */
  readonly report: (findings: readonly Finding[], occurrence: Occurrence) => void;
  /** Reports each of these as `repeat`. Never throws. */
  readonly reportRepeats: (findings: readonly SpawnFinding[], isAssumed: boolean) => void;
}

export function createRealGuard(world: RealGuardOptions): SpawnGuard {
  const { settings, strays, mustCover, capture, packageRoot, report, reportRepeats } = world;
  const { mode, config, appRoot } = settings;
  const findCaller = createCallerFinder({
    appRoot,
    own: ['src', 'register'].map(folder => path.join(packageRoot, 'dist', folder)),
    isLauncher: name => compatTable().launchers.has(name),
    wholeStack: () => callSitesOf(capture.far()),
  });
  const openers = new WeakMap<OpenFile, Opener | undefined>();
  const inForce = policyIn(config);
  const tried = config.candidate && policyIn(config.candidate);
  let complained = false;

  return new SpawnGuard(mode, {
    strays,
    mustCover,
    describe: describeFd,
    findCaller: (stack, isOutward) => {
      try {
        return findCaller(stack && callSitesOf(stack), isOutward);
      } finally {
        capture.done();
      }
    },
    mustFindCaller: capture.isDue,
    findOpener: openerOf,
    policy: inForce,
    candidate: tried && (() => ({ policy: tried(), mode: config.candidate?.mode ?? 'enforce' })),
    redact: config.redact,
    positionOf,
    report,
    reportRepeats,
    audit: settings.audit === undefined ? undefined : auditor(settings.audit),
  });

  /** Loaded from a file outside the bundle: only an audit needs it. */
  function auditor(folder: string): Auditor | undefined {
    try {
      const { createAuditor } = require(
        path.join(packageRoot, 'dist', 'src', 'audit', 'auditor.js'),
      ) as typeof Audit;
      return createAuditor(folder, config.redact, settings);
    } catch (error) {
      // --permission may forbid to read the file.
      const what = `this process is not audited: ${error instanceof Error ? error.message : String(error)}`;
      report([{ code: 'CLOSEFDS_INTERNAL_ERROR', mode, what }], 'first');
      return undefined;
    }
  }

  /** Cached for each open file: the search through the loaded packages is slow. */
  function openerOf(file: OpenFile): Opener | undefined {
    if (!openers.has(file)) openers.set(file, findOpener(file, compatTable().strays, loadedVersions));
    return openers.get(file);
  }

  /** An update may have removed the file. The rules of the config apply without it. */
  function compatTable(): Compat {
    try {
      return loadCompat();
    } catch (error) {
      // Tried again by the next spawn: the process may have had no FD left to read the file.
      const what = `closefds could not read the compat table, so it knows no packages: ${messageOf(error)}`;
      if (!complained) report([{ code: 'CLOSEFDS_INTERNAL_ERROR', mode, what }], 'first');
      complained = true;
      return NO_COMPAT;
    }
  }

  function policyIn(config: PolicyConfig): () => Policy {
    return createPolicy({
      ...settings,
      config,
      compatRules: () => compatTable().rules,
      onBuilt: ({ expired }) => {
        for (const { source, expires } of expired) {
          const what = `the rule ${source} expired on ${expires}`;
          report([{ code: 'CLOSEFDS_RULE_EXPIRED', mode, what }], 'first');
        }
      },
    });
  }
}
