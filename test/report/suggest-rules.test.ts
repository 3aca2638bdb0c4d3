// From findings to rules: only what was seen being used, in as few rules as say no more than that.

import test from 'ava';
import type { RecordedPlace } from '../../src/findings/fields';
import type { RecordedCaller, ReportRecord } from '../../src/findings/record';
import { parseConfig } from '../../src/policy/parse-config';
import { toPolicy } from '../../src/policy/rule';
import { createGroups } from '../../src/report/aggregate';
import { suggestRules } from '../../src/report/suggest-rules';

const tool: RecordedCaller = {
  package: 'tool',
  version: '1.2.0',
  file: '/app/node_modules/tool/lib/run.js',
  fileInPackage: 'lib/run.js',
  line: 7,
  column: 3,
};

/** A designated pipe at FD 3 that a child used, as an audit saw, unless it says otherwise. */
function record({
  caller,
  ...given
}: Partial<Omit<ReportRecord, 'caller'>> & { caller?: Partial<RecordedCaller> } = {}): ReportRecord {
  return {
    closefds: 1,
    time: '2026-11-24T03:11:38.123Z',
    pid: 123,
    thread: 0,
    mode: 'warn',
    code: 'CLOSEFDS_DESIGNATED',
    effect: 'deny',
    disposition: 'passed',
    kind: 'pipe',
    childFd: 3,
    route: 'spawn',
    command: '/usr/bin/gpg',
    caller: { ...tool, ...caller },
    rule: { source: 'default' },
    used: true,
    use: { verdict: 'used' },
    count: 2,
    ...given,
  };
}

const file = { kind: 'fd', target: '/data/a', type: 'file', access: 'read' } as const;
const stray = { ...file, code: 'CLOSEFDS_STRAY', kind: 'stray', childFd: 20, command: 'sh' } as const;

function proposal(
  records: readonly ReportRecord[],
  rules: readonly object[] = [],
  announced = false,
  acceptLikely = false,
) {
  const groups = createGroups({ asRulesTell: true });
  for (const each of records) groups.add(each);
  const config = parseConfig({ rules }, 'f');
  return suggestRules(groups.result().byCaller, {
    policy: toPolicy({ ...config, compat: [] }, 0),
    announced,
    acceptLikely,
  });
}

/** A package that only passes on the options of what called it. */
const wrapper: RecordedCaller = {
  ...{
    package: 'wrap',
    version: '3.0.0',
    file: '/app/node_modules/wrap/index.js',
    fileInPackage: 'index.js',
  },
  line: 1,
  column: 1,
  forwards: true,
};
const appPlace: RecordedPlace = { package: '.', file: '/app/app.js', fileInPackage: 'app.js', line: 5 };
const wrappedBy = (...calledBy: RecordedPlace[]) => record({ caller: { ...wrapper, calledBy } });

/** A rule without what most have in common. */
const common = { caller: 'tool', range: '^1.2.0', callSite: 'lib/run.js', effect: 'allow' };

const FILE_RULE = { kinds: ['fd'], fds: [3], command: 'gpg', type: 'file', access: 'read' };
const NINE = [...'123456789'];

