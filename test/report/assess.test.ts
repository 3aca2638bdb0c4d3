import test from 'ava';
import { type ReportRecord, toCallerAgain } from '../../src/findings/record';
import { rulesToCopy } from '../../src/findings/rules-to-copy';
import { assess, type STATES, sortByState } from '../../src/report/assess';
import { createReport } from '../../src/report/report';
import { line, USED } from '../support/report-lines';

function groupsOf(lines: string) {
  const maker = createReport();
  for (const one of lines.split('\n')) maker.readLine(one, false, 0);
  return maker.result().byCaller;
}

const pipe = { code: 'CLOSEFDS_DESIGNATED', kind: 'pipe', target: undefined, childFd: 3 } as const;
const passed = { mode: 'warn', disposition: 'passed' } as const;
const byRule = { rule: { source: 'closefds.json#/rules/1' } };
const byDefault = { rule: { source: 'default' } };
const candidate = { effect: 'deny', disposition: 'closed', rule: { source: 'c' } } as const;

const exited = (exit: NonNullable<ReportRecord['exit']>) => ({ count: 0, exit });

type Given = { readonly [K in keyof ReportRecord]?: ReportRecord[K] | undefined };

const CASES: readonly {
  readonly title: string;
  readonly records: readonly Given[];
  readonly state: (typeof STATES)[number];
}[] = [
  { title: 'a closed stray without evidence is closed', records: [{}], state: 'closed' },
  {
    title: 'a closed FD that the child was told of broke',
    records: [{ ...pipe, ...byDefault, announcement: '--log-fd 3' }],
    state: 'broke',
  },
  {
    title: 'a closed stray that the child was told of broke',
    records: [{ announcement: 'A=3' }],
    state: 'broke',
  },
  {
    title: 'an FD that was used while it passed, and is closed now, broke',
    records: [{ ...pipe, ...passed, ...USED }, pipe],
    state: 'broke',
  },
  {
    title: 'a refused spawn broke',
    records: [{ mode: 'strict', disposition: 'refused' }],
    state: 'broke',
  },
  {
    title: 'a rule that denies is a decision, even with evidence',
    records: [{ ...pipe, ...byRule, announcement: '--log-fd 3' }],
    state: 'closed',
  },
  { title: 'a designated FD that the default closed is undecided', records: [pipe], state: 'undecided' },
  {
    title: 'a designated FD without which a child failed broke',
    records: [pipe, { ...pipe, ...exited({ code: 3 }) }],
    state: 'broke',
  },
  {
    title: 'a designated FD without which one child failed and a later one did not is undecided',
    records: [pipe, { ...pipe, ...exited({ code: 3 }) }, { ...pipe, ...exited({ code: 0 }) }],
    state: 'undecided',
  },
  {
    title: 'a designated FD without which the children of two processes failed, and one later did not, broke',
    records: [
      pipe,
      { ...pipe, ...exited({ code: 3 }) },
      { ...pipe, ...exited({ code: 3 }), pid: 7 },
      { ...pipe, ...exited({ code: 0 }) },
    ],
    state: 'broke',
  },
  {
    title: 'a stray without which a child failed is undecided',
    records: [{}, exited({ signal: 'SIGSEGV' })],
    state: 'undecided',
  },
  {
    title: 'a rule that denies is a decision, even if a child failed',
    records: [
      { ...pipe, ...byRule },
      { ...pipe, ...byRule, ...exited({ code: 3 }) },
    ],
    state: 'closed',
  },
  {
    title: 'a designated FD that no child used is closed',
    records: [{ ...pipe, used: false }],
    state: 'closed',
  },
  { title: 'a stray that passes in warn mode is undecided', records: [passed], state: 'undecided' },
  {
    title: 'an FD that passes in warn mode and that no child used is noise',
    records: [{ ...pipe, ...passed, used: false }],
    state: 'noise',
  },
  {
    title: 'an FD that passes by a rule that reports is allowed',
    records: [{ ...pipe, ...byRule, disposition: 'passed', effect: 'warn' }],
    state: 'allowed',
  },
  {
    title: 'an FD that the candidate would close is undecided',
    records: [{ ...pipe, ...byRule, disposition: 'passed', effect: 'allow', candidate }],
    state: 'undecided',
  },
  {
    title: 'unsafe() that passed nothing is noise',
    records: [{ code: 'CLOSEFDS_UNSAFE', kind: undefined, disposition: undefined, target: undefined }],
    state: 'noise',
  },
];

