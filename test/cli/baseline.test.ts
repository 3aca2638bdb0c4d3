// Baselines for CI: closefds run and closefds scan with --fail-on new, and one file for both.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, run } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

const SPAWN = `require('node:child_process').spawnSync('true', { stdio: [0, 1, 2, 'pipe'] });\n`;
const BASELINE = ['--baseline', 'known.json'];
const NEW = [...BASELINE, '--fail-on', 'new'];
const WRITE = [...BASELINE, '--write-baseline'];

function app(t: ExecutionContext) {
  const folder = temporaryFolder(t);
  const edit = (text: string, more: Readonly<Record<string, string>> = {}) =>
    write(folder, { 'package.json': '{"name": "app", "version": "1.0.0"}', ...more, 'app.js': text });
  edit(SPAWN);
  const closefds = (...args: string[]) => run(MAIN, { nodeArgs: [], args, cwd: folder });
  const runApp = (...options: string[]) =>
    closefds('run', '--mode', 'warn', ...options, '--', process.execPath, 'app.js');
  const scan = (...options: string[]) => closefds('scan', '--no-cache', ...options);
  const baseline = () => JSON.parse(readFileSync(path.join(folder, 'known.json'), 'utf8')) as object;
  return { folder, edit, runApp, scan, baseline };
}

const SITE = '. | app.js | spawnSync | pipe | 3 | true';

test('run: a moved line and a new version are known, and another spawn is new', async t => {
  const { folder, edit, runApp, baseline } = app(t);
  const missing = await runApp(...NEW);
  t.is(missing.code, 2);
  t.regex(
    missing.stderr,
    /^closefds: the baseline known\.json cannot be used: .*; --write-baseline writes one/,
  );

  const written = await runApp(...WRITE);
  t.deepEqual([written.code, written.stderr], [0, 'closefds: 1 finding written to known.json\n']);
  t.deepEqual(baseline(), { closefdsBaseline: 1, findings: { [SITE]: 1 } });
  const again = await runApp(...NEW);
  t.deepEqual([again.code, again.stderr], [0, '']);

  write(folder, { 'package.json': '{"name": "app", "version": "2.0.0"}' });
  edit(`\n\n  ${SPAWN}`);
  t.is((await runApp(...NEW)).code, 0);

  for (const { text, line } of [
    { text: SPAWN + SPAWN, line: `  ${SITE}  (line 1, line 2)\n` },
    {
      text: SPAWN.replace(`'pipe'`, `'pipe', 'pipe'`),
      line: '  . | app.js | spawnSync | pipe | 4 | true  (line 1)\n',
    },
    { text: SPAWN.replace('true', 'echo'), line: '  . | app.js | spawnSync | pipe | 3 | echo  (line 1)\n' },
  ]) {
    edit(text);
    const { code, stderr } = await runApp(...NEW);
    t.is(code, 1);
    t.is(
      stderr,
      `closefds: 1 finding is not in known.json:\n${line}` +
        'Write a rule for each (closefds explain), or accept them with --write-baseline.\n',
    );
  }
});

test('run: findings of packages and of processes below count; what a rule allows does not', async t => {
  const { folder, edit, runApp, baseline } = app(t);
  edit(
    `require('node:child_process').spawnSync(process.execPath, ['-e', 'require("a")'], { stdio: 'inherit' });`,
    {
      'node_modules/a/package.json': '{"name": "a", "version": "1.0.0"}',
      'node_modules/a/index.js': SPAWN,
    },
  );
  await runApp(...WRITE);
  t.deepEqual(baseline(), {
    closefdsBaseline: 1,
    findings: { 'a | index.js | spawnSync | pipe | 3 | true': 1 },
  });
  const rule = { caller: 'a', fds: [3], effect: 'allow', reason: 'its log' };
  write(folder, { 'closefds.json': JSON.stringify({ rules: [rule] }) });
  await runApp(...WRITE);
  t.deepEqual(baseline(), { closefdsBaseline: 1, findings: {} });
});

