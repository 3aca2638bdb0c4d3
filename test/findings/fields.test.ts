// Fields that say which process a record is from.

import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type ReportRecord, TALLIES } from '../../src/findings/fields';
import { createGroups } from '../../src/report/aggregate';
import { temporaryFolder, write } from '../support/programs';
import { type RunOptions, run } from '../support/run';

const PROGRAM = `
  const { spawnSync } = require('node:child_process');
  spawnSync('true', { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
`;

/** What a program with one finding reports. */
async function recordOf(
  t: ExecutionContext,
  manifest: object | undefined,
  env: RunOptions['env'] = {},
): Promise<ReportRecord> {
  const folder = temporaryFolder(t);
  const program = write(folder, {
    'src/app.js': PROGRAM,
    ...(manifest !== undefined && { 'package.json': JSON.stringify(manifest) }),
  });
  const file = path.join(folder, 'findings.ndjson');
  await run(program, { cwd: folder, env: { CLOSEFDS_REPORT: file, ...env } });
  return JSON.parse(readFileSync(file, 'utf8')) as ReportRecord;
}

interface AppCase {
  readonly title: string;
  readonly manifest?: object;
  readonly env?: RunOptions['env'];
  readonly app: string | undefined;
}

const APPS: readonly AppCase[] = [
  {
    title: 'is name and version of its package.json',
    manifest: { name: '@team/web', version: '1.2.0' },
    app: '@team/web@1.2.0',
  },
  { title: 'is the name alone without a version', manifest: { name: 'web' }, app: 'web' },
  {
    title: 'is what CLOSEFDS_APP says',
    manifest: { name: 'web', version: '1.2.0' },
    env: { CLOSEFDS_APP: 'shop/eu' },
    app: 'shop/eu',
  },
  { title: 'is left out where there is none', app: undefined },
];

for (const { title, manifest, env, app } of APPS) {
  test(`the app of a record ${title}`, async t => {
    t.is((await recordOf(t, manifest, env)).app, app);
  });
}

test('the host of a record is the name of the machine', async t => {
  t.is((await recordOf(t, undefined)).host, os.hostname());
});

test('the main script of a record is its path below the root of the app', async t => {
  t.is((await recordOf(t, { name: 'web' })).script, 'src/app.js');
});

test('the main script of a record is redacted as other paths are', async t => {
  t.is((await recordOf(t, { name: 'web', closefds: { redact: ['**/app.js'] } })).script, '[redacted]');
});

test('a worker thread has the app of its process, and a report counts both', async t => {
  const folder = temporaryFolder(t);
  const program = write(folder, {
    'app.js': `${PROGRAM}
      const { Worker } = require('node:worker_threads');
      new Worker(require('node:path').join(__dirname, 'worker.js'), { env: {} });`,
    'worker.js': PROGRAM,
    'package.json': '{"name": "web", "version": "1.0.0"}',
  });
  const file = path.join(folder, 'findings.ndjson');
  await run(program, { cwd: folder, env: { CLOSEFDS_REPORT: file } });
  const groups = createGroups();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) groups.add(JSON.parse(line));
  t.deepEqual(groups.result().total.apps, { values: [{ value: 'web@1.0.0', count: 2 }], other: 0 });
});

test('a report counts each declared tally of a group', t => {
  const groups = createGroups();
  groups.add({ route: 'spawn', kind: 'fd', count: 1, time: '', pid: 1 } as ReportRecord);
  const [group] = groups.result().byCaller;
  t.deepEqual(
    Object.keys(TALLIES).filter(name => !(name in (group ?? {}))),
    [],
  );
});
