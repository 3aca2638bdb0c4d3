// What each start pays for.

import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { REGISTER, run } from '../support/run';

test("a start loads no module of Node beside those that closefds patches, 'fs', 'path', 'util' and 'vm'", async t => {
  const folder = temporaryFolder(t);
  const files = {
    'show.js':
      "process.stdout.write(process.moduleLoadList.filter(name => name.startsWith('NativeModule')).sort().join('\\n'));",
    'modules.js': ['child_process', 'fs', 'module', 'path', 'util', 'vm', 'worker_threads']
      .map(name => `require('node:${name}');\n`)
      .join(''),
  };
  const show = write(folder, files);
  const [expected, found] = await Promise.all(
    [`${folder}/modules.js`, REGISTER].map(preload => run(show, { nodeArgs: ['--require', preload] })),
  );
  t.is(found?.stderr, '');
  t.deepEqual(found?.stdout.split('\n'), expected?.stdout.split('\n'));
});