test('run: the exit code of the command counts first, and only the lines of this run in a report', async t => {
  const { folder, edit, runApp } = app(t);
  edit(`${SPAWN}process.exitCode = 7;`);
  t.is((await runApp(...WRITE, '--report', 'all.ndjson')).code, 7);
  edit('');
  const { code, stderr } = await runApp(...NEW, '--report', 'all.ndjson');
  t.deepEqual([code, stderr], [0, '']);
  t.is(readFileSync(path.join(folder, 'all.ndjson'), 'utf8').trim().split('\n').length, 1);

  edit(`${SPAWN}process.exitCode = 7;`);
  write(folder, { 'known.json': '{"closefdsBaseline": 1}' });
  const failed = await runApp(...NEW);
  t.is(failed.code, 7);
  t.regex(failed.stderr, /^closefds: 1 finding is not in known\.json:\n/);
  edit(`require('node:fs').appendFileSync(process.env.CLOSEFDS_REPORT, '{"closefds":1,"ti');`);
  const torn = await runApp(...NEW);
  t.is(torn.code, 1);
  t.regex(torn.stderr, /^closefds: expected findings in \S+, found 1 line that is none\n$/);
});

test('one file holds the baselines of run and scan, and each leaves the part of the other', async t => {
  const { edit, runApp, scan, baseline } = app(t);
  await runApp(...WRITE);
  t.is((await scan(...WRITE)).code, 0);
  const place = '. | app.js | stdio | spawnSync | pipe | 3';
  const whole = { closefdsBaseline: 1, places: { [place]: 1 }, findings: { [SITE]: 1 } };
  t.deepEqual(baseline(), whole);
  await runApp(...WRITE);
  t.deepEqual(baseline(), whole);
  t.deepEqual([(await runApp(...NEW)).code, (await scan(...NEW)).code], [0, 0]);
  edit(`\n${SPAWN}`);
  t.deepEqual([(await runApp(...NEW)).code, (await scan(...NEW)).code], [0, 0]);
  edit(SPAWN + SPAWN);
  t.deepEqual([(await runApp(...NEW)).code, (await scan(...NEW)).code], [1, 1]);
});

test('scan: new names each place that is not known: calls of unsafe(), launchers and possible ones', async t => {
  const { edit, scan } = app(t);
  edit('');
  t.is((await scan(...WRITE)).code, 0);
  for (const text of [
    `const { unsafe } = require('closefds'); unsafe('the reason', () => {});`,
    `exports.start = options => require('node:child_process').spawn('x', options);`,
    "/* stdio */ list.push('ipc', 'pipe');",
  ]) {
    edit(text);
    t.is((await scan(...NEW)).code, 1, text);
  }
});

for (const { args, message } of [
  {
    args: ['run', '--fail-on', 'new', 'x'],
    message: /expected --baseline FILE with --fail-on, found none\. See "closefds run --help"/,
  },
  { args: ['run', '--write-baseline', 'x'], message: /expected --baseline FILE with --write-baseline/ },
  { args: ['run', ...BASELINE, 'x'], message: /expected --fail-on new or --write-baseline .* found neither/ },
  {
    args: ['run', ...NEW, '--write-baseline', 'x'],
    message: /expected --fail-on new or --write-baseline .* found both/,
  },
  {
    args: ['run', ...BASELINE, '--fail-on', 'old', 'x'],
    message: /expected new after --fail-on, found "old"/,
  },
  {
    args: ['run', ...WRITE, '--report', 'r-%p', 'x'],
    message: /expected one file after --report with --baseline, found "r-%p"/,
  },
  {
    args: ['run', '--baseline', 'package.json', '--fail-on', 'new', 'x'],
    message: /the baseline package\.json cannot be used: expected "closefdsBaseline": 1, found undefined/,
  },
  {
    args: ['run', '--baseline', 'package.json', '--write-baseline', 'true'],
    message: /the baseline package\.json cannot be written: expected "closefdsBaseline": 1, found undefined/,
  },
  { args: ['scan', '--fail-on', 'new'], message: /expected --baseline FILE with --fail-on new, found none/ },
] as const)
  test(`wrong: closefds ${args.join(' ')}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, { 'package.json': '{}' });
    const { code, stdout, stderr } = await run(MAIN, { nodeArgs: [], args, cwd: folder });
    t.deepEqual([code, stdout], [2, '']);
    t.regex(stderr, message);
    t.is(readFileSync(path.join(folder, 'package.json'), 'utf8'), '{}');
  });
