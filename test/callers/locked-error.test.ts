// A rule by caller applies where the program locked, replaced or deleted what a stack needs.

import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { LIST_FDS, ROOT, run } from '../support/run';

const PROGRAM = readFileSync(path.join(ROOT, 'test', 'fixtures', 'locked-error.js'), 'utf8');

const DESIGNATOR = `
  const { execFileSync } = require('node:child_process');
  exports.passPipe = list => execFileSync(list, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });`;

const RULE = { caller: 'designator', kinds: ['pipe'], fds: [3], effect: 'allow', reason: 'a test' };

interface Case {
  /** A name of test/fixtures/locked-error.js. */
  readonly lock: string;
  readonly flags?: readonly string[];
}

const CASES: readonly Case[] = [
  { lock: 'lockdown' },
  { lock: 'frozen Error' },
  { lock: 'frozen Error with a limit of 0' },
  { lock: 'a hook that is locked' },
  { lock: 'captureStackTrace() deleted' },
  { lock: 'captureStackTrace() deleted, Error replaced' },
  { lock: 'nothing', flags: ['--frozen-intrinsics', '--no-warnings'] },
  { lock: 'nothing', flags: ['--stack-trace-limit=0'] },
];

for (const { lock, flags = [] } of CASES) {
  test(`${[lock, ...flags].join(' ')}: what a rule allows a package is passed, and nothing is reported`, async t => {
    const folder = temporaryFolder(t);
    const program = write(folder, {
      'app.js': PROGRAM,
      'package.json': '{"name": "app"}',
      'closefds.json': JSON.stringify({ mode: 'enforce', rules: [RULE] }),
      'node_modules/designator/package.json': '{"name": "designator", "version": "1.0.0"}',
      'node_modules/designator/index.js': DESIGNATOR,
    });
    for (const name of ['ses', '@endo'])
      symlinkSync(path.join(ROOT, 'node_modules', name), path.join(folder, 'node_modules', name));
    const register = path.join(ROOT, 'dist', 'register', 'index.js');
    const nodeArgs = [...flags, '--preserve-symlinks', '--require', register];
    const { stdout, stderr } = await run(program, { nodeArgs, args: [lock, LIST_FDS] });
    t.deepEqual({ stdout, stderr }, { stdout: '[0,1,2,3]\n', stderr: '' });
  });
}
