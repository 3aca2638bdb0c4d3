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

for (const [title, a, b, number] of [
  ['the same', {}, {}, 1],
  ['another child FD', { childFd: 20 }, { childFd: 21 }, 1],
  ['another command', { command: 'sh' }, { command: 'ls' }, 1],
  ['another disposition', { disposition: 'closed' }, { disposition: 'passed' }, 1],
  ['another function of the name', { caller: app }, { caller: { ...app, function: 'f' } }, 1],
  ['another line', { caller: app }, { caller: { ...app, line: 4 } }, 2],
  ['another version', { caller: tool }, { caller: { ...tool, version: '2.0.0' } }, 2],
  [
    'the package elsewhere',
    { caller: tool },
    { caller: { ...tool, file: '/srv/node_modules/tool/i.js' } },
    1,
  ],
  ['another app', { caller: app }, { caller: { ...app, file: '/b/a.js' } }, 2],
  ['nobody', { caller: app }, { caller: undefined }, 2],
  ['another kind', { kind: 'stray' }, { kind: 'fd' }, 2],
  ['another file', { target: '/a' }, { target: '/b' }, 2],
  ['another pipe', { target: 'pipe:[1]' }, { target: 'pipe:[2]' }, 1],
  ['another socket', { target: 'socket:[1]' }, { target: 'socket:[22]' }, 1],
  ['a pipe and a socket', { target: 'pipe:[1]' }, { target: 'socket:[1]' }, 2],
  ['its own pid', { target: '/run/a.100.pid', pid: 100 }, { target: '/run/a.200.pid', pid: 200 }, 1],
  ['a number that is no pid', { target: '/run/a.300', pid: 100 }, { target: '/run/a.400', pid: 200 }, 2],
] as ReadonlyArray<readonly [string, Partial<ReportRecord>, Partial<ReportRecord>, number]>) {
  test(`${title}: ${number === 1 ? 'one group' : `${number} groups`}`, t => {
    t.is(groupsOf([a, b]).byCaller.length, number);
  });
}

for (const [target, pattern] of [
  ['/data/LOCK', '/data/LOCK'],
  ['pipe:[8123]', 'pipe:[*]'],
  ['anon_inode:[eventfd:12]', 'anon_inode:[eventfd:*]'],
  ['anon_inode:[eventpoll]', 'anon_inode:[eventpoll]'],
  ['/dev/pts/3', '/dev/pts/*'],
  ['/proc/77/maps', '/proc/*/maps'],
  ['/run/app.4242.sock', '/run/app.*.sock'],
  ['/run/app.42421.sock', '/run/app.42421.sock'],
  ['/data/000031.log', '/data/*.log'],
  ['/data/12345', '/data/12345'],
  ['/tmp/app-Xa3x9Q/db', '/tmp/app-*/db'],
  ['/tmp/app-server/db', '/tmp/app-server/db'],
  ['/home/app-Xa3x9Q/db', '/home/app-Xa3x9Q/db'],
  ['/dev/shm/.chrome.aB3dE6 (deleted)', '/dev/shm/.chrome.* (deleted)'],
  ['/data/0ed4ad2f-8f3e-4e0e-9d2f-0123456789ab.db', '/data/*.db'],
  ['[redacted]', '[redacted]'],
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

for (const [used, expected] of [
  [[undefined, undefined], undefined],
  [[undefined, 'unknown'], 'unknown'],
  [['unknown', false], false],
  [[false, 'unknown'], false],
  [[true, false], true],
  [['unknown', true], true],
  [['likely', 'unknown'], 'likely'],
  [[false, 'likely'], 'likely'],
  [['likely', true], true],
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

for (const [where, processes, exact] of [
  ['a group', 256, true],
  ['a group', 257, false],
  ['a group', 100_000, false],
  ['all', 4096, true],
  ['all', 4097, false],
  ['all', 100_000, false],
] as const) {
  test(`${processes} processes of ${where} are counted ${exact ? 'exactly' : 'up to the limit'}`, t => {
    const pids = Array.from({ length: processes }, (_, n) => ({ pid: n + 1 }));
    // Each process twice: only a new one exceeds the limit.
    const { total, byCaller } = groupsOf([...pids, ...pids]);
    const counted = where === 'all' ? total.processes : byCaller[0]?.processes;
    t.deepEqual(counted, { count: Math.min(processes, where === 'all' ? 4096 : 256), exact });
  });
}
