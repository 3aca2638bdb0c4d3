// Warnings in logs, read back: what message.ts wrote of a finding gives the finding again.

import path from 'node:path';
import test from 'ava';
import type { Finding, SpawnFinding } from '../../src/findings/finding';
import { toAdvice, toMessage } from '../../src/findings/message';
import { type ReportRecord, toRecord } from '../../src/findings/record';
import { createWarningParser } from '../../src/report/parse-warnings';
import type { createReport } from '../../src/report/report';
import { line } from '../support/report-lines';
import { ROOT, run } from '../support/run';

const CALLER = {
  name: 'tsx',
  version: '4.6.0',
  declaredName: undefined,
  file: '/app/node_modules/tsx/cli.mjs',
  fileInPackage: 'cli.mjs',
  line: 1,
  column: 2,
  function: undefined,
  launchers: [],
};

const STRAY: SpawnFinding = {
  code: 'CLOSEFDS_STRAY',
  mode: 'enforce',
  effect: undefined,
  disposition: 'closed',
  kind: 'stray',
  childFd: 20,
  sourceFd: undefined,
  target: '/data/my LOCK, x',
  type: 'file',
  access: 'both',
  atStart: false,
  route: 'spawn',
  command: 'my sh',
  caller: CALLER,
  rule: undefined,
  announcement: undefined,
};

const DESIGNATED: SpawnFinding = {
  ...STRAY,
  code: 'CLOSEFDS_DESIGNATED',
  kind: 'fd',
  childFd: 3,
  sourceFd: 21,
};
const PIPE = {
  ...DESIGNATED,
  kind: 'pipe',
  sourceFd: undefined,
  target: undefined,
  type: undefined,
  access: undefined,
} as const;
const APP = { ...CALLER, name: '.', version: undefined, file: '/app/a.js', fileInPackage: undefined };
const OPENER = { package: 'lmdb', version: '3.5.6', source: 'warning' };

const cases: readonly { readonly title: string; readonly findings: readonly [Finding, ...Finding[]] }[] = [
  { title: 'a stray', findings: [STRAY] },
  { title: 'a stray that was inherited', findings: [{ ...STRAY, atStart: true }] },
  { title: 'a stray of a known package', findings: [{ ...STRAY, opener: OPENER }] },
  { title: 'a stray pipe', findings: [{ ...STRAY, target: 'pipe:[77]', type: undefined }] },
  { title: 'a stray that passes', findings: [{ ...STRAY, mode: 'warn', disposition: 'passed' }] },
  { title: 'a stray that the arguments name', findings: [{ ...STRAY, announcement: '--log-fd 20' }] },
  { title: 'a designated file', findings: [DESIGNATED] },
  { title: 'a new pipe', findings: [PIPE] },
  { title: 'a message channel', findings: [{ ...PIPE, kind: 'ipc' }] },
  { title: 'the app', findings: [{ ...PIPE, caller: APP }] },
  {
    title: 'through launchers',
    findings: [{ ...PIPE, caller: { ...CALLER, launchers: ['execa', 'cross-spawn'] } }],
  },
  { title: 'an alias', findings: [{ ...PIPE, caller: { ...CALLER, declaredName: 'other' } }] },
  { title: 'an unknown caller', findings: [{ ...PIPE, caller: undefined }] },
  {
    title: 'a scoped package without a version',
    findings: [
      {
        ...PIPE,
        caller: { ...CALLER, name: '@a/b', version: undefined, file: '/x/node_modules/@a/b/cli.mjs' },
      },
    ],
  },
  {
    title: 'unsafe()',
    findings: [{ ...STRAY, mode: 'warn', code: 'CLOSEFDS_UNSAFE', disposition: 'passed' }],
  },
  {
    title: 'a finding about closefds',
    findings: [{ code: 'CLOSEFDS_STAND_IN', mode: 'enforce', what: 'the addon did not load' }],
  },
  {
    title: 'several strays',
    findings: [
      STRAY,
      { ...STRAY, childFd: 21, target: 'socket:[5]', type: undefined },
      { ...STRAY, childFd: 22 },
    ],
  },
  { title: 'strays by the thousand', findings: [STRAY, { ...STRAY, childFd: 30, more: 9990 }] },
];

