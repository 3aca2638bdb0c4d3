// closefds report with the options that select, compare and fail, run for real.

import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pointInTime } from '../../src/cli/parse-args';
import type { Report } from '../../src/report/report';
import { temporaryFolder } from '../support/programs';
import { line } from '../support/report-lines';
import { ROOT, type RunResult, run } from '../support/run';

const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

function report(args: readonly string[], input = SAMPLE): Promise<RunResult> {
  return run(CLI, { nodeArgs: [], args: ['report', ...args], input });
}

function file(t: ExecutionContext, text: string): string {
  const place = path.join(mkdtempSync(path.join(temporaryFolder(t), 'f-')), 'findings.ndjson');
  writeFileSync(place, text);
  return place;
}

const gpg = { package: 'gpg', version: '0.6.0', fileInPackage: 'g.js', line: 41 };
const told = {
  ...{ kind: 'pipe', code: 'CLOSEFDS_DESIGNATED', target: undefined, childFd: 3, caller: gpg },
  announcement: '--status-fd 3',
};

const SAMPLE = [
  line({
    target: '/1',
    app: 'api@2.1.0',
    script: 'bin/server.js',
    host: 'web-1',
    time: '2026-11-24T01:00:00.000Z',
    count: 100,
  }),
  line({ target: '/2', app: 'worker@1.0.0', time: '2026-11-24T02:00:00.000Z', count: 50 }),
  line({ ...told, app: 'api@2.1.0', time: '2026-11-24T03:00:00.000Z' }),
  line({ ...told, kind: 'ipc', announcement: undefined, time: '2026-11-24T04:00:00.000Z' }),
  line({ code: 'CLOSEFDS_STAND_IN', kind: undefined, route: undefined, what: 'w', app: 'api@2.1.0' }),
].join('');

const ALL = ['pipe api@2.1.0', 'ipc', 'stray /1 api@2.1.0', 'stray /2 worker@1.0.0'];
const SELF = 'CLOSEFDS_STAND_IN';

for (const { args, groups } of [
  { args: [], groups: [...ALL, SELF] },
  { args: ['--since', '2026-11-24T02:00Z'], groups: [...ALL.slice(0, 2), 'stray /2 worker@1.0.0', SELF] },
  { args: ['--until', '2026-11-24T02:00:00.000Z'], groups: ALL.slice(2) },
  { args: ['--since', '2026-11-25'], groups: [] },
  { args: ['--app', 'api'], groups: ['pipe api@2.1.0', 'stray /1 api@2.1.0', SELF] },
  { args: ['--app', 'work*'], groups: ['stray /2 worker@1.0.0'] },
  { args: ['--app', 'api@2.0.0'], groups: [] },
  { args: ['--script', 'bin/*'], groups: ['stray /1 api@2.1.0'] },
  { args: ['--host', 'web-*'], groups: ['stray /1 api@2.1.0'] },
  { args: ['--host', 'web-2'], groups: [] },
  { args: ['--kind', 'designated'], groups: ALL.slice(0, 2) },
  { args: ['--kind', 'stray'], groups: ALL.slice(2) },
  { args: ['--kind', 'ipc'], groups: ['ipc'] },
  { args: ['--caller', 'gpg'], groups: ALL.slice(0, 2) },
  { args: ['--caller', 'gpg@0.6.0'], groups: ALL.slice(0, 2) },
  { args: ['--caller', '.'], groups: ALL.slice(2) },
  { args: ['--needs-decision'], groups: [...ALL.slice(0, 2), SELF] },
  { args: ['--top', '1'], groups: [...ALL.slice(0, 1), SELF] },
])
  test(`report ${args.join(' ')} has these groups: ${groups.join(', ')}`, async t => {
    const { stdout, code } = await report(['--format', 'json', ...args]);
    const { byCaller, bySelf } = JSON.parse(stdout) as Report;
    t.deepEqual(
      [
        ...byCaller.map(({ kind, target, app }) => [kind, target, app].filter(Boolean).join(' ')),
        ...bySelf.map(({ code }) => code),
      ],
      groups,
    );
    t.is(code, 0);
  });

