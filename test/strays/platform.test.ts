// What closefds takes a system for, and what it says where it cannot keep strays from children.

import test from 'ava';
import { otherRuntime, whatCloses } from '../../src/strays/platform';
import { temporaryFolder, write } from '../support/programs';
import { inheriting, LIST_FDS, REGISTER, run, tool } from '../support/run';

for (const { platform, closer } of [
  { platform: 'linux', closer: 'addon' },
  { platform: 'darwin', closer: 'system' },
  { platform: 'win32', closer: 'system' },
  { platform: 'freebsd', closer: 'nothing' },
  { platform: 'openbsd', closer: 'nothing' },
  { platform: 'sunos', closer: 'nothing' },
  { platform: 'aix', closer: 'nothing' },
  { platform: 'android', closer: 'nothing' },
] as const) {
  test(`${platform}: ${closer}`, t => {
    t.is(whatCloses({ platform, versions: {} }), closer);
  });
}

for (const { versions, begins } of [
  { versions: { node: '22.1.0' }, begins: undefined },
  { versions: { node: '22.1.0', electron: '45.0.0' }, begins: undefined },
  {
    versions: { node: '24.3.0', bun: '1.4.5' },
    begins: 'closefds is made for Node.js and this is Bun 1.4.5: ',
  },
  {
    versions: { node: '24.2.0', deno: '2.9.6' },
    begins: 'closefds is made for Node.js and this is Deno 2.9.6: ',
  },
] as const) {
  test(`otherRuntime() recognises the runtime of ${JSON.stringify(versions)}`, t => {
    t.is(otherRuntime({ platform: 'linux', versions })?.slice(0, begins?.length), begins);
  });
}

const SPAWN = `
  const { stdout } = require('node:child_process').spawnSync(process.argv[2], [], { stdio: [0, 'pipe', 2, 'pipe'] });
  process.stdout.write(String(stdout));
`;

/** The system is Linux all the same, so what closefds leaves alone arrives. The placeholder is the null device there. */
for (const { platform, mode, fds, codes } of [
  { platform: 'darwin', mode: 'enforce', fds: '[0,1,2,"3 null","200 null"]', codes: ['CLOSEFDS_DESIGNATED'] },
  {
    platform: 'freebsd',
    mode: 'enforce',
    fds: '[0,1,2,"3 null","200 null"]',
    codes: ['CLOSEFDS_UNGUARDED', 'CLOSEFDS_DESIGNATED'],
  },
  {
    platform: 'freebsd',
    mode: 'warn',
    fds: '[0,1,2,3,"200 null"]',
    codes: ['CLOSEFDS_UNGUARDED', 'CLOSEFDS_DESIGNATED'],
  },
] as const) {
  test(`a process that takes itself for ${platform}, ${mode}`, async t => {
    const folder = temporaryFolder(t);
    const program = write(folder, {
      'app.js': SPAWN,
      'platform.js': `Object.defineProperty(process, 'platform', { value: '${platform}' });`,
    });
    const nodeArgs = ['--require', `${folder}/platform.js`, '--require', REGISTER];
    const { stdout, stderr } = await run(program, {
      nodeArgs,
      args: [tool('list-all-fds')],
      through: inheriting(200, '/dev/null'),
      env: { CLOSEFDS_MODE: mode },
    });
    t.is(stdout.trim(), fds);
    t.deepEqual([...stderr.matchAll(/\[(CLOSEFDS_\w+)\]/g)].map(([, code]) => code) as string[], [...codes]);
  });
}

test('a process that takes itself for freebsd, strict: nothing is started', async t => {
  const folder = temporaryFolder(t);
  const program = write(folder, {
    'app.js': `require('node:child_process').spawnSync(process.argv[2]);`,
    'platform.js': `Object.defineProperty(process, 'platform', { value: 'freebsd' });`,
  });
  const nodeArgs = ['--require', `${folder}/platform.js`, '--require', REGISTER];
  const env = { CLOSEFDS_MODE: 'strict' };
  const { stderr, code } = await run(program, { nodeArgs, args: [LIST_FDS], env });
  t.is(code, 1);
  t.regex(stderr, /ERR_CLOSEFDS_DENIED/);
});
