import test from 'ava';
import { matchesGlob } from '../../src/base/glob';
import type { RecordedCaller, ReportRecord } from '../../src/findings/record';
import { targetPattern } from '../../src/findings/target-pattern';
import { createGroups, type Group, type GroupsOptions } from '../../src/report/aggregate';

const app: RecordedCaller = {
  package: '.',
  file: '/app/a.js',
  fileInPackage: 'a.js',
  line: 3,
  column: 5,
};

const tool: RecordedCaller = {
  package: 'tool',
  version: '1.0.0',
  file: '/app/node_modules/tool/i.js',
  fileInPackage: 'i.js',
  line: 1,
  column: 1,
};

function record(given: Partial<ReportRecord> = {}): ReportRecord {
  return {
    closefds: 1,
    time: '2026-11-24T03:11:38.123Z',
    pid: 123,
    thread: 0,
    mode: 'enforce',
    code: 'CLOSEFDS_STRAY',
    disposition: 'closed',
    kind: 'stray',
    childFd: 20,
    target: '/data/LOCK',
    route: 'spawn',
    command: 'sh',
    caller: app,
    count: 1,
    ...given,
  };
}

function groupsOf(records: ReadonlyArray<Partial<ReportRecord>>, options: GroupsOptions = {}) {
  const groups = createGroups(options);
  for (const given of records) groups.add(record(given));
  return groups.result();
}

// ---------------------------------------------------------------------------------------------
// What counts as one
// ---------------------------------------------------------------------------------------------

for (const { title, a, b, number } of [
  { title: 'the same', a: {}, b: {}, number: 1 },
  { title: 'another child FD', a: { childFd: 20 }, b: { childFd: 21 }, number: 1 },
  { title: 'another command', a: { command: 'sh' }, b: { command: 'ls' }, number: 1 },
  { title: 'another disposition', a: { disposition: 'closed' }, b: { disposition: 'passed' }, number: 1 },
  {
    title: 'another function of the name',
    a: { caller: app },
    b: { caller: { ...app, function: 'f' } },
    number: 1,
  },
  { title: 'another line', a: { caller: app }, b: { caller: { ...app, line: 4 } }, number: 2 },
  { title: 'another version', a: { caller: tool }, b: { caller: { ...tool, version: '2.0.0' } }, number: 2 },
  {
    title: 'the package elsewhere',
    a: { caller: tool },
    b: { caller: { ...tool, file: '/srv/node_modules/tool/i.js' } },
    number: 1,
  },
  { title: 'another app', a: { caller: app }, b: { caller: { ...app, file: '/b/a.js' } }, number: 2 },
  { title: 'nobody', a: { caller: app }, b: { caller: undefined }, number: 2 },
  { title: 'another kind', a: { kind: 'stray' }, b: { kind: 'fd' }, number: 2 },
  { title: 'another file', a: { target: '/a' }, b: { target: '/b' }, number: 2 },
  { title: 'another pipe', a: { target: 'pipe:[1]' }, b: { target: 'pipe:[2]' }, number: 1 },
  { title: 'another socket', a: { target: 'socket:[1]' }, b: { target: 'socket:[22]' }, number: 1 },
  { title: 'a pipe and a socket', a: { target: 'pipe:[1]' }, b: { target: 'socket:[1]' }, number: 2 },
  {
    title: 'its own pid',
    a: { target: '/run/a.100.pid', pid: 100 },
    b: { target: '/run/a.200.pid', pid: 200 },
    number: 1,
  },
  {
    title: 'a number that is no pid',
    a: { target: '/run/a.300', pid: 100 },
    b: { target: '/run/a.400', pid: 200 },
    number: 2,
  },
] as ReadonlyArray<{
  readonly title: string;
  readonly a: Partial<ReportRecord>;
  readonly b: Partial<ReportRecord>;
  readonly number: number;
}>) {
  test(`${title}: ${number === 1 ? 'one group' : `${number} groups`}`, t => {
    t.is(groupsOf([a, b]).byCaller.length, number);
  });
}

for (const { target, pattern } of [
  { target: '/data/LOCK', pattern: '/data/LOCK' },
  { target: 'pipe:[8123]', pattern: 'pipe:[*]' },
  { target: 'anon_inode:[eventfd:12]', pattern: 'anon_inode:[eventfd:*]' },
  { target: 'anon_inode:[eventpoll]', pattern: 'anon_inode:[eventpoll]' },
  { target: '/dev/pts/3', pattern: '/dev/pts/*' },
  { target: '/proc/77/maps', pattern: '/proc/*/maps' },
  { target: '/run/app.4242.sock', pattern: '/run/app.*.sock' },
  { target: '/run/app.42421.sock', pattern: '/run/app.42421.sock' },
  { target: '/data/000031.log', pattern: '/data/*.log' },
  { target: '/data/12345', pattern: '/data/12345' },
  { target: '/tmp/app-Xa3x9Q/db', pattern: '/tmp/app-*/db' },
  { target: '/tmp/app-server/db', pattern: '/tmp/app-server/db' },
  { target: '/home/app-Xa3x9Q/db', pattern: '/home/app-Xa3x9Q/db' },
  { target: '/dev/shm/.chrome.aB3dE6 (deleted)', pattern: '/dev/shm/.chrome.* (deleted)' },
  { target: '/data/0ed4ad2f-8f3e-4e0e-9d2f-0123456789ab.db', pattern: '/data/*.db' },
  { target: '[redacted]', pattern: '[redacted]' },
] as const) {
  test(`the pattern of ${target}`, t => {
    t.is(targetPattern(target, 4242), pattern);
    t.true(matchesGlob(target, pattern));
  });
}

