// The condition `script`: rules for one of the programs of an app.

import { symlinkSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { REGISTER, runCommand } from '../support/run';

/** Prints what a child wrote to FD 3: nothing where the FD was closed. */
const START = `
  const { spawnSync } = require('node:child_process');
  const stdio = ['ignore', 'ignore', 'ignore', 'pipe'];
  const { output } = spawnSync('sh', ['-c', 'echo passed >&3'], { stdio });
  process.stdout.write(String(output[3] ?? ''));
`;
const IN_WORKER = `
  const { Worker } = require('node:worker_threads');
  new Worker(require('node:path').join(__dirname, '..', 'src', 'start.js'));
`;

interface Case {
  readonly title: string;
  /** Of the rule; APP stands for the app's folder. */
  readonly script: string;
  /** Node's arguments. */
  readonly args: readonly string[];
  readonly passes: boolean;
}

const CASES: readonly Case[] = [
  { title: 'its path below the app', script: 'bin/*.js', args: ['bin/job.js'], passes: true },
  { title: 'its absolute path', script: 'APP/bin/job.js', args: ['bin/job.js'], passes: true },
  { title: 'another program of the app', script: 'bin/*.js', args: ['src/start.js'], passes: false },
  { title: 'a name without its extension', script: 'bin/job.js', args: ['bin/job'], passes: true },
  { title: 'a folder', script: 'bin/index.js', args: ['bin'], passes: true },
  { title: 'a link, by where it leads', script: 'bin/job.js', args: ['link.js'], passes: true },
  { title: 'the name of a link', script: 'link.js', args: ['link.js'], passes: false },
  { title: 'the main program of a worker thread', script: 'bin/w.js', args: ['bin/w.js'], passes: true },
  { title: "a worker thread's own file", script: 'src/start.js', args: ['bin/w.js'], passes: false },
  { title: 'no program but code', script: '**', args: ['-e', START, 'bin/job.js'], passes: false },
];

for (const { title, script, args, passes } of CASES) {
  test(`a rule for a program ${passes ? 'matches' : 'does not match'} ${title}`, async t => {
    const folder = temporaryFolder(t);
    const rule = { script: script.replace('APP', folder), effect: 'allow', reason: 'it is a job' };
    write(folder, {
      'package.json': '{"name": "app"}',
      'closefds.json': JSON.stringify({ rules: [rule] }),
      'bin/job.js': START,
      'bin/index.js': START,
      'bin/w.js': IN_WORKER,
      'src/start.js': START,
    });
    symlinkSync(path.join('bin', 'job.js'), path.join(folder, 'link.js'));
    const node = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;
    const { stdout, stderr } = await runCommand([node, '--require', REGISTER, ...args], { cwd: folder });
    t.is(stdout, passes ? 'passed\n' : '', stderr);
  });
}
