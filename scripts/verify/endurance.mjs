// npm run verify:endurance [-- SPAWNS]: finds errors that need many spawns or a certain moment.
//
// 10,000 spawns (by default; weekly, 50,000) of all routes, with garbage collection, leak no FD and no memory, and close no FD
// by number. Workers that start and end, signals, children with children, programs that end during a spawn,
// and two copies of the package neither hang nor leak. Under load, no child has a stray, and FDs, threads and
// memory are as without closefds: the figures are printed beside those of bare Node, see load.mjs.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { loadPhases } from './load.mjs';

const { LEAK, LIST_FDS, REGISTER, ROOT, tool } = createRequire(import.meta.url)(
  '../../dist/test/support/run.js',
);
const spawns = Number(process.argv[2] ?? 10_000);
if (!Number.isInteger(spawns) || spawns < 500) {
  console.error(`expected how many spawns, at least 500, found ${process.argv[2]}`);
  process.exit(2);
}

const MEGABYTE = 1024 * 1024;
/** Longer than any phase takes on a busy machine. A phase that takes longer hangs. */
const HUNG = 15 * 60_000;

const folder = mkdtempSync(path.join(tmpdir(), 'closefds-endurance-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const program = path.join(ROOT, 'test', 'fixtures', 'endurance.js');
let failures = 0;

for (const way of ['fork', 'no atfork']) {
  const share = way === 'fork' ? 1 : 0.1;
  await phase(`growth, ${way}`, async () => {
    const total = Math.ceil((spawns * share) / 500) * 500;
    const grown = await answer(way, ['growth', String(total)]);
    const { heapGrowth, residentGrowth, ...rest } = grown;
    expect(rest, { spawns: total, lost: 0, sameFds: true });
    // Less than a leak of a few hundred bytes a spawn, and more than garbage collection varies.
    const most = Math.max(8 * MEGABYTE, total * 200);
    if (heapGrowth > most || residentGrowth > 4 * most)
      throw new Error(`memory grew: ${JSON.stringify(grown)}`);
    return `${total} spawns, heap ${inMegabytes(heapGrowth)}, resident ${inMegabytes(residentGrowth)}`;
  });
  await phase(`workers, ${way}`, async () => {
    expect(await answer(way, ['workers', '150']), { rounds: 150, wrong: [] });
  });
  await phase(`signals, ${way}`, async () => {
    expect(await answer(way, ['signals', '500']), { spawns: 500, wrong: [], received: true });
  });
  await phase(`children that make children, ${way}`, async () => {
    expect(await answer(way, ['bombs', '10']), { rounds: 10, wrong: [] });
  });
}
await phase('two copies of the package', async () => {
  const copy = path.join(folder, 'copy');
  for (const part of ['dist/register', 'dist/compat', 'prebuilds'])
    cpSync(path.join(ROOT, part), path.join(copy, part), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  const other = path.join(copy, 'dist', 'register', 'index.js');
  expect(await answer('fork', ['workers', '30'], ['--require', other]), { rounds: 30, wrong: [] });
});
await phase('programs that end during a spawn', endAmidSpawns);
for (const [name, work] of loadPhases({ seconds: Math.max(5, spawns / 1000), hung: HUNG }))
  await phase(name, work);
process.exitCode = failures === 0 ? 0 : 1;

/** A program that ends during a spawn has its own exit code, for each way to end. */
async function endAmidSpawns() {
  const ends = {
    'process.exit()': ["spawn('sleep', ['0.1']); process.exit(7);", 7],
    'in the event of the spawn': ["spawn('sleep', ['0.1']).on('spawn', () => process.exit(7));", 7],
    'within a getter of the options': ["spawn('true', { get cwd() { process.exit(7); } });", 7],
    'from a worker': [
      "new (require('node:worker_threads').Worker)(`require('node:child_process').spawn('sleep', ['0.1']); setImmediate(() => process.exit(7))`, { eval: true }); for (let i = 0; i < 20; i++) spawnSync('true'); ",
      0,
    ],
    'by a signal': ["spawn('sleep', ['0.1']); process.kill(process.pid, 'SIGTERM');", 'SIGTERM'],
    'by an error': ["spawn('sleep', ['0.1']); throw new Error('7');", 1],
    'in a listener of exit': ["process.on('exit', () => { spawnSync('true'); process.exitCode = 7; });", 7],
  };
  for (const [name, [text, expected]] of Object.entries(ends)) {
    const file = path.join(folder, 'app.js');
    writeFileSync(file, `const { spawn, spawnSync } = require('node:child_process'); ${text}`);
    const ended = new Set();
    for (let i = 0; i < 10; i++) ended.add(await codeOf(file));
    if (!isDeepStrictEqual([...ended], [expected])) throw new Error(`${name}: ended with ${[...ended]}`);
  }
}

function codeOf(file) {
  const args = [process.execPath, '--require', REGISTER, file];
  return promisify(execFile)(tool('clean-exec'), args, { timeout: HUNG }).then(
    () => 0,
    ({ code, signal }) => signal ?? code,
  );
}

async function answer(way, args, nodeArgs = []) {
  const env = ['NODE_NO_WARNINGS=1', ...(way === 'fork' ? [] : [`LD_PRELOAD=${tool('no-atfork.so')}`])];
  const node = [process.execPath, '--expose-gc', '--require', REGISTER, ...nodeArgs, program];
  const command = ['env', ...env, ...node, ...args, LEAK, LIST_FDS];
  const { stdout } = await promisify(execFile)(tool('clean-exec'), command, { timeout: HUNG });
  return JSON.parse(stdout);
}

function expect(found, expected) {
  if (isDeepStrictEqual(found, expected)) return;
  throw new Error(`expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
}

async function phase(name, work) {
  try {
    const detail = await work();
    console.log(`ok      ${name}${detail === undefined ? '' : `: ${detail}`}`);
  } catch (error) {
    failures++;
    console.log(`FAILED  ${name}: ${error.killed ? 'it hung' : error.message}\n${error.stderr ?? ''}`);
  }
}

function inMegabytes(bytes) {
  return `${bytes < 0 ? '' : '+'}${(bytes / MEGABYTE).toFixed(1)} MB`;
}