// ---------------------------------------------------------------------------------------------
// What is summed up
// ---------------------------------------------------------------------------------------------

test('a group has its counts, processes and times', t => {
  const { byCaller, total } = groupsOf([
    { count: 2, time: '2026-11-24T03:00:00.000Z' },
    { count: 3, time: '2026-11-23T03:00:00.000Z', pid: 7, disposition: 'passed' },
    { count: 0, time: '2026-11-25T03:00:00.000Z', used: true, use: { verdict: 'used' } },
  ]);
  const seen = {
    count: 5,
    processes: { count: 2, exact: true },
    first: '2026-11-23T03:00:00.000Z',
    last: '2026-11-25T03:00:00.000Z',
  };
  t.like(byCaller[0], {
    ...seen,
    dispositions: {
      values: [
        { value: 'passed', count: 3 },
        { value: 'closed', count: 2 },
      ],
      other: 0,
    },
  });
  t.like(total, { ...seen, records: 3 });
});

test('the same pid of two sources is two processes', t => {
  const groups = createGroups();
  for (const source of [0, 1, 1]) groups.add(record({ pid: 1 }), source);
  t.deepEqual(groups.result().total.processes, { count: 2, exact: true });
});

for (const { used, expected } of [
  { used: [undefined, undefined], expected: undefined },
  { used: [undefined, 'unknown'], expected: 'unknown' },
  { used: ['unknown', false], expected: false },
  { used: [false, 'unknown'], expected: false },
  { used: [true, false], expected: true },
  { used: ['unknown', true], expected: true },
  { used: ['likely', 'unknown'], expected: 'likely' },
  { used: [false, 'likely'], expected: 'likely' },
  { used: ['likely', true], expected: true },
] as const) {
  test(`used ${used.map(String).join(', ')}: ${expected}`, t => {
    const ofAudit = { use: { verdict: 'used' } } as const;
    const records = used.map(used => (used === undefined ? {} : { used, ...(used === true && ofAudit) }));
    t.is(groupsOf(records).byCaller[0]?.used as unknown, expected as unknown);
  });
}

test('used true without an audit: likely', t => {
  t.is(groupsOf([{ used: true }]).byCaller[0]?.used, 'likely');
});

test('findings about closefds itself stand apart, without their pids', t => {
  const given = { code: 'CLOSEFDS_REPORT_FAILED', route: undefined, kind: undefined } as const;
  const { byCaller, bySelf } = groupsOf([
    { ...given, pid: 100, what: '/r/100 cannot be written' },
    { ...given, pid: 200, what: '/r/200 cannot be written' },
  ] as unknown as Partial<ReportRecord>[]);
  t.deepEqual(byCaller, []);
  t.deepEqual(
    bySelf.map(({ code, what, count }) => [code, what, count]),
    [['CLOSEFDS_REPORT_FAILED', '/r/* cannot be written', 2]],
  );
});

test('the order does not depend on the order of the records', t => {
  const records = ['a', 'b', 'c'].flatMap(name =>
    [1, 2, 30].map(line => ({ caller: { ...tool, package: name, line }, command: `${name}${line % 2}` })),
  );
  t.deepEqual(groupsOf(records), groupsOf([...records].reverse()));
});

// ---------------------------------------------------------------------------------------------
// Bounds
// ---------------------------------------------------------------------------------------------

test('records beyond the limit of groups are counted as other', t => {
  const records = [1, 2, 3, 4, 1].map(line => ({ caller: { ...app, line }, count: 10 }));
  const { byCaller, other, total } = groupsOf(records, { mostGroups: 2 });
  const lines = (groups: readonly Group[]) => groups.map(({ caller, count }) => [caller?.line, count]);
  t.deepEqual(lines(byCaller), [
    [1, 20],
    [2, 10],
  ]);
  t.deepEqual(other, { records: 2, count: 20 });
  t.is(total.count, 50);
});

test('records beyond the limit of text are counted as other', t => {
  const records = [1, 2, 3].map(line => ({ caller: { ...app, line }, target: `/${line}`.repeat(1000) }));
  const { byCaller, other } = groupsOf(records, { mostText: 5000 });
  t.is(byCaller.length, 1);
  t.deepEqual(other, { records: 2, count: 2 });
});

test('of many values a group keeps a few, and counts the rest', t => {
  const { byCaller } = groupsOf(Array.from({ length: 100 }, (_, childFd) => ({ childFd })));
  t.is(byCaller[0]?.childFds.values.length, 16);
  t.is(byCaller[0]?.childFds.other, 84);
});

for (const { where, processes, exact } of [
  { where: 'a group', processes: 256, exact: true },
  { where: 'a group', processes: 257, exact: false },
  { where: 'a group', processes: 100_000, exact: false },
  { where: 'all', processes: 4096, exact: true },
  { where: 'all', processes: 4097, exact: false },
  { where: 'all', processes: 100_000, exact: false },
] as const) {
  test(`${processes} processes of ${where} are counted ${exact ? 'exactly' : 'up to the limit'}`, t => {
    const pids = Array.from({ length: processes }, (_, n) => ({ pid: n + 1 }));
    // Each process twice: only a new one exceeds the limit.
    const { total, byCaller } = groupsOf([...pids, ...pids]);
    const counted = where === 'all' ? total.processes : byCaller[0]?.processes;
    t.deepEqual(counted, { count: Math.min(processes, where === 'all' ? 4096 : 256), exact });
  });
}
