// The error class, as a program that catches it meets it.

import test from 'ava';
import { ClosefdsError } from '../../src/base/errors';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, run } from '../support/run';

test('the error of a refused spawn is a ClosefdsError of the public API', async t => {
  const program = `
    const { ClosefdsError } = require(${JSON.stringify(ROOT)});
    try {
      require('node:child_process').spawnSync('true', [], { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
    } catch (error) {
      console.log(error instanceof ClosefdsError, error instanceof Error, error.name, error.code);
    }
  `;
  const result = await run(write(temporaryFolder(t), { 'app.js': program }), {
    env: { CLOSEFDS_MODE: 'strict' },
  });
  t.is(result.stdout, 'true true ClosefdsError ERR_CLOSEFDS_DENIED\n');
});

for (const { name, value } of [
  { name: 'another error', value: new Error('x') },
  { name: 'an error with the code', value: Object.assign(new Error('x'), { code: 'ERR_CLOSEFDS_DENIED' }) },
  { name: 'an object', value: {} },
  { name: 'null', value: null },
  { name: 'text', value: 'ClosefdsError' },
] as const) {
  test(`${name} is not a ClosefdsError`, t => t.false(value instanceof ClosefdsError));
}
