// Without the setting, nothing of the deep guard runs, and no import is replaced.

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { addonOf } from '../support/deep';
import { temporaryFolder, write } from '../support/programs';
import { REGISTER, run } from '../support/run';

const SHOW = `
  const { replaced } = require(process.argv[2]);
  const { strayGuard } = globalThis[Symbol.for('closefds.installed')];
  const { stage, objects, covered } = strayGuard?.deep.deepState() ?? { stage: 0 };
  const isLoaded = globalThis.filesRead.some(file => file.endsWith('start-deep.js'));
  console.log(JSON.stringify({ replaced: replaced(), stage, objects: objects > 0, covered: covered > 0, isLoaded }));
`;

/** Loaded before closefds: notes each file that is read. */
const NOTE_FILES = `
  const fs = require('node:fs');
  const { readFileSync } = fs;
  globalThis.filesRead = [];
  fs.readFileSync = (file, ...rest) => {
    globalThis.filesRead.push(String(file));
    return readFileSync(file, ...rest);
  };
`;

async function show(t: ExecutionContext, env: Record<string, string>) {
  const folder = temporaryFolder(t);
  const program = write(folder, { 'app.js': SHOW, 'note-files.js': NOTE_FILES });
  const { stdout, stderr } = await run(program, {
    nodeArgs: ['--require', path.join(folder, 'note-files.js'), '--require', REGISTER],
    args: [addonOf('lazy')],
    env,
  });
  return JSON.parse(stdout || JSON.stringify(stderr)) as unknown;
}

const NOTHING = { replaced: [], stage: 0, objects: false, covered: false, isLoaded: false };

for (const { title, env } of [
  { title: 'by default', env: {} },
  { title: 'with CLOSEFDS_DEEP=0', env: { CLOSEFDS_DEEP: '0' } },
  { title: 'in mode off, with the setting', env: { CLOSEFDS_DEEP: '1', CLOSEFDS_MODE: 'off' } },
])
  test(`${title}, no import is replaced and nothing is loaded`, async t => {
    t.deepEqual(await show(t, env), NOTHING);
  });

test('with the setting, each import of a function that makes processes is replaced', async t => {
  const names = ['clone', 'dlopen', 'dlsym', 'execve', 'fork', 'forkpty', 'popen', 'pclose', 'posix_spawn'];
  t.deepEqual(await show(t, { CLOSEFDS_DEEP: '1' }), {
    replaced: [...names, 'system', 'vfork'],
    stage: 2,
    objects: true,
    covered: true,
    isLoaded: true,
  });
});
