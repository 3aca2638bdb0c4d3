// Programs replace the file system, for tests of their own, before closefds has read what it reads late.

import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { LIST_FDS, ROOT, run } from '../support/run';

const PROGRAM = readFileSync(path.join(ROOT, 'test', 'fixtures', 'in-mocked-files.js'), 'utf8');
const { version } = require(path.join(ROOT, 'package.json')) as { version: string };

/** Passes pipes as FDs 3 and 4, as the compat table allows a known version. */
const PASSER = `
  const { execFileSync } = require('node:child_process');
  const stdio = ['ignore', 'pipe', 'inherit', 'pipe', 'pipe'];
  exports.passPipe = list => execFileSync(list, { stdio });`;

test('with mock-fs: FDs are denied while the version of a package cannot be read, and no later', async t => {
  const folder = temporaryFolder(t);
  const program = write(folder, {
    'app.js': PROGRAM,
    'package.json': '{"name": "app"}',
    'node_modules/puppeteer-core/package.json': '{"name": "puppeteer-core", "version": "19.8.0"}',
    'node_modules/puppeteer-core/index.js': PASSER,
  });
  symlinkSync(path.join(ROOT, 'node_modules', 'mock-fs'), path.join(folder, 'node_modules', 'mock-fs'));
  // Not on the Node under test: mock-fs does not work on each version.
  const { stdout, stderr } = await run(program, { node: process.execPath, args: [ROOT, LIST_FDS] });
  t.deepEqual(JSON.parse(stdout || stderr), {
    mocked: { fds: '[0,1,2]', mode: 'enforce', version },
    real: { fds: '[0,1,2,3,4]', mode: 'enforce', version },
  });
});