const METADATA = {
  time: '2026-11-27T18:00:00.000Z',
  pid: 4711,
  thread: 0,
  app: undefined,
  script: undefined,
  host: undefined,
  count: 1,
  assumed: 0,
};

/** What a warning does not have. */
function shown({ more, ...record }: ReportRecord & { readonly more?: number }): object {
  return { ...record, count: record.count + (more ?? 0) };
}

const textOf = (findings: readonly [Finding, ...Finding[]]) =>
  `(node:4711) [${findings[0].code}] ClosefdsWarning: ${toMessage(findings)}\n${toAdvice(findings)}`;

for (const { title, findings } of cases) {
  test(`a warning is read back: ${title}`, t => {
    const records: ReportRecord[] = [];
    const parser = createWarningParser(record => records.push(record));
    const lines = textOf(findings).split('\n');
    const isRead = lines.map(text => parser.readLine(text, { time: METADATA.time }));
    parser.end();
    t.deepEqual(
      records.map(shown),
      findings.map(finding => shown(toRecord(finding, METADATA))),
    );
    t.true(isRead[0]);
    t.true(isRead.at(-1));
  });
}

test('the lines of other programs are no warnings', t => {
  const parser = createWarningParser(() => t.fail());
  for (const text of ['', 'listening', '  FD 3: x', '(node:1) Warning: x', '(node:1) [DEP0001] Warning: y'])
    t.false(parser.readLine(text, {}), text);
  parser.end();
});

// ---------------------------------------------------------------------------------------------
// Logs
// ---------------------------------------------------------------------------------------------

const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');
const TEXT = textOf([STRAY]);
const journal = (message: string) =>
  JSON.stringify({ __REALTIME_TIMESTAMP: '1795802400000000', _HOSTNAME: 'web-1', MESSAGE: message });

for (const { title, log, expected } of [
  {
    title: 'a log with other lines',
    log: ['listening', ...TEXT.split('\n'), '{"level": "info"}'],
    expected: { count: 1, foreign: 2, hosts: [], first: undefined },
  },
  {
    title: 'a log with times in front',
    log: TEXT.split('\n').map(text => `2026-11-27T19:00:00.5+01:00 app[1]: ${text}`),
    expected: { count: 1, foreign: 0, hosts: [], first: '2026-11-27T18:00:00.500Z' },
  },
  {
    title: 'journalctl -o json',
    log: [journal('listening'), ...TEXT.split('\n').map(journal)],
    expected: { count: 1, foreign: 1, hosts: ['web-1'], first: '2026-11-27T18:00:00.000Z' },
  },
  {
    title: 'records in journalctl -o json, with the warnings that say the same',
    log: [journal(line({ pid: 4711 }).trim()), ...TEXT.split('\n').map(journal)],
    expected: { count: 1, foreign: 0, hosts: [], first: '2026-11-24T03:11:38.123Z' },
  },
  {
    title: 'warnings before the records of their process',
    log: [...TEXT.split('\n'), line({ pid: 4711 }).trim(), ...TEXT.replace('4711', '4712').split('\n')],
    expected: { count: 2, foreign: 0, hosts: [], first: '2026-11-24T03:11:38.123Z' },
  },
  {
    title: "the log file of Docker's json-file",
    log: TEXT.split('\n').map(text =>
      JSON.stringify({ log: `${text}\n`, stream: 'stderr', time: '2026-11-27T18:00:00.5Z' }),
    ),
    expected: { count: 1, foreign: 0, hosts: [], first: '2026-11-27T18:00:00.500Z' },
  },
]) {
  test(`report reads ${title}`, async t => {
    const input = `${log.join('\n')}\n`;
    const args = ['report', '--format', 'json'];
    const { code, stdout, stderr } = await run(CLI, { nodeArgs: [], args, input });
    t.deepEqual([code, stderr], [0, '']);
    const { total, reading } = JSON.parse(stdout) as ReturnType<ReturnType<typeof createReport>['result']>;
    t.deepEqual(
      {
        count: total.count,
        foreign: reading.foreign,
        hosts: total.hosts.values.map(({ value }) => value),
        first: total.first,
      },
      expected,
    );
  });
}
