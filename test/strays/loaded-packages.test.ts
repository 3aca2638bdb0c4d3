// Who opened a stray, told from what a program has really loaded.

import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, run } from '../support/run';

const manifest = (name: string, version: string) => JSON.stringify({ name, version, main: 'index.js' });
const OPENS = `require(${JSON.stringify(LEAK)}).open(process.argv[2], 40);`;
const SPAWN = `require('node:child_process').spawnSync('true');`;

for (const [name, files, opener] of [
  [
    'a package',
    {
      'app.js': `require('lmdb'); ${SPAWN}`,
      'node_modules/lmdb/index.js': OPENS,
      'node_modules/lmdb/package.json': manifest('lmdb', '3.5.6'),
    },
    ', most likely by lmdb@3.5.6',
  ],
  [
    'a version newer than the table knows',
    {
      'app.js': `require('lmdb'); ${SPAWN}`,
      'node_modules/lmdb/index.js': OPENS,
      'node_modules/lmdb/package.json': manifest('lmdb', '99.0.0'),
    },
    ', most likely by lmdb@99.0.0',
  ],
  [
    'a package of ES modules, by its addon',
    {
      'app.js': `require('@lmdb/lmdb-${process.platform}-${process.arch}'); ${SPAWN}`,
      [`node_modules/@lmdb/lmdb-${process.platform}-${process.arch}/index.js`]: OPENS,
      [`node_modules/@lmdb/lmdb-${process.platform}-${process.arch}/package.json`]: manifest('x', '3.5.5'),
    },
    ', most likely by lmdb@3.5.5',
  ],
  [
    'no package, if it is only installed',
    {
      'app.js': `${OPENS} ${SPAWN}`,
      'node_modules/lmdb/index.js': OPENS,
      'node_modules/lmdb/package.json': manifest('lmdb', '3.5.6'),
    },
    '',
  ],
] as ReadonlyArray<readonly [string, Readonly<Record<string, string>>, string]>) {
  test(`the likely opener: ${name}`, async t => {
    const folder = temporaryFolder(t);
    const result = await run(write(folder, files), { args: [`${folder}/data.mdb`] });
    t.true(
      result.stderr.includes(
        `stray FD 40 (file ${folder}/data.mdb, read-write, opened since start${opener})`,
      ),
      result.stderr,
    );
  });
}
