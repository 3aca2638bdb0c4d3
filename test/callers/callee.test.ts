// A finding names the function of child_process that was called, not the one that this calls in turn.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { ReportRecord } from '../../src/findings/record';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, run } from '../support/run';

const PROGRAM = `
const cp = require('node:child_process');
require(${JSON.stringify(LEAK)}).open('/dev/zero', 40);
if (process.send === undefined) {
  cp.spawn('true');
  cp.exec('true');
  cp.execFile('true');
  require('node:util').promisify(cp.exec)('true');
  cp.fork(__filename);
  cp.spawnSync('true');
  cp.execSync('true');
  cp.execFileSync('true');
}
`;

test('findings name spawn(), exec(), execFile(), fork() and the synchronous functions as they were called', async t => {
  const folder = temporaryFolder(t);
  const program = write(folder, { 'app.js': PROGRAM });
  const file = path.join(folder, 'findings.ndjson');
  const { stderr } = await run(program, { env: { CLOSEFDS_REPORT: file } });
  const records = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as ReportRecord);
  const routes = records
    .filter(({ childFd }) => childFd === 40)
    .map(({ route, caller }) => [caller?.line, route])
    .sort(([a], [b]) => Number(a) - Number(b));
  t.deepEqual(routes, [
    [5, 'spawn'],
    [6, 'exec'],
    [7, 'execFile'],
    [8, 'exec'],
    [9, 'fork'],
    [10, 'spawnSync'],
    [11, 'execSync'],
    [12, 'execFileSync'],
  ]);
  const told = [...stderr.matchAll(/ with (\w+)\(\) at \S+:(\d+):\d+/g)].map(([, route, line]) => [
    Number(line),
    route,
  ]);
  t.deepEqual(
    told.sort(([a], [b]) => Number(a) - Number(b)),
    routes,
  );
});
