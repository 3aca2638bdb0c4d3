// A preload for fixture programs: writes down whom the finder names for each spawn, and judges nothing.
//
// CALLER_PROBE is a JSON object: `out`, a file that gets one JSON caller a line; `appRoot`; `launchers`;
// `isOutward`, whether the packages that called the caller are wanted.
// The patch is the real one, so that the stacks are the real ones.

import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { types } from 'node:util';
import { callSitesOf, createStackCapture } from '../../src/callers/capture-stack';
import { createCallerFinder } from '../../src/callers/find-caller';
import { installPatch } from '../../src/hooks/child-process';
import { createGuardedCalls } from '../../src/hooks/guarded-calls';
import type { Plan } from '../../src/spawn/plan';
import { NO_STRAY_GUARD } from '../../src/strays/stray-guard';

const NOTHING: Plan = {
  denied: [],
  cover: [],
  guarded: false,
  keep: [],
  untouched: [],
  deny: [],
  close: [],
  after: undefined,
  onExit: undefined,
  trace: undefined,
};

const { out, appRoot, launchers, isOutward } = JSON.parse(process.env.CALLER_PROBE ?? '') as {
  out: string;
  appRoot: string;
  launchers: string[];
  isOutward: boolean;
};

const capture = createStackCapture(() => performance.now());
const dist = path.resolve(__dirname, '..', '..');
const findCaller = createCallerFinder({
  appRoot,
  own: [path.join(dist, 'src'), path.join(dist, 'test', 'support')],
  isLauncher: name => launchers.includes(name),
  wholeStack: () => callSitesOf(capture.far()),
});

const calls = createGuardedCalls({
  judge: (_call, stack) => {
    let line: unknown;
    try {
      line = findCaller(stack && callSitesOf(stack), isOutward) ?? null;
    } catch (error) {
      line = { error: String(error) };
    }
    appendFileSync(out, `${JSON.stringify(line)}\n`);
    return NOTHING;
  },
  isProxy: types.isProxy,
  readEnvironment: () => [],
  throwRefusal: error => {
    throw error;
  },
  fastPath: () => undefined,
  captureStack: capture.near,
  strayGuard: NO_STRAY_GUARD,
  byDefault: false,
  onNative: () => {},
  onUnguarded: () => {},
  onFailure: () => {},
});
installPatch({ load: () => calls, onUnloaded: original => original, onUnpatched: () => {} });
syncBuiltinESMExports();
