// Checks the promise on a real program: a child has stdio and what was designated, and no other FD.

import test from 'ava';
import { temporaryFolder, write } from './support/programs';
import { inheriting, LEAK, LIST_FDS, run } from './support/run';

const program = `
  const { execFileSync } = require('node:child_process');
  require(${JSON.stringify(LEAK)}).open(process.argv[2], 40);
  process.stdout.write(execFileSync(${JSON.stringify(LIST_FDS)}));
`;

for (const { mode, fds } of [
  { mode: 'off', fds: [0, 1, 2, 40, 200] },
  { mode: 'warn', fds: [0, 1, 2, 40, 200] },
  { mode: 'enforce', fds: [0, 1, 2] },
] as const) {
  test(`${mode}: a child has exactly ${fds.join(', ')}`, async t => {
    const folder = temporaryFolder(t);
    const result = await run(write(folder, { 'app.js': program }), {
      args: [`${folder}/opened`],
      through: inheriting(200, `${folder}/inherited`),
      env: { CLOSEFDS_MODE: mode },
    });
    t.deepEqual(JSON.parse(result.stdout), fds);
    t.is(result.code, 0);
  });
}

test('strict: the spawn throws before a process exists', async t => {
  const folder = temporaryFolder(t);
  const result = await run(write(folder, { 'app.js': program }), {
    args: [`${folder}/opened`],
    env: { CLOSEFDS_MODE: 'strict' },
  });
  t.is(result.stdout, '');
  t.is(result.code, 1);
  t.regex(result.stderr, /code: 'ERR_CLOSEFDS_DENIED'/);
  t.regex(
    result.stderr,
    /stray FD 40 \(file .*\/opened, read-write, opened since start\) is not allowed: the app/,
  );
});

test('process substitution works for node, and does not leak on', async t => {
  const folder = temporaryFolder(t);
  const app = write(folder, {
    'app.js': `
      const { execFileSync } = require('node:child_process');
      const { readFileSync } = require('node:fs');
      process.stdout.write(execFileSync(${JSON.stringify(LIST_FDS)}));
      process.stdout.write(readFileSync(process.argv[2]));`,
  });
  const result = await run(app, { through: ['bash', '-c', '"$@" <(echo said)', 'bash'] });
  t.is(result.stdout, '[0,1,2]\nsaid\n');
  t.regex(result.stderr, /stray FD 63 \(pipe:.*, inherited at start\) was closed/);
});
