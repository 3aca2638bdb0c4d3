// What the deep guard needs of the policy and the reports. Part of the bundle of first-finding, which has the same.

import path = require('node:path');

import { createCallerFinder } from '../callers/find-caller';
import { objectCaller } from '../callers/object-caller';
import type { Finding, Occurrence } from '../findings/finding';
import { createNativeReports, type NativeObject, type NativeReports } from '../hooks/native-reports';
import { loadCompat, NO_COMPAT } from '../policy/compat-table';
import { findOpener } from '../policy/known-openers';
import { nativePolicy } from '../policy/native-policy';
import type { Settings } from '../policy/settings';
import { createTryOr } from '../spawn/steps';
import { describeFd } from '../strays/describe-fd';
import { loadedVersions } from '../strays/loaded-packages';
import { createPolicy } from './policy-in-force';

export interface DeepPartsOptions {
  readonly settings: Settings;
  readonly packageRoot: string;
  /** Never throws. */
  readonly report: (findings: readonly Finding[], occurrence: Occurrence) => void;
}

export interface DeepParts {
  /** The caller and the policy of a loaded file. */
  readonly toObject: (file: string) => NativeObject;
  readonly createReports: (objectAt: (index: number) => NativeObject | undefined) => NativeReports;
}

export function createDeepParts({ settings, packageRoot, report }: DeepPartsOptions): DeepParts {
  const { mode, config, appRoot } = settings;
  const tryOr = createTryOr(what => report([{ code: 'CLOSEFDS_INTERNAL_ERROR', mode, what }], 'first'));
  const compat = () => tryOr('reading the compat table', loadCompat, NO_COMPAT);
  const policy = createPolicy({ ...settings, compatRules: () => compat().rules });
  const findCaller = createCallerFinder({
    appRoot,
    own: [path.join(packageRoot, 'dist')],
    isLauncher: () => false,
    wholeStack: () => ({ sites: [], complete: true, isAll: true, text: undefined }),
  });
  const callerOf = (file: string) => findCaller(stackOf(file));
  return {
    toObject(file) {
      const caller = objectCaller(file, { appRoot, execPath: process.execPath, callerOf });
      return { file, caller, policy: nativePolicy(policy(), caller, mode) };
    },
    createReports: objectAt =>
      createNativeReports({
        mode,
        policy,
        redact: config.redact,
        describe: describeFd,
        openerOf: file => findOpener(file, compat().strays, loadedVersions),
        objectAt,
        report,
        tryOr,
      }),
  };
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