const cases: readonly (readonly [string, readonly ReportRecord[], readonly object[]])[] = [
  ['nothing', [], []],
  ['a pipe', [record()], [{ ...common, kinds: ['pipe'], fds: [3], command: 'gpg' }]],
  ['no use was seen', [record({ used: 'unknown' })], []],
  ['an audit saw none', [record({ used: false })], []],
  [
    'use became known later',
    [record({ used: 'unknown' }), record({ count: 0 })],
    [{ ...common, kinds: ['pipe'], fds: [3], command: 'gpg' }],
  ],
  [
    'two numbers at one place are one rule',
    [record(), record({ childFd: 4 })],
    [{ ...common, kinds: ['pipe'], fds: [3, 4], command: 'gpg' }],
  ],
  [
    'one of two numbers is used',
    [record(), record({ childFd: 4, used: 'unknown' })],
    [{ ...common, kinds: ['pipe'], fds: [3], command: 'gpg' }],
  ],
  [
    'two commands are two rules',
    [record(), record({ command: 'ssh' })],
    [
      { ...common, kinds: ['pipe'], fds: [3], command: 'gpg' },
      { ...common, kinds: ['pipe'], fds: [3], command: 'ssh' },
    ],
  ],
  [
    'two commands with a number each stay apart',
    [record(), record({ command: 'ssh', childFd: 4 })],
    [
      { ...common, kinds: ['pipe'], fds: [3], command: 'gpg' },
      { ...common, kinds: ['pipe'], fds: [4], command: 'ssh' },
    ],
  ],
  [
    'two versions with a number each stay apart',
    [record(), record({ caller: { version: '2.0.0' }, childFd: 4 })],
    [
      { ...common, kinds: ['pipe'], fds: [3], command: 'gpg' },
      { ...common, range: '^2.0.0', kinds: ['pipe'], fds: [4], command: 'gpg' },
    ],
  ],
  [
    'two files, one for reading and one for writing, are two rules',
    [record(file), record({ ...file, target: '/data/b', access: 'write' })],
    [
      { ...common, ...FILE_RULE, target: '/data/a' },
      { ...common, ...FILE_RULE, target: '/data/b', access: 'write' },
    ],
  ],
  [
    'the variable part of a target is a glob',
    [
      record({ ...file, target: '/tmp/app-Xa3x9Q/log' }),
      record({ ...file, target: '/tmp/app-7Bd0zz/log', pid: 124 }),
    ],
    [{ ...common, ...FILE_RULE, target: '/tmp/app-*/log' }],
  ],
  [
    'more than eight commands with made-up names are one glob',
    NINE.map(n => record({ command: `/build/step-${n}.sh` })),
    [{ ...common, kinds: ['pipe'], fds: [3], command: 'step-*.sh' }],
  ],
  [
    'eight commands are eight rules',
    NINE.slice(1).map(n => record({ command: `/build/step-${n}.sh` })),
    NINE.slice(1).map(n => ({ ...common, kinds: ['pipe'], fds: [3], command: `step-${n}.sh` })),
  ],
  [
    'a glob would allow a command that does not use it',
    [...NINE.map(n => record({ command: `step-${n}.sh` })), record({ command: 'step-x.sh', used: false })],
    NINE.map(n => ({ ...common, kinds: ['pipe'], fds: [3], command: `step-${n}.sh` })),
  ],
  [
    'one of three commands does not use it',
    [record(), record({ command: 'ssh' }), record({ command: '/bin/true', used: 'unknown' })],
    [
      { ...common, kinds: ['pipe'], fds: [3], command: 'gpg' },
      { ...common, kinds: ['pipe'], fds: [3], command: 'ssh' },
    ],
  ],
  [
    'two kinds are two rules',
    [record(), record({ ...file, childFd: 4 })],
    [
      { ...common, ...FILE_RULE, fds: [4], target: '/data/a' },
      { ...common, kinds: ['pipe'], fds: [3], command: 'gpg' },
    ],
  ],
  [
    'two files of a package are two rules',
    [record(), record({ caller: { fileInPackage: 'esm/run.mjs' } })],
    [
      { ...common, kinds: ['pipe'], fds: [3], command: 'gpg', callSite: 'esm/run.mjs' },
      { ...common, kinds: ['pipe'], fds: [3], command: 'gpg' },
    ],
  ],
  [
    'versions',
    [
      record(),
      record({ caller: { version: '1.10.0' } }),
      record({ caller: { version: '2.0.0' } }),
      record({ caller: { version: '0.3.1' } }),
    ],
    [{ ...common, range: '^0.3.1 || ^1.2.0 || ^2.0.0', kinds: ['pipe'], fds: [3], command: 'gpg' }],
  ],
  [
    'the app',
    [record({ caller: { package: '.', version: '1.0.0', fileInPackage: 'server.js' } })],
    [{ caller: '.', kinds: ['pipe'], fds: [3], command: 'gpg', callSite: 'server.js', effect: 'allow' }],
  ],
  [
    'a stray, from two places',
    [record(stray), record({ ...stray, childFd: 21, caller: { line: 9 } })],
    [
      {
        ...common,
        kinds: ['stray'],
        command: 'sh',
        target: '/data/a',
        type: 'file',
        access: 'read',
      },
    ],
  ],
  [
    'a version that is none',
    [record({ caller: { version: 'newest' } })],
    [{ caller: 'tool', kinds: ['pipe'], fds: [3], command: 'gpg', callSite: 'lib/run.js', effect: 'allow' }],
  ],
  [
    'a version that is a range',
    [record({ caller: { version: '1.0.0 || *' } })],
    [{ caller: 'tool', kinds: ['pipe'], fds: [3], command: 'gpg', callSite: 'lib/run.js', effect: 'allow' }],
  ],
  [
    'a package that only passes on options gets a rule for each of its callers',
    [wrappedBy(tool, appPlace), wrappedBy(appPlace)],
    [
      {
        caller: '.',
        via: ['wrap'],
        kinds: ['pipe'],
        fds: [3],
        command: 'gpg',
        callSite: 'app.js',
        effect: 'allow',
      },
      { ...common, via: ['wrap'], kinds: ['pipe'], fds: [3], command: 'gpg' },
    ],
  ],
  [
    'two packages that only pass on options',
    [wrappedBy({ ...tool, forwards: true }, appPlace)],
    [
      {
        caller: '.',
        via: ['wrap', 'tool'],
        kinds: ['pipe'],
        fds: [3],
        command: 'gpg',
        callSite: 'app.js',
        effect: 'allow',
      },
    ],
  ],
  [
    'a package that passes on options, without a caller on the stack',
    [wrappedBy()],
    [
      {
        caller: 'wrap',
        range: '^3.0.0',
        kinds: ['pipe'],
        fds: [3],
        command: 'gpg',
        callSite: 'index.js',
        effect: 'allow',
      },
    ],
  ],
  [
    'a package that sets FDs itself gets the rule, whoever called it',
    [record({ caller: { calledBy: [appPlace] } })],
    [{ ...common, kinds: ['pipe'], fds: [3], command: 'gpg' }],
  ],
  [
    'the file that runs, not that of the source',
    [record({ caller: { source: { file: '/app/run.ts', fileInPackage: 'run.ts', line: 70, column: 3 } } })],
    [{ ...common, kinds: ['pipe'], fds: [3], command: 'gpg' }],
  ],
  ['findings about closefds itself', [{ ...record(), kind: undefined } as unknown as ReportRecord], []],
];

