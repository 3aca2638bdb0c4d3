// Threads of native code open inheritable FDs all the time. None of them reaches a process that an addon makes.
//
// Here few processes of each way; npm run verify:deep makes more.

import path from 'node:path';
import test from 'ava';
import { addonOf, NO_FDS } from '../support/deep';
import { ROOT, run } from '../support/run';

const PROGRAM = path.join(ROOT, 'test', 'fixtures', 'deep', 'race.js');
const COUNT = 60;

interface Race {
  readonly way: string;
  readonly deep: '0' | '1';
  readonly workers?: number;
}

async function race({ way, deep, workers = 0 }: Race) {
  const args = [addonOf('noplt'), NO_FDS, String(COUNT), '2', String(workers), way];
  const { stdout, stderr } = await run(PROGRAM, {
    args,
    env: { CLOSEFDS_DEEP: deep, CLOSEFDS_MODE: 'enforce', NODE_NO_WARNINGS: '1' },
  });
  return JSON.parse(stdout || JSON.stringify(stderr)) as { processes: number; bad: number };
}

const WAYS = ['posix_spawn with actions', 'vfork and execve', 'clone as vfork', 'system', 'popen', '_Fork'];

for (const way of WAYS)
  test(`${way}: no process gets what another thread opens meanwhile`, async t => {
    t.deepEqual(await race({ way, deep: '1' }), { processes: COUNT, bad: 0 });
  });

test('nor do those of several workers', async t => {
  t.deepEqual(await race({ way: 'posix_spawn with actions', deep: '1', workers: 2 }), {
    processes: 3 * COUNT,
    bad: 0,
  });
});

test('without deep, most of them do', async t => {
  const { processes, bad } = await race({ way: 'posix_spawn with actions', deep: '0' });
  t.is(processes, COUNT);
  t.true(bad > 0, `${bad} of ${processes}`);
});
