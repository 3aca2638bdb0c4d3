// Rules that never match, and rules that match too much.

import test from 'ava';
import { type Facts, reviewRules } from '../../src/policy/lint';
import { parseConfig } from '../../src/policy/parse-config';

const FACTS: Facts = {
  now: Date.parse('2026-11-24'),
  installed: new Map([
    ['a', ['1.2.0', '2.0.0']],
    ['known', ['1.0.0']],
  ]),
  compat: [
    {
      caller: 'known',
      range: '>=1.0.0 <=1.5.0',
      kinds: ['pipe'],
      fds: [3, 4],
      effect: 'allow',
      reason: 'its pipe',
      source: 'compat/packages/known.json',
      compat: true,
    },
  ],
  launchers: new Set(['execa']),
  hasCallSite: (_, glob) => (glob === 'dist/*.js' ? undefined : glob !== 'gone.js'),
};

const narrow = { caller: 'a', fds: [3], effect: 'allow', reason: 'r' };

for (const { title, rules, problems } of [
  { title: 'a narrow rule', rules: [narrow], problems: [] },
  { title: 'expired', rules: [{ ...narrow, expires: '2026-11-23' }], problems: ['expired 0'] },
  { title: 'its last day', rules: [{ ...narrow, expires: '2026-11-24' }], problems: ['expiring 0'] },
  {
    title: 'two weeks before its last day',
    rules: [{ ...narrow, expires: '2026-12-07' }],
    problems: ['expiring 0'],
  },
  {
    title: 'more than two weeks before its last day',
    rules: [{ ...narrow, expires: '2026-12-08' }],
    problems: [],
  },
  {
    title: 'a launcher as caller',
    rules: [{ ...narrow, caller: 'execa' }],
    problems: ['unused 0', 'launcher 0'],
  },
  { title: 'a launcher on the way', rules: [{ ...narrow, caller: '.', via: ['a'] }], problems: [] },
  { title: 'a call site that is there', rules: [{ ...narrow, callSite: 'server.js' }], problems: [] },
  {
    title: 'a call site that is not there',
    rules: [{ ...narrow, callSite: 'gone.js' }],
    problems: ['missing 0'],
  },
  {
    title: 'a call site that cannot be looked for',
    rules: [{ ...narrow, callSite: 'dist/*.js' }],
    problems: [],
  },
  {
    title: 'the reason that a warning proposes',
    rules: [{ ...narrow, reason: '...' }],
    problems: ['reason 0'],
  },
  {
    title: 'a reason to be written',
    rules: [{ ...narrow, reason: 'TODO: ask the team' }],
    problems: ['reason 0'],
  },
  { title: 'a reason', rules: [{ ...narrow, reason: 'because gpg writes its status there' }], problems: [] },
  {
    title: 'a denial needs no reason',
    rules: [{ caller: 'a', effect: 'deny', reason: '...' }],
    problems: [],
  },
  { title: 'wide before narrow', rules: [{ ...narrow, fds: [3, 4] }, narrow], problems: ['shadowed 1'] },
  { title: 'anyone before somebody', rules: [{ effect: 'deny' }, narrow], problems: ['shadowed 1'] },
  { title: 'narrow before wide', rules: [narrow, { ...narrow, fds: [3, 4] }], problems: [] },
  { title: 'another kind', rules: [{ effect: 'deny' }, { ...narrow, kinds: ['stray'] }], problems: [] },
  {
    title: 'a range within',
    rules: [
      { ...narrow, range: '^1' },
      { ...narrow, range: '~1.2' },
    ],
    problems: ['shadowed 1'],
  },
  {
    title: 'a range that overlaps',
    rules: [
      { ...narrow, range: '^1' },
      { ...narrow, range: '>=1.2' },
    ],
    problems: [],
  },
  {
    title: 'a glob that fits',
    rules: [
      { ...narrow, command: 'chrom*' },
      { ...narrow, command: 'chrome' },
    ],
    problems: ['shadowed 1'],
  },
  {
    title: 'a glob that may fit',
    rules: [
      { ...narrow, command: 'chrom*' },
      { ...narrow, command: 'chr*' },
    ],
    problems: [],
  },
  {
    title: 'one that ends first',
    rules: [{ ...narrow, fds: [3, 4], expires: '2027-01-01' }, narrow],
    problems: [],
  },
  {
    title: 'one that is over',
    rules: [{ ...narrow, fds: [3, 4], expires: '2020-01-01' }, narrow],
    problems: ['expired 0'],
  },
  { title: 'via is another caller', rules: [narrow, { ...narrow, via: ['known'] }], problems: [] },
  { title: 'via before without', rules: [{ ...narrow, via: ['known'] }, narrow], problems: [] },
  {
    title: 'the same via',
    rules: [
      { ...narrow, via: ['known', 'a'], fds: [3, 4] },
      { ...narrow, via: ['a', 'known'] },
    ],
    problems: ['shadowed 1'],
  },
  {
    title: 'via of which one has more',
    rules: [
      { ...narrow, via: ['known'] },
      { ...narrow, via: ['a', 'known'] },
    ],
    problems: [],
  },
  {
    title: 'anyone before via',
    rules: [{ effect: 'deny' }, { ...narrow, via: ['known'] }],
    problems: ['shadowed 1'],
  },
  {
    title: 'a call site of anyone before via',
    rules: [
      { effect: 'deny', callSite: 'x.js' },
      { ...narrow, via: ['known'], callSite: 'x.js' },
    ],
    problems: [],
  },
  { title: 'via that is not installed', rules: [{ ...narrow, via: ['b'] }], problems: ['unused 0'] },
  {
    title: 'the app through what is not installed',
    rules: [{ ...narrow, caller: '.', via: ['b'] }],
    problems: ['unused 0'],
  },
  { title: 'via, in that range', rules: [{ ...narrow, via: ['known'], range: '^2' }], problems: [] },
  {
    title: 'via, not in that range',
    rules: [{ ...narrow, via: ['known'], range: '^3' }],
    problems: ['unused 0'],
  },
  { title: 'not installed', rules: [{ ...narrow, caller: 'b' }], problems: ['unused 0'] },
  { title: 'not in that range', rules: [{ ...narrow, range: '^3' }], problems: ['unused 0'] },
  { title: 'in that range', rules: [{ ...narrow, range: '^2' }], problems: [] },
  { title: 'the app', rules: [{ ...narrow, caller: '.' }], problems: [] },
  {
    title: 'allowed by the table',
    rules: [{ caller: 'known', range: '1.0.0', kinds: ['pipe'], fds: [3], effect: 'allow', reason: 'r' }],
    problems: ['unused 0'],
  },
  {
    title: 'more than the table',
    rules: [{ caller: 'known', kinds: ['pipe'], fds: [3], effect: 'allow', reason: 'r' }],
    problems: [],
  },
  {
    title: 'denied, for all that the table says',
    rules: [{ caller: 'known', range: '1.0.0', kinds: ['pipe'], effect: 'deny' }],
    problems: [],
  },
  { title: 'everybody', rules: [{ effect: 'allow', fds: [3], reason: 'r' }], problems: ['wide 0'] },
  {
    title: 'any FD for any command',
    rules: [{ caller: 'a', effect: 'allow', reason: 'r' }],
    problems: ['wide 0'],
  },
  {
    title: 'any FD for any command, by globs',
    rules: [{ caller: 'a', command: '*', callSite: '**', effect: 'allow', reason: 'r' }],
    problems: ['wide 0'],
  },
  {
    title: 'one command',
    rules: [{ caller: 'a', command: 'git', callSite: '**', effect: 'allow', reason: 'r' }],
    problems: [],
  },
  {
    title: 'channels alone',
    rules: [{ caller: 'a', kinds: ['ipc'], effect: 'allow', reason: 'r' }],
    problems: [],
  },
  {
    title: 'any stray',
    rules: [{ caller: 'a', kinds: ['stray'], effect: 'allow', reason: 'r' }],
    problems: ['wide 0'],
  },
  {
    title: 'any stray, by a glob',
    rules: [{ caller: 'a', kinds: ['stray'], target: '/**', effect: 'allow', reason: 'r' }],
    problems: ['wide 0'],
  },
  {
    title: 'one stray',
    rules: [{ caller: 'a', kinds: ['stray'], target: '/run/*.sock', effect: 'allow', reason: 'r' }],
    problems: [],
  },
  { title: 'wide, but it denies', rules: [{ effect: 'deny', kinds: ['stray'] }], problems: [] },
] as const) {
  test(`the review of a config tells: ${title}`, t => {
    const remarks = reviewRules(parseConfig({ rules }, 'f').rules, FACTS);
    t.deepEqual(
      remarks.map(({ problem, source }) => `${problem} ${source.replace('f#/rules/', '')}`),
      [...problems],
    );
  });
}

test('a rule is not called unused where the installed packages were not read', t => {
  const { rules } = parseConfig({ rules: [{ ...narrow, caller: 'b' }] }, 'f');
  t.deepEqual(reviewRules(rules, { ...FACTS, installed: undefined }), []);
});