for (const { title, records, state } of CASES)
  test(title, t => {
    t.deepEqual(
      groupsOf(records.map(line).join('')).map(group => group.state),
      [state],
    );
  });

test('groups are sorted by state, then evidence, kind, opener and count', t => {
  const stray = (name: string, target: string, count: number) =>
    line({ opener: { package: name, version: '1.0.0', source: 's' }, target, count });
  const groups = groupsOf(
    [
      line({ ...pipe, ...passed, used: false, count: 900 }),
      stray('small', '/s', 50),
      stray('large', '/l1', 40),
      stray('large', '/l2', 30),
      line({ ...passed, target: '/stray', count: 80 }),
      line({ ...pipe, ...passed, kind: 'fd', target: '/undecided' }),
      line({ ...pipe, ...passed, kind: 'fd', target: '/told', announcement: 'A=3' }),
      line({ ...pipe, kind: 'fd', target: '/failed', count: 7 }),
      line({ ...pipe, kind: 'fd', target: '/failed', ...exited({ code: 3 }) }),
      line({ ...pipe, kind: 'fd', target: '/broke', announcement: 'A=3' }),
    ].join(''),
  );
  t.deepEqual(
    groups.map(({ target }) => target ?? 'a pipe'),
    ['/broke', '/failed', '/told', '/undecided', '/stray', '/l1', '/l2', '/s', 'a pipe'],
  );
  t.deepEqual(
    sortByState([...groups].reverse()).map(({ target }) => target),
    groups.map(({ target }) => target),
  );
});

const gpg = { package: 'gpg', version: '0.6.0', fileInPackage: 'g.js', line: 41, launchers: ['execa'] };

const passesOn = {
  ...{ package: 'gpg', version: '0.6.0', fileInPackage: 'g.js', line: 41 },
  ...{ forwards: true as const, calledBy: [{ package: 'app-of-gpg', version: '1.0.0' }] },
};

test('a group has a sentence, its evidence and the rule that would allow it', t => {
  const told = { ...pipe, caller: gpg, app: 'api@2.1.0', command: 'gpg', announcement: '--status-fd 3' };
  const [group] = groupsOf(line({ ...told, count: 1234 }) + line({ ...told, ...passed, ...USED, pid: 7 }));
  t.is(
    group?.sentence,
    'designated FD 3 (a new pipe) was closed 1,234 times and passed once: gpg@0.6.0 in api@2.1.0, through execa starting "gpg", 1,235 times in 2 processes',
  );
  t.deepEqual(group?.evidence, ['Announced to the child by "--status-fd 3".', 'A child used it.']);
  t.deepEqual(group?.rule, { caller: 'gpg', kinds: ['pipe'], fds: [3], effect: 'allow', reason: '...' });
});

test('sentence and evidence say that a child failed, until a later one succeeds', t => {
  const given = { ...pipe, caller: gpg, app: 'api@2.1.0', command: 'gpg' };
  const failed =
    line({ ...given, count: 2 }) +
    line({ ...given, ...exited({ code: 3 }) }) +
    line({ ...given, pid: 7, ...exited({ signal: 'SIGPIPE' }) });
  const [before] = groupsOf(failed);
  t.is(
    before?.sentence,
    'designated FD 3 (a new pipe) was closed: gpg@0.6.0 in api@2.1.0, through execa starting "gpg", 2 times in 2 processes, and a child without it failed',
  );
  t.deepEqual(before?.evidence, ['Without it, a child failed: SIGPIPE, code 3.']);
  const success = line({ ...given, ...exited({ code: 0 }) });
  const [after] = groupsOf(failed + success + success);
  t.deepEqual([before?.childFailed, after?.childFailed], [true, false]);
  t.notRegex(after?.sentence ?? '', /failed/);
  t.deepEqual(after?.evidence, ['Without it, a child failed: SIGPIPE, code 3. A later one succeeded.']);
});

