// In a single executable application, the embedded main program is the app.

import { copyFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { LIST_FDS, REGISTER, ROOT, runCommand } from '../support/run';

const NODE = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;
const POSTJECT = path.join(ROOT, 'node_modules', 'postject', 'dist', 'cli.js');
/** By which Node finds what postject adds: the documentation of single executable applications. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const PROGRAM = `
const { spawnSync } = require('node:child_process');
const { stdout } = spawnSync(${JSON.stringify(LIST_FDS)}, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
console.log(JSON.stringify(JSON.parse(stdout).filter(fd => fd < 100)));
`;

const rule = (conditions: object) =>
  JSON.stringify({ rules: [{ ...conditions, kinds: ['pipe'], effect: 'allow', reason: 'its own' }] });

test('the main program of a single executable application is the app, also for rules', async t => {
  const folder = temporaryFolder(t);
  write(folder, {
    'app.js': PROGRAM,
    'sea.json': '{"main": "app.js", "output": "app.blob", "disableExperimentalSEAWarning": true}',
  });
  const program = path.join(folder, 'program');
  copyFileSync(NODE, program);
  const built = await runCommand([NODE, '--experimental-sea-config', 'sea.json'], { cwd: folder });
  t.is(built.code, 0, built.stderr);
  const args = [program, 'NODE_SEA_BLOB', 'app.blob', '--sentinel-fuse', FUSE];
  const injected = await runCommand([process.execPath, POSTJECT, ...args], { cwd: folder });
  t.is(injected.code, 0, injected.stdout + injected.stderr);

  const start = (closefds: string) => {
    write(folder, { 'closefds.json': closefds });
    return runCommand([program], { cwd: '/', env: { NODE_OPTIONS: `--require ${REGISTER}` } });
  };
  const denied = await start('{}');
  t.deepEqual([denied.code, denied.stdout], [0, '[0,1,2]\n'], denied.stderr);

  // node:sea tells from Node 20.12 on; before, such code has no file and is not the app.
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    t.regex(denied.stderr, /code without a file starting/);
    return;
  }
  t.regex(denied.stderr, /FD 3 \(a new pipe\) was closed: the app starting .* at app\.js:3:20/);
  for (const conditions of [{ caller: '.' }, { caller: '.', callSite: 'app.js' }]) {
    const { code, stdout, stderr } = await start(rule(conditions));
    t.deepEqual([code, stdout, stderr], [0, '[0,1,2,3]\n', '']);
  }
});
