// The design of docs/dev/upstream.md, tried: what libuv could do by itself.

import test from 'ava';
import { LIST_FDS, runCommand, tool } from './support/run';

const glibc = (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header
  ?.glibcVersionRuntime;
/** Where posix_spawn_file_actions_addclosefrom_np() is. */
const hasCloseFrom = glibc !== undefined && glibc.localeCompare('2.34', 'en', { numeric: true }) >= 0;

for (const { path, others, fds } of [
  { path: 'fork', others: 'inherit', fds: '[0,1,2,3,4,6,200]' },
  { path: 'fork', others: 'close', fds: '[0,1,2,3,6]' },
  { path: 'posix_spawn', others: 'inherit', fds: '[0,1,2,3,4,6,200]' },
  { path: 'posix_spawn', others: 'close', fds: '[0,1,2,3,6]' },
] as const) {
  const attempt = hasCloseFrom ? test : test.skip;
  attempt(`${path}, ${others}: the child has ${fds}`, async t => {
    const { stdout, stderr, code } = await runCommand([tool('upstream'), path, others, LIST_FDS]);
    t.is(stdout.trim(), fds, stderr);
    t.is(code, 0);
  });
}

if (!hasCloseFrom)
  test('skipped', t => {
    t.log('glibc 2.34 is needed for posix_spawn_file_actions_addclosefrom_np()');
    t.pass();
  });