for (const [title, records, expected] of cases) {
  test(`a rule is suggested: ${title}`, t => {
    const { rules } = proposal(records);
    t.deepEqual(rules.map(({ reason, ...rule }) => rule) as unknown, expected as unknown);
    // What is proposed is a config.
    t.notThrows(() => parseConfig({ rules }, 'f'));
    // And says nothing new the second time.
    t.deepEqual(proposal(records, rules).rules, []);
  });
}

test('the order of records does not matter', t => {
  const records = cases.flatMap(([, records]) => records);
  t.deepEqual(proposal(records), proposal([...records].reverse()));
});

for (const [title, given, rules, expected] of [
  ['not used', { used: 'unknown' }, [], { close: 1, denied: 0, unnamed: 0, allowed: 0, rules: 0 }],
  ['denied by a rule', {}, [{ effect: 'deny' }], { close: 0, denied: 1, unnamed: 0, allowed: 0, rules: 0 }],
  [
    'allowed by now',
    {},
    [{ effect: 'allow', reason: 'r' }],
    { close: 0, denied: 0, unnamed: 0, allowed: 1, rules: 0 },
  ],
  [
    'by code without a file',
    { caller: { package: '?' } },
    [],
    { close: 0, denied: 0, unnamed: 1, allowed: 0, rules: 0 },
  ],
  [
    'through a wrapper by code without a file',
    { caller: { ...wrapper, calledBy: [{ package: '?' }] } },
    [],
    { close: 0, denied: 0, unnamed: 1, allowed: 0, rules: 0 },
  ],
  [
    'by what no rule can name',
    { caller: { package: '../tool' } },
    [],
    { close: 0, denied: 0, unnamed: 1, allowed: 0, rules: 0 },
  ],
  [
    'by a folder whose name means anyone',
    { caller: { package: '*' } },
    [],
    { close: 0, denied: 0, unnamed: 1, allowed: 0, rules: 0 },
  ],
  ...[
    ['a call site', { caller: { fileInPackage: '[redacted]' } }],
    ['a command', { command: '[redacted]' }],
    ['the target of a stray', { ...stray, target: '[redacted]' }],
  ].map(
    ([what, given]) =>
      [
        `${what} that is redacted`,
        given as Parameters<typeof record>[0],
        [],
        { close: 0, denied: 0, unnamed: 1, allowed: 0, rules: 0 },
      ] as const,
  ),
  [
    'a call site of which only the folder is redacted',
    { caller: { file: 'lib/run.js' } },
    [],
    { close: 0, denied: 0, unnamed: 0, allowed: 0, rules: 1 },
  ],
  ['a message channel', { kind: 'ipc' }, [], { close: 0, denied: 0, unnamed: 0, allowed: 1, rules: 0 }],
] as const) {
  test(`no rule is suggested: ${title}`, t => {
    const { close, denied, unnamed, allowed, rules: learned } = proposal([record(given)], rules);
    t.deepEqual(
      { close: close.length, denied: denied.length, unnamed: unnamed.length, allowed, rules: learned.length },
      expected,
    );
  });
}