test('groups that are left out are counted', async t => {
  const { stdout } = await report(['--top', '2']);
  t.regex(stdout, /^153 findings in 1 process, 4 groups, /);
  t.regex(stdout, /^and 2 more groups with 150 findings$/m);
});

for (const { title, args, message } of [
  { title: 'a time', args: ['--since', 'soon'], message: /^expected 30m, .* after --since, found "soon"/ },
  { title: 'a date', args: ['--until', '2026-13-01'], message: /after --until, found "2026-13-01"/ },
  { title: 'no time', args: ['--since', '1d', '--until', '2d'], message: /^expected --since before --until/ },
  {
    title: 'a kind',
    args: ['--kind', 'file'],
    message: /^expected designated, fd, .* or stray after --kind/,
  },
  { title: 'a number', args: ['--top', '0'], message: /^expected a number above 0 after --top, found "0"/ },
  {
    title: 'a reason to fail',
    args: ['--fail-on', 'x'],
    message: /^expected needs-decision after --fail-on/,
  },
  { title: 'one file to compare', args: ['--diff', '-'], message: /^expected two files, OLD and NEW/ },
  {
    title: '--diff with --top',
    args: ['--diff', '--top', '1', 'a', 'b'],
    message: /^expected --diff without --top/,
  },
  {
    title: '--opener with --html',
    args: ['--opener', 'a', '--html', 'h'],
    message: /without --html, found both/,
  },
  {
    title: '--opener as JSON',
    args: ['--opener', 'a', '--format', 'json'],
    message: /--format markdown with/,
  },
])
  test(`a wrong call: ${title}`, async t => {
    const { code, stdout, stderr } = await report(args);
    t.regex(stderr.replace('closefds: ', ''), message);
    t.is(stdout, '');
    t.is(code, 2);
  });

test('a time is an age, a date, or a date with a time, in UTC where it has no zone', t => {
  const now = () => Date.parse('2026-11-24T03:00:00Z');
  const time = (value: string) => pointInTime(value, '--since', now);
  t.deepEqual(['2h', '30m', '7d', '2026-11-24', '2026-11-24T01:02', '2026-11-24T01:02+02:00'].map(time), [
    '2026-11-24T01:00:00.000Z',
    '2026-11-24T02:30:00.000Z',
    '2026-11-17T03:00:00.000Z',
    '2026-11-24T00:00:00.000Z',
    '2026-11-24T01:02:00.000Z',
    '2026-11-23T23:02:00.000Z',
  ]);
});

for (const { title, lines, code } of [
  { title: 'a group needs a decision', lines: SAMPLE, code: 1 },
  { title: 'nothing needs a decision', lines: line(), code: 0 },
])
  test(`--fail-on needs-decision exits with ${code} if ${title}`, async t => {
    t.is((await report(['--fail-on', 'needs-decision'], lines)).code, code);
  });

for (const { title, old, recent, code } of [
  { title: 'a new group needs a decision', old: line(), recent: SAMPLE, code: 1 },
  { title: 'a decision was needed before', old: SAMPLE, recent: SAMPLE, code: 0 },
])
  test(`--diff --fail-on needs-decision exits with ${code} if ${title}`, async t => {
    const files = [file(t, old), file(t, recent)];
    for (const format of ['text', 'json', 'markdown'])
      t.is(
        (await report(['--diff', '--format', format, '--fail-on', 'needs-decision', ...files])).code,
        code,
      );
  });

test('--opener prints a text for the authors, or says that there are no strays by it', async t => {
  const opener = { package: 'lmdb', version: '3.5.6', source: 's' };
  const found = await report(['--opener', 'lmdb'], line({ opener }));
  t.regex(found.stdout, /^# `lmdb` leaves files open/);
  t.is(found.code, 0);
  const missing = await report(['--opener', 'other'], line({ opener }));
  t.deepEqual(missing, {
    code: 1,
    signal: null,
    stdout: '',
    stderr: 'closefds: expected strays by other, found none\n',
  });
});
