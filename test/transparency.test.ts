// A spawn with nothing to judge, or with nothing denied, is what it is without the hook.
//
// The same generated calls are made in two processes, one with the hook, and what a program can
// see of each has to be the same: results, errors, events, and what became of its options.
// CLOSEFDS_TEST_NODE names another Node to do this with, CLOSEFDS_TEST_SEED another seed.

import test from 'ava';
import { comparisons, differences } from './support/compare-calls';
import { temporaryFolder } from './support/programs';

const NODE = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;
const SEED = Number(process.env.CLOSEFDS_TEST_SEED ?? 20071124);
const COUNT = Number(process.env.CLOSEFDS_TEST_COUNT ?? 700);

for (const comparison of comparisons) {
  test.serial(`${comparison.title}: ${COUNT} generated calls are the same with the hook`, async t => {
    const folder = temporaryFolder(t);
    const found = await differences(comparison, { seed: SEED, count: COUNT, folder, node: NODE });
    // The first, rather than all that comes after one.
    t.deepEqual(found.slice(0, 3), []);
  });
}
