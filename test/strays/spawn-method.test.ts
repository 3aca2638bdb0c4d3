// What the guard believes about how processes are made here. It is believed for good.

import test from 'ava';
import { fixture, temporaryFolder, write } from '../support/programs';
import { LEAK, run } from '../support/run';

const NO_FD_IS_LEFT = fixture('spawn-at-limit.js');

test('a spawn that made no process is not taken for one without atfork handlers', async t => {
  const { stdout } = await run(write(temporaryFolder(t), { 'app.js': NO_FD_IS_LEFT }), { env: { LEAK } });
  t.deepEqual(JSON.parse(stdout), {
    failures: ['EMFILE', null, 'EMFILE', 0],
    before: 'unknown',
    after: 'fork',
  });
});
