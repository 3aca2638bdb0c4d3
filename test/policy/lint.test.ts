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

for (const [title, rules, problems] of [
  ['a narrow rule', [narrow], []],
  ['expired', [{ ...narrow, expires: '2026-11-23' }], ['expired 0']],
  ['its last day', [{ ...narrow, expires: '2026-11-24' }], ['expiring 0']],
  ['two weeks before its last day', [{ ...narrow, expires: '2026-12-07' }], ['expiring 0']],
  ['more than two weeks before its last day', [{ ...narrow, expires: '2026-12-08' }], []],
  ['a launcher as caller', [{ ...narrow, caller: 'execa' }], ['unused 0', 'launcher 0']],
  ['a launcher on the way', [{ ...narrow, caller: '.', via: ['a'] }], []],
  ['a call site that is there', [{ ...narrow, callSite: 'server.js' }], []],
  ['a call site that is not there', [{ ...narrow, callSite: 'gone.js' }], ['missing 0']],
  ['a call site that cannot be looked for', [{ ...narrow, callSite: 'dist/*.js' }], []],
  ['the reason that a warning proposes', [{ ...narrow, reason: '...' }], ['reason 0']],
  ['a reason to be written', [{ ...narrow, reason: 'TODO: ask the team' }], ['reason 0']],
  ['a reason', [{ ...narrow, reason: 'because gpg writes its status there' }], []],
  ['a denial needs no reason', [{ caller: 'a', effect: 'deny', reason: '...' }], []],
  ['wide before narrow', [{ ...narrow, fds: [3, 4] }, narrow], ['shadowed 1']],
  ['anyone before somebody', [{ effect: 'deny' }, narrow], ['shadowed 1']],
  ['narrow before wide', [narrow, { ...narrow, fds: [3, 4] }], []],
  ['another kind', [{ effect: 'deny' }, { ...narrow, kinds: ['stray'] }], []],
  [
    'a range within',
    [
      { ...narrow, range: '^1' },
      { ...narrow, range: '~1.2' },
    ],
    ['shadowed 1'],
  ],
  [
    'a range that overlaps',
    [
      { ...narrow, range: '^1' },
      { ...narrow, range: '>=1.2' },
    ],
    [],
  ],
  [
    'a glob that fits',
    [
      { ...narrow, command: 'chrom*' },
      { ...narrow, command: 'chrome' },
    ],
    ['shadowed 1'],
  ],
  [
    'a glob that may fit',
    [
      { ...narrow, command: 'chrom*' },
      { ...narrow, command: 'chr*' },
    ],
    [],
  ],
  ['one that ends first', [{ ...narrow, fds: [3, 4], expires: '2027-01-01' }, narrow], []],
  ['one that is over', [{ ...narrow, fds: [3, 4], expires: '2020-01-01' }, narrow], ['expired 0']],
  ['via is another caller', [narrow, { ...narrow, via: ['known'] }], []],
  ['via before without', [{ ...narrow, via: ['known'] }, narrow], []],
  [
    'the same via',
    [
      { ...narrow, via: ['known', 'a'], fds: [3, 4] },
      { ...narrow, via: ['a', 'known'] },
    ],
    ['shadowed 1'],
  ],
  [
    'via of which one has more',
    [
      { ...narrow, via: ['known'] },
      { ...narrow, via: ['a', 'known'] },
    ],
    [],
  ],
  ['anyone before via', [{ effect: 'deny' }, { ...narrow, via: ['known'] }], ['shadowed 1']],
  [
    'a call site of anyone before via',
    [
      { effect: 'deny', callSite: 'x.js' },
      { ...narrow, via: ['known'], callSite: 'x.js' },
    ],
    [],
  ],
  ['via that is not installed', [{ ...narrow, via: ['b'] }], ['unused 0']],
  ['the app through what is not installed', [{ ...narrow, caller: '.', via: ['b'] }], ['unused 0']],
  ['via, in that range', [{ ...narrow, via: ['known'], range: '^2' }], []],
  ['via, not in that range', [{ ...narrow, via: ['known'], range: '^3' }], ['unused 0']],
  ['not installed', [{ ...narrow, caller: 'b' }], ['unused 0']],
  ['not in that range', [{ ...narrow, range: '^3' }], ['unused 0']],
  ['in that range', [{ ...narrow, range: '^2' }], []],
  ['the app', [{ ...narrow, caller: '.' }], []],
  [
    'allowed by the table',
    [{ caller: 'known', range: '1.0.0', kinds: ['pipe'], fds: [3], effect: 'allow', reason: 'r' }],
    ['unused 0'],
  ],
  ['more than the table', [{ caller: 'known', kinds: ['pipe'], fds: [3], effect: 'allow', reason: 'r' }], []],
  [
    'denied, for all that the table says',
    [{ caller: 'known', range: '1.0.0', kinds: ['pipe'], effect: 'deny' }],
    [],
  ],
  ['everybody', [{ effect: 'allow', fds: [3], reason: 'r' }], ['wide 0']],
  ['any FD for any command', [{ caller: 'a', effect: 'allow', reason: 'r' }], ['wide 0']],
  [
    'any FD for any command, by globs',
    [{ caller: 'a', command: '*', callSite: '**', effect: 'allow', reason: 'r' }],
    ['wide 0'],
  ],
  ['one command', [{ caller: 'a', command: 'git', callSite: '**', effect: 'allow', reason: 'r' }], []],
  ['channels alone', [{ caller: 'a', kinds: ['ipc'], effect: 'allow', reason: 'r' }], []],
  ['any stray', [{ caller: 'a', kinds: ['stray'], effect: 'allow', reason: 'r' }], ['wide 0']],
  [
    'any stray, by a glob',
    [{ caller: 'a', kinds: ['stray'], target: '/**', effect: 'allow', reason: 'r' }],
    ['wide 0'],
  ],
  ['one stray', [{ caller: 'a', kinds: ['stray'], target: '/run/*.sock', effect: 'allow', reason: 'r' }], []],
  ['wide, but it denies', [{ effect: 'deny', kinds: ['stray'] }], []],
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