test('what a suggested rule allows without a use is listed apart, and not as closed', t => {
  const otherLine = record({ ...file, caller: { line: 9 }, used: 'unknown' });
  const otherFile = record({ ...file, target: '/data/b', used: 'unknown' });
  const { close, alsoAllowed } = proposal([record(file), otherLine, otherFile]);
  const listed = [close, alsoAllowed].map(all => all.map(({ callSite, what }) => `${callSite}: ${what}`));
  t.deepEqual(listed, [
    ['/app/node_modules/tool/lib/run.js:7: an open FD at 3 (/data/b) for "gpg"'],
    ['/app/node_modules/tool/lib/run.js:9: an open FD at 3 (/data/a) for "gpg"'],
  ]);
});

interface WiderCase {
  readonly title: string;
  readonly records: readonly ReportRecord[];
  readonly wider: readonly string[];
}

const LATER = 'range "^1.2.0": later versions, too (seen: 1.2.0)';

const WIDER: readonly WiderCase[] = [
  {
    title: 'a rule for the app with all that was seen',
    records: [record({ caller: { package: '.', fileInPackage: 'app.js' } })],
    wider: [],
  },
  { title: 'a range of versions', records: [record()], wider: [LATER] },
  {
    title: 'no version',
    records: [record({ caller: { version: 'newest' } })],
    wider: ['any version: no version was found'],
  },
  {
    title: 'the variable part of a target',
    records: [record({ ...file, target: '/tmp/app-Xa3x9Q/log' })],
    wider: [LATER, 'target "/tmp/app-*/log": any target that fits it (seen: /tmp/app-Xa3x9Q/log)'],
  },
  {
    title: 'commands with made-up names',
    records: NINE.map(n => record({ command: `/build/step-${n}.sh` })),
    wider: [
      LATER,
      'command "step-*.sh": any command that fits it (seen: step-1.sh, step-2.sh, step-3.sh and 6 more)',
    ],
  },
  {
    title: 'a name that is a glob itself',
    records: [record({ ...file, target: '/data/why?' })],
    wider: [LATER, 'target "/data/why?": any target that fits it (seen: /data/why?)'],
  },
  {
    title: 'a redacted target',
    records: [record({ ...file, target: '[redacted]' })],
    wider: [LATER, 'any target: it is not in the findings'],
  },
];

for (const { title, records, wider } of WIDER)
  test(`what a rule allows beyond what was seen is listed: ${title}`, t => {
    t.deepEqual(
      proposal(records).wider,
      wider.map(text => ({ list: 'rules', index: 0, text })),
    );
  });

test('findings without a rule are listed by caller, call site and kind', t => {
  t.deepEqual(proposal([record({ used: 'unknown', announcement: '--status-fd 3' })]).close, [
    {
      caller: 'tool@1.2.0',
      callSite: '/app/node_modules/tool/lib/run.js:7',
      what: 'a new pipe at 3 for "gpg"',
      count: 2,
      announcement: '--status-fd 3',
    },
  ]);
});

test('an announcement counts as use only on request', t => {
  const records = [record({ used: 'unknown', announcement: '--status-fd 3' })];
  t.deepEqual(proposal(records, [], false).rules, []);
  t.deepEqual(
    proposal(records, [], true).rules.map(({ reason }) => reason),
    ['no use was seen, announced by "--status-fd 3": 2 spawns, 2026-11-24 (learned)'],
  );
});

test('the reason names the programs that an audit saw, with their versions', t => {
  const cat = { verdict: 'used', program: '/usr/bin/cat', version: '9.1-1' } as const;
  const audited: readonly ReportRecord[] = [
    record({ use: { verdict: 'used', program: '/usr/bin/gpg' } }),
    record({ use: { ...cat, program: '/bin/sh', heirs: [cat] } }),
    record({ used: false, use: { verdict: 'never touched', program: '/usr/bin/ls' } }),
  ];
  t.is(
    proposal(audited).rules[0]?.reason,
    'a child used it (/usr/bin/cat 9.1-1, /usr/bin/gpg): 6 spawns, 2026-11-24 (learned)',
  );
});

function withoutAudit({ use, ...rest }: ReportRecord): ReportRecord {
  return rest;
}

/** A record of a run without an audit. */
const moved = (more: Partial<ReportRecord> = {}) =>
  withoutAudit(record({ ...file, used: 'likely', offsetMoved: 'designated', ...more }));
