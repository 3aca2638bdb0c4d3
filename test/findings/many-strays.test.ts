// A process with thousands of strays: one warning, and a bounded report that still counts all of them.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { ReportRecord } from '../../src/findings/record';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, LIST_FDS, run } from '../support/run';

const STRAYS = 1500;
const FIRST = 300;

/** Leaves `STRAYS` FDs open and starts three children from one call site; prints what the last of them has. */
const PROGRAM = `
const { spawnSync } = require('node:child_process');
const leak = require(${JSON.stringify(LEAK)});
for (let i = 0; i < ${STRAYS}; i++) leak.open('/dev/zero', ${FIRST} + i);
let child;
for (let i = 0; i < 3; i++) child = spawnSync(${JSON.stringify(LIST_FDS)});
console.log(String(child.stdout));
`;

for (const { mode, isClosed } of [
  { mode: 'enforce', isClosed: true },
  { mode: 'warn', isClosed: false },
]) {
  test(`thousands of strays make one warning and a bounded report in mode ${mode}`, async t => {
    const folder = temporaryFolder(t);
    const program = write(folder, { 'app.js': PROGRAM });
    const file = path.join(folder, 'findings.ndjson');
    const { code, stdout, stderr } = await run(program, {
      env: { CLOSEFDS_MODE: mode, CLOSEFDS_REPORT: file },
    });
    t.is(code, 0, stderr);
    const arrived = (JSON.parse(stdout) as number[]).filter(fd => fd >= FIRST && fd < FIRST + STRAYS);
    t.is(arrived.length, isClosed ? 0 : STRAYS);

    t.is(stderr.match(/ClosefdsWarning/g)?.length, 1, stderr.slice(0, 2000));
    const [, numbers = '', more] = /stray FDs ([\d, ]+) and ([\d,]+) more /.exec(stderr) ?? [];
    t.is(numbers.split(', ').length, 10);
    t.true(existsSync(file));
    const records = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as ReportRecord);
    const first = records.filter(({ count }) => count === 1);
    const repeats = records.filter(({ count }) => count === 2);
    t.is(first.length + repeats.length, records.length);
    // A shell that leaks an FD of its own into the tests adds one.
    const total = first.reduce((sum, record) => sum + 1 + (record.more ?? 0), 0);
    t.true(total >= STRAYS && total <= STRAYS + 5);
    t.is(Number(more?.replace(',', '')) + 10, total);
    t.is(repeats.length, first.length);
    t.true(first.length <= 51);
  });
}

for (const rule of [
  { title: 'a rule for all', condition: {} },
  { title: 'a rule for their file', condition: { target: '/dev/zero' } },
])
  test(`thousands of strays that ${rule.title} allows arrive under their numbers`, async t => {
    const allowed = { caller: '.', kinds: ['stray'], ...rule.condition, effect: 'allow', reason: 'r' };
    const config = JSON.stringify({ rules: [allowed] });
    const program = write(temporaryFolder(t), { 'app.js': PROGRAM, 'closefds.json': config });
    const { stdout } = await run(program);
    t.deepEqual(
      (JSON.parse(stdout) as number[]).filter(fd => fd >= FIRST && fd < FIRST + STRAYS),
      Array.from({ length: STRAYS }, (_, index) => FIRST + index),
    );
  });
