// Who opened a stray, told from what a program has really loaded.

import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, run } from '../support/run';

const manifest = (name: string, version: string) => JSON.stringify({ name, version, main: 'index.js' });
const OPENS = `require(${JSON.stringify(LEAK)}).open(process.argv[2], 40);`;
const SPAWN = `require('node:child_process').spawnSync('true');`;

for (const { name, files, opener } of [
  {
    name: 'a package',
    files: {
      'app.js': `require('lmdb'); ${SPAWN}`,
      'node_modules/lmdb/index.js': OPENS,
      'node_modules/lmdb/package.json': manifest('lmdb', '3.5.6'),
    },
    opener: ', most likely by lmdb@3.5.6',
  },
  {
    name: 'a version newer than the table knows',
    files: {
      'app.js': `require('lmdb'); ${SPAWN}`,
      'node_modules/lmdb/index.js': OPENS,
      'node_modules/lmdb/package.json': manifest('lmdb', '99.0.0'),
    },
    opener: ', most likely by lmdb@99.0.0',
  },
  {
    name: 'a package of ES modules, by its addon',
    files: {
      'app.js': `require('@lmdb/lmdb-${process.platform}-${process.arch}'); ${SPAWN}`,
      [`node_modules/@lmdb/lmdb-${process.platform}-${process.arch}/index.js`]: OPENS,
      [`node_modules/@lmdb/lmdb-${process.platform}-${process.arch}/package.json`]: manifest('x', '3.5.5'),
    },
    opener: ', most likely by lmdb@3.5.5',
  },
  {
    name: 'no package, if it is only installed',
    files: {
      'app.js': `${OPENS} ${SPAWN}`,
      'node_modules/lmdb/index.js': OPENS,
      'node_modules/lmdb/package.json': manifest('lmdb', '3.5.6'),
    },
    opener: '',
  },
] as ReadonlyArray<{
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly opener: string;
}>) {
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
