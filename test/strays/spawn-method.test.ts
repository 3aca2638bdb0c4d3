// What the guard believes about how processes are made here. It is believed for good.

import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, run } from '../support/run';

const NO_FD_IS_LEFT = `
  const { openSync } = require('node:fs');
  const { execFileSync, spawn, spawnSync } = require('node:child_process');
  const handles = process.binding('spawn_sync');
  const leak = require(${JSON.stringify(LEAK)});
  leak.limit(64);
  try { for (;;) openSync('/dev/null'); } catch {}
  const failures = [
    spawnSync('true').error.code,
    spawn('true').on('error', () => {}).pid,
    (() => { try { execFileSync('true'); } catch (error) { return error.code; } })(),
    handles.spawn({ file: 'true', args: ['true'], stdio: [{ type: 'pipe', readable: true, writable: false }] }).pid,
  ];
  leak.limit(1024);
  const { strayGuard } = globalThis[Symbol.for('closefds.installed')];
  const before = strayGuard.spawning();
  spawnSync('true');
  console.log(JSON.stringify({ failures, before, after: strayGuard.spawning() }));
`;

test('a spawn that made no process is not taken for one without atfork handlers', async t => {
  const { stdout } = await run(write(temporaryFolder(t), { 'app.js': NO_FD_IS_LEFT }));
  t.deepEqual(JSON.parse(stdout), {
    failures: ['EMFILE', null, 'EMFILE', 0],
    before: 'unknown',
    after: 'fork',
  });
});
