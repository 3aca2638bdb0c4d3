// When a spawn must look at the FD table anew, since what passes depends on it.

import test from 'ava';
import { parseConfig } from '../src/core/parse-config';
import { type Mode, toPolicy } from '../src/core/policy';
import { UNKNOWN_FILE } from '../src/core/request';
import type { ListedStray, StrayGuard } from '../src/core/stray-guard';
import { createRealGuard } from '../src/real-world';
import { createSpawnGuard } from '../src/spawn-guard';
import { ROOT } from './support/run';
import { call } from './support/values';

/** So large that it is open in no test. */
const LATER = 900_000;
const stray = (fd: number): ListedStray => ({ fd, atStart: false, identity: String(fd) });

/** One look is so dear that the next one is due in an hour; meanwhile a stray gets opened. */
function keptOf(mode: Mode, rules: readonly object[], given: Parameters<typeof call>[0]): readonly number[] {
  let strays: ListedStray[] = [];
  const strayGuard: StrayGuard = {
    arm: () => {},
    list: () => {
      clock += 36_000;
      return strays;
    },
    begin: () => {},
    end: () => {},
    replace: () => {},
    way: () => 'close_range',
    spawning: () => 'fork',
  };
  const { now } = performance;
  let clock = now.call(performance);
  performance.now = () => clock;
  try {
    const guard = createRealGuard({
      settings: {
        mode,
        config: parseConfig({ rules }, 'f'),
        configFile: 'f',
        appRoot: ROOT,
        report: undefined,
        audit: undefined,
      },
      strayGuard,
      packageRoot: ROOT,
      report: () => {},
      reportAgain: () => {},
    });
    // One call site for all: a new one is looked at anew.
    const plans = [LATER, LATER + 1, LATER + 2].map(fd => {
      strays = [...strays, stray(fd)];
      return guard(call(given));
    });
    return plans.at(-1)?.keep ?? [];
  } finally {
    performance.now = now;
  }
}

const pipe = { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] };
const all = [LATER, LATER + 1, LATER + 2];

for (const [name, mode, rules, given, kept] of [
  ['unsafe() passes what is open now', 'enforce', [], { unsafe: 'reviewed' }, all],
  ['a denial in warn closes nothing else', 'warn', [{ kinds: ['pipe'], effect: 'deny' }], pipe, all],
  ['a rule about strays keeps what is open now', 'enforce', [{ kinds: ['stray'], effect: 'warn' }], {}, all],
  ['without such a need, an earlier look will do', 'warn', [], {}, [LATER]],
] as const) {
  test(name, t => t.deepEqual(keptOf(mode, rules, given), [...kept]));
}

for (const native of [true, false]) {
  test(`after a call that ${native ? 'leaves' : 'does not leave'} FDs open, the next spawn ${native ? 'looks anew' : 'need not look'}`, t => {
    const looks: boolean[] = [];
    const guard = createSpawnGuard('enforce', {
      strays: fresh => {
        looks.push(fresh);
        return [];
      },
      describe: () => UNKNOWN_FILE,
      findOpener: () => undefined,
      findCaller: () => undefined,
      policy: () => toPolicy({ rules: [], compat: [], unverified: 'warn', aliases: {} }, 0),
      candidate: undefined,
      redact: [],
      positionOf: () => undefined,
      report: () => {},
      reportAgain: () => {},
      audit: undefined,
    });
    for (const given of [{ native }, {}, {}]) guard(call(given));
    t.deepEqual(looks, [false, native, false]);
  });
}