const MOVED_REASON =
  'likely used, not proved (the offset of the file moved while an asynchronous child had it; this process or another one that shares the file may have moved it): 2 spawns, 2026-11-24 (learned)';

test('an offset that moved gives a rule to review, and --accept-likely takes it', t => {
  const rule = {
    ...{ ...common, ...FILE_RULE, target: '/data/a' },
    reason: MOVED_REASON,
  };
  const before = proposal([moved()]);
  t.deepEqual([before.rules, before.likely, before.close], [[], [rule], []]);
  const after = proposal([moved()], [], false, true);
  t.deepEqual([after.rules, after.likely], [[rule], []]);
});

test('a claimed use without an audit, as older reports have it, is likely and not proved', t => {
  const { rules, likely } = proposal([withoutAudit(record())]);
  t.deepEqual(
    [rules, likely.map(({ reason }) => reason)],
    [[], ['likely used, not proved (the report has no result of an audit): 2 spawns, 2026-11-24 (learned)']],
  );
});

test('an audit that saw no use is in the reason of a likely rule', t => {
  const { likely } = proposal([
    moved({ offsetMoved: 'synchronous' }),
    record({ ...file, used: false, use: { verdict: 'never touched' } }),
  ]);
  t.regex(
    likely[0]?.reason ?? '',
    /synchronous child had it; .*; an audit of another run saw no use \(never touched\)/,
  );
});

test('a proved rule does not widen to a command whose use is only likely', t => {
  const { rules, likely } = proposal([record(file), moved({ command: 'ssh' })]);
  t.deepEqual(
    [rules, likely].map(all => all.map(({ command }) => command)),
    [['gpg'], ['ssh']],
  );
});

test('the reason of a suggested rule is its evidence', t => {
  const [rule] = proposal([record(), record({ time: '2026-12-01T00:00:00.000Z', count: 5 })]).rules;
  t.is(rule?.reason, 'a child used it: 7 spawns, 2026-11-24 to 2026-12-01 (learned)');
});

test('a rule that only reports comes after the others', t => {
  const { rules, before } = proposal([record({ effect: 'warn' })], [{ caller: 'tool', effect: 'warn' }]);
  t.deepEqual([rules.length, before], [1, ['f#/rules/0']]);
});

test('what is not used through a wrapper is listed with the code that asked for it', t => {
  const { close } = proposal([{ ...wrappedBy(tool, appPlace), used: 'unknown' }]);
  t.deepEqual(close, [
    {
      caller: 'wrap@3.0.0',
      callSite: '/app/node_modules/wrap/index.js:1',
      calledBy: 'tool@1.2.0 at /app/node_modules/tool/lib/run.js:7',
      what: 'a new pipe at 3 for "gpg"',
      count: 2,
    },
  ]);
});

/** A site of the app that the scan found. */
const site = (fileInPackage: string, line: number) => ({
  ...{ package: '.', fileInPackage, line, lines: [line], sure: 'certain' },
});

interface ScanCase {
  readonly title: string;
  readonly caller: RecordedCaller;
  readonly unseen: readonly string[];
}

const running = { package: '.', file: '/app/app.ts', fileInPackage: 'app.ts', line: 2, column: 9 };
const source = { file: '/app/app.ts', fileInPackage: 'app.ts', line: 13, column: 3 };
const SITES = [site('app.ts', 2), site('app.ts', 13), site('dist/app.js', 2)];

const SCANS: readonly ScanCase[] = [
  {
    title: 'a finding without a source map is at its own line',
    caller: running,
    unseen: ['app.ts:13', 'dist/app.js:2'],
  },
  {
    title: 'a finding with a source map is at the line of the source',
    caller: { ...running, source },
    unseen: ['app.ts:2', 'dist/app.js:2'],
  },
  {
    title: 'a finding of a built file is at both places',
    caller: { ...running, file: '/app/dist/app.js', fileInPackage: 'dist/app.js', source },
    unseen: ['app.ts:2'],
  },
];

for (const { title, caller, unseen } of SCANS)
  test(`with a scan: ${title}`, t => {
    const groups = createGroups({ asRulesTell: true });
    groups.add({ ...record(), caller });
    const policy = toPolicy({ ...parseConfig({}, 'f'), compat: [] }, 0);
    const found = suggestRules(groups.result().byCaller, { policy, announced: false, sites: SITES });
    t.deepEqual(
      found.unseen.map(({ callSite }) => callSite),
      unseen,
    );
  });
