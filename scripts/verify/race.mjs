// npm run verify:race [-- SPAWNS [THREADS]]: spawns that race native threads which open inheritable FDs.
//
// With fork(), a stray in a child is a failure. Without the atfork handlers, as with libuv's main branch, a
// child can get an FD that is opened after the marking: prints the rate of these. Also prints the rate without
// closefds, which shows that there is a race. Rates use a tenth of the spawns.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { LEAK, LIST_FDS, REGISTER, tool } = createRequire(import.meta.url)(
  path.join(root, 'dist', 'test', 'support', 'run.js'),
);
const [spawns = '6000', threads = '2'] = process.argv.slice(2);

const ways = [
  ['fork', 'enforce', {}, Number(spawns)],
  ['no atfork', 'enforce', { LD_PRELOAD: tool('no-atfork.so') }, Number(spawns) / 10],
  ['fork', 'off', {}, Number(spawns) / 10],
];
let failed = false;
for (const [way, mode, env, times] of ways) {
  const { spawns: count, leaked, opened } = race({ ...env, CLOSEFDS_MODE: mode }, times);
  const rate = ((100 * leaked) / count).toFixed(2);
  console.log(
    `${way}, ${mode}: ${leaked} of ${count} children had a stray (${rate}%), ${opened} rounds of opening`,
  );
  if (way === 'fork' && mode === 'enforce' && leaked > 0) failed = true;
}
process.exitCode = failed ? 1 : 0;

function race(env, times) {
  const program = path.join(root, 'test', 'fixtures', 'race.js');
  const node = [process.execPath, '--require', REGISTER, program, String(times), threads, LEAK, LIST_FDS];
  const pairs = Object.entries({ NODE_NO_WARNINGS: '1', ...env }).map(([name, value]) => `${name}=${value}`);
  return JSON.parse(execFileSync(tool('clean-exec'), ['env', ...pairs, ...node], { encoding: 'utf8' }));
}