for (const { title, given } of [
  { title: 'a file', given: { target: '/var/app/123456/LOCK' } },
  { title: 'a pipe', given: { target: 'pipe:[81]' } },
  { title: 'an unknown file of a known type', given: { target: undefined, type: 'socket' } },
  { title: 'two numbers', given: { ...pipe, kind: 'fd', target: '/a' } },
  { title: 'a package that passes on options', given: { ...pipe, caller: passesOn } },
] as const)
  test(`the rule to copy is that of the warning: ${title}`, t => {
    const records = [4, 3].map(childFd => ({ ...given, childFd }));
    const [group] = groupsOf(records.map(line).join(''));
    const findings = records.map(record => {
      const { caller, kind = 'stray', childFd, target, type } = JSON.parse(line(record)) as ReportRecord;
      return { caller: caller && toCallerAgain(caller), kind, childFd, target, type };
    });
    t.deepEqual([group?.rule], rulesToCopy(findings));
  });

test('the FDs that a record summarises are counted', t => {
  const maker = createReport();
  const opener = { package: 'lmdb', version: '3.5.6', source: 's' };
  maker.readLine(line({ opener, count: 2, more: 9990 }), false, 0);
  maker.readLine(line({ opener, count: 3 }), false, 0);
  const { byCaller, total, openers, timeline, hidden } = maker.result();
  const all = 2 * 9991 + 3;
  t.deepEqual([total.count, hidden.count, byCaller[0]?.count], [all, 0, all]);
  t.deepEqual(byCaller[0]?.childFds, { values: [{ value: 20, count: 5 }], other: 2 * 9990 });
  t.deepEqual(byCaller[0]?.dispositions, { values: [{ value: 'closed', count: all }], other: 0 });
  t.deepEqual(openers.values, [{ value: 'lmdb@3.5.6', count: all }]);
  t.is(
    timeline.series.flatMap(({ counts }) => counts).reduce((a, b) => a + b),
    all,
  );
  t.regex(byCaller[0]?.sentence ?? '', /^stray FD 20 and more \(\/data\/LOCK\) was closed: .* 19,985 times/);
});

for (const { title, given, rule } of [
  { title: 'the FD is at stdio', given: { ...pipe, childFd: 1 }, rule: false },
  { title: 'the caller is unknown', given: { caller: undefined }, rule: false },
  { title: 'the target is redacted', given: { target: '[redacted]' }, rule: false },
  { title: 'a rule decided already', given: byRule, rule: false },
  { title: 'the default closed a stray', given: byDefault, rule: true },
])
  test(`${rule ? 'there is' : 'there is no'} rule to copy if ${title}`, t => {
    const [group] = groupsOf(line(given));
    t.is(group !== undefined && assess(group, undefined).rule !== undefined, rule);
  });

test('services with the same files are different groups', t => {
  const groups = groupsOf(
    line({ app: 'a@1.0.0' }) + line({ app: 'b@1.0.0', count: 2 }) + line({ app: 'a@1.0.0' }),
  );
  t.deepEqual(groups.map(({ app, count }) => [app, count]).sort(), [
    ['a@1.0.0', 2],
    ['b@1.0.0', 2],
  ]);
});

for (const { title, records, services } of [
  {
    title: 'one main script is not named',
    records: [{ app: 'a@1.0.0', script: 'server.js' }],
    services: ['a@1.0.0'],
  },
  {
    title: 'several main scripts of one app are named',
    records: [
      { app: 'a@1.0.0', script: 'server.js' },
      { app: 'a@1.0.0', script: 'worker.js' },
      { app: 'b@1.0.0', script: 'server.js' },
    ],
    services: ['a@1.0.0 (server.js)', 'a@1.0.0 (worker.js)', 'b@1.0.0'],
  },
  {
    title: 'a program without a name is named by its script',
    records: [{ script: '/a.js' }, { app: 'b' }],
    services: ['/a.js', 'b'],
  },
])
  test(`services in one file stay apart: ${title}`, t => {
    const groups = groupsOf(records.map(line).join(''));
    t.deepEqual(groups.map(({ service }) => service).sort(), services);
    for (const { service, sentence } of groups) t.true(sentence.includes(`: ${service} starting "sh"`));
  });
