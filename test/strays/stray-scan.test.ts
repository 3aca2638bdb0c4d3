// When a spawn must look at the FD table anew, since what passes depends on it.

import test from 'ava';
import { createStackCapture } from '../../src/callers/capture-stack';
import { type Stray, UNKNOWN_FILE } from '../../src/model/spawn-request';
import { toStdio } from '../../src/model/stdio';
import { parseConfig } from '../../src/policy/parse-config';
import type { Mode } from '../../src/policy/rule';
import type { Settings } from '../../src/policy/settings';
import { prepareCalls, watchStrays } from '../../src/preload/first-call';
import { createRealGuard } from '../../src/preload/first-finding';
import { NO_STRAY_GUARD, type StrayGuard } from '../../src/strays/stray-guard';
import { ROOT } from '../support/run';
import { call } from '../support/values';

/** So large that it is open in no test. */
const LATER = 900_000;
const stray = (fd: number): Stray => ({ fd, atStart: false, identity: String(fd), file: UNKNOWN_FILE });

const settingsOf = (mode: Mode, rules: readonly object[]): Settings => ({
  mode,
  config: parseConfig({ rules }, 'f'),
  configFile: 'f',
  appRoot: ROOT,
  report: undefined,
  announce: false,
  warnings: 'stderr',
  audit: undefined,
});

const noReporter = { report: () => {}, reportRepeats: () => {}, flush: () => {} };

/** One look is so dear that the next one is due in an hour. */
function withDearLooks<T>(
  strays: () => Stray[],
  work: (strayGuard: StrayGuard, clock: () => number) => T,
): T {
  let now = 0;
  const list = () => {
    now += 36_000;
    return strays();
  };
  return work({ ...NO_STRAY_GUARD, list }, () => now);
}

/** What is kept of strays that get opened one after the other. */
function keptOf(mode: Mode, rules: readonly object[], given: Parameters<typeof call>[0]): readonly number[] {
  let strays: Stray[] = [];
  return withDearLooks(
    () => strays,
    (strayGuard, clock) => {
      const settings = settingsOf(mode, rules);
      const scan = watchStrays(settings, strayGuard, clock);
      const guard = createRealGuard({
        settings,
        strays: scan.strays,
        mustCover: false,
        capture: createStackCapture(clock),
        packageRoot: ROOT,
        ...noReporter,
      });
      // One call site for all: a new one is looked at anew.
      const plans = [LATER, LATER + 1, LATER + 2].map(fd => {
        strays = [...strays, stray(fd)];
        scan.onCall();
        return guard.judge(call(given));
      });
      return (plans.at(-1)?.keep ?? []).map(({ fd }) => fd);
    },
  );
}

const pipe = { stdio: toStdio(['pipe', 'pipe', 'pipe', 'pipe']) };
const all = [LATER, LATER + 1, LATER + 2];

for (const { name, mode, rules, given, kept } of [
  {
    name: 'unsafe() passes what is open now',
    mode: 'enforce',
    rules: [],
    given: { unsafe: 'reviewed' },
    kept: all,
  },
  {
    name: 'a denial in warn closes nothing else',
    mode: 'warn',
    rules: [{ kinds: ['pipe'], effect: 'deny' }],
    given: pipe,
    kept: all,
  },
  {
    name: 'a rule about strays keeps what is open now',
    mode: 'enforce',
    rules: [{ kinds: ['stray'], effect: 'warn' }],
    given: {},
    kept: all,
  },
  { name: 'without such a need, an earlier look will do', mode: 'warn', rules: [], given: {}, kept: [LATER] },
] as const) {
  test(name, t => t.deepEqual(keptOf(mode, rules, given), [...kept]));
}

for (const { what, native, looks } of [
  {
    what: 'after a native call, which may leave FDs open, the next spawn looks anew',
    native: true,
    looks: [1, 1, 2, 2],
  },
  { what: 'after another call, the next spawn need not look', native: false, looks: [1, 1, 1, 1] },
] as const) {
  test(what, t => {
    let looked = 0;
    const seen = withDearLooks(
      () => {
        looked++;
        return [];
      },
      (strayGuard, clock) => {
        const calls = prepareCalls({
          settings: settingsOf('enforce', []),
          strayGuard,
          packageRoot: ROOT,
          clock,
          hasMadeWorkers: () => false,
          createRealGuard,
          ...noReporter,
        });
        const spawn = calls.spawn(() => 0);
        const plain = () => Reflect.apply(spawn, { pid: 1 }, [{ file: 'true' }]);
        const make = () => (native ? calls.native(call({ native: true }), () => {}) : plain());
        return [plain, make, plain, plain].map(step => {
          step();
          return looked;
        });
      },
    );
    t.deepEqual(seen, [...looks]);
  });
}
