// Every fuzz target, with the same inputs each time. `npm run verify:fuzz` tries others, for longer.

import test from 'ava';
import { TARGETS } from './fuzz/targets';

const SEED = 20071124;

for (const { name, holds, runs, run } of TARGETS) {
  test.serial(`${name}: ${holds}`, async t => {
    await t.notThrowsAsync(async () => run(SEED, runs));
  });
}

test('the names of the targets are different', t => {
  t.is(new Set(TARGETS.map(target => target.name)).size, TARGETS.length);
});
