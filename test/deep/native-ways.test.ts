// Processes that an addon makes by itself, in every way that libc has: with `deep` none of them gets a stray.

import test from 'ava';
import { addonOf, BY_FORK, BY_OTHERS, each, LINKINGS, makeAll, STRAY } from '../support/deep';
import { REGISTER } from '../support/run';

const ALL = [...BY_FORK, ...BY_OTHERS];

for (const linking of LINKINGS) {
  test(`${linking}: no process of an addon gets a stray`, async t => {
    t.deepEqual(await makeAll(t, { linking }), each(ALL, []));
  });

  test(`${linking}: nor if the addon was loaded before closefds`, async t => {
    const nodeArgs = ['--require', addonOf(linking), '--require', REGISTER];
    t.deepEqual(await makeAll(t, { linking, nodeArgs }), each(ALL, []));
  });
}

test('without deep, only what runs the atfork handlers is guarded', async t => {
  const made = await makeAll(t, { env: { CLOSEFDS_DEEP: '0' } });
  t.deepEqual(made, { ...each(BY_FORK, []), ...each(BY_OTHERS, [STRAY]) });
});

test('in mode off, nothing is guarded, with deep or without', async t => {
  t.deepEqual(await makeAll(t, { env: { CLOSEFDS_MODE: 'off' } }), each(ALL, [STRAY]));
});

test('in mode warn, strays pass', async t => {
  t.deepEqual(await makeAll(t, { env: { CLOSEFDS_MODE: 'warn' } }), each(ALL, [STRAY]));
});

test('a worker thread is guarded as the main thread is', async t => {
  t.deepEqual(await makeAll(t, { env: { WORKER: '1' } }), each(ALL, []));
});
