// A spawn with nothing to judge captures no stack: the walk is the dearest step of a spawn.

import path from 'node:path';
import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, REGISTER, run } from '../support/run';

/** Loaded before closefds, which captures the function at its start. */
const COUNTER = `
  const { captureStackTrace } = Error;
  globalThis.captured = 0;
  Error.captureStackTrace = (...args) => { globalThis.captured++; return captureStackTrace(...args); };
`;

const CALLS = [
  "spawnSync('true')",
  "spawnSync('true', [], { stdio: 'ignore' })",
  "spawnSync('true', [], { stdio: ['ignore', 'pipe', 'inherit'], env: { A: '1' } })",
  "spawnSync('true', [], Object.create(null))",
  "execSync('true')",
  "execFileSync('true')",
  "spawn('true')",
  "spawn('true', [], { stdio: [0, 1, 2] })",
  "exec('true')",
  "execFile('true')",
];

const program = (prelude: string) => `
  const childProcess = require('node:child_process');
  ${prelude}
  const results = {};
  for (const call of ${JSON.stringify(CALLS)}) {
    // The first call of each is as any other.
    for (let i = 0; i < 2; i++) {
      globalThis.captured = 0;
      const child = eval('childProcess.' + call);
      results[call] = Math.max(results[call] ?? 0, globalThis.captured);
    }
  }
  console.log(JSON.stringify(results));
`;

for (const mode of ['warn', 'enforce', 'strict'])
  test(`no call captures a stack where there is nothing to judge, mode ${mode}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, { 'counter.js': COUNTER, 'app.js': program('') });
    const { stdout, stderr } = await run(path.join(folder, 'app.js'), {
      nodeArgs: ['--require', path.join(folder, 'counter.js'), '--require', REGISTER],
      env: { CLOSEFDS_MODE: mode },
    });
    t.deepEqual(JSON.parse(stdout), Object.fromEntries(CALLS.map(call => [call, 0])), stderr);
  });

test('with a stray, a new command captures one: the count sees it', async t => {
  const folder = temporaryFolder(t);
  const leak = `require(${JSON.stringify(LEAK)}).open('/dev/zero', 50);`;
  write(folder, { 'counter.js': COUNTER, 'app.js': program(leak) });
  const { stdout } = await run(path.join(folder, 'app.js'), {
    nodeArgs: ['--require', path.join(folder, 'counter.js'), '--require', REGISTER],
    env: { CLOSEFDS_MODE: 'warn', NODE_NO_WARNINGS: '1' },
  });
  const least = Math.min(...(Object.values(JSON.parse(stdout)) as number[]));
  t.true(least >= 1, stdout);
});
