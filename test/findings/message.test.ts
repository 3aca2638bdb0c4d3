// Findings as sentences, and the page that explains them.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {
  FINDING_CODES,
  type Finding,
  type FindingCode,
  type SelfFinding,
  type SpawnFinding,
} from '../../src/findings/finding';
import { DOCUMENTATION, type Told, toAdvice, toMessage, toRefusal } from '../../src/findings/message';
import { ROOT } from '../support/run';
import { caller } from '../support/values';

const app = caller({ file: '/app/server.js', line: 3, column: 5, fileInPackage: 'server.js' });
const tsx = caller({
  name: 'tsx',
  version: '4.6.0',
  file: '/app/node_modules/tsx/cli.mjs',
  line: 1,
  column: 2,
});

const tool = caller({
  name: 'tool',
  version: '2.0.0',
  file: '/app/node_modules/tool/run.js',
  line: 8,
  column: 9,
});
const wrap = caller({
  name: 'wrap',
  version: '1.0.0',
  file: '/app/node_modules/wrap/index.js',
  forwards: true,
});
const source = { fileInPackage: 'server.ts', line: 30, column: 4 };

const DEFAULT = { source: 'default', reason: 'no rule allows it' };

function stray(given: Partial<SpawnFinding> = {}): SpawnFinding {
  return {
    code: 'CLOSEFDS_STRAY',
    mode: 'enforce',
    effect: 'deny',
    disposition: 'closed',
    kind: 'stray',
    childFd: 20,
    sourceFd: 20,
    target: '/data/LOCK',
    type: 'file',
    access: 'both',
    atStart: false,
    route: 'spawn',
    command: 'sh',
    caller: app,
    rule: DEFAULT,
    announcement: undefined,
    ...given,
  };
}

const nothing = { target: undefined, type: undefined, access: undefined, sourceFd: undefined };

function designated(given: Partial<SpawnFinding> = {}): SpawnFinding {
  return stray({ code: 'CLOSEFDS_DESIGNATED', kind: 'pipe', childFd: 3, ...nothing, ...given });
}

function unverified(given: Partial<SpawnFinding> = {}): SpawnFinding {
  const rule = { source: 'compat/packages/tsx.json', reason: 'the watcher', knownUpTo: '4.5.0' };
  return designated({
    code: 'CLOSEFDS_UNVERIFIED',
    effect: 'warn',
    disposition: 'passed',
    caller: tsx,
    rule,
    ...given,
  });
}

function unsafe(given: Partial<SpawnFinding> = {}): SpawnFinding {
  return stray({
    code: 'CLOSEFDS_UNSAFE',
    disposition: 'passed',
    rule: { source: 'unsafe()', reason: 'reviewed' },
    ...given,
  });
}

function candidate(given: Partial<SpawnFinding> = {}): SpawnFinding {
  return designated({
    code: 'CLOSEFDS_CANDIDATE',
    effect: 'allow',
    disposition: 'passed',
    rule: { source: 'closefds.json#/rules/0', reason: 'the worker reads it' },
    candidate: {
      effect: 'deny',
      disposition: 'closed',
      rule: { source: 'default', reason: 'no rule allows it' },
    },
    ...given,
  });
}

function self(code: SelfFinding['code'], what = 'something happened'): SelfFinding {
  return { code, mode: 'enforce', what };
}

// A Record, so that a code without an example does not compile.
const EXAMPLES: Readonly<Record<FindingCode, Finding>> = {
  CLOSEFDS_STRAY: stray(),
  CLOSEFDS_DESIGNATED: designated(),
  CLOSEFDS_UNVERIFIED: unverified(),
  CLOSEFDS_UNSAFE: unsafe(),
  CLOSEFDS_CANDIDATE: candidate(),
  CLOSEFDS_STAND_IN: self('CLOSEFDS_STAND_IN'),
  CLOSEFDS_UNGUARDED: self('CLOSEFDS_UNGUARDED'),
  CLOSEFDS_DEEP_PARTIAL: self('CLOSEFDS_DEEP_PARTIAL'),
  CLOSEFDS_RULE_EXPIRED: self('CLOSEFDS_RULE_EXPIRED'),
  CLOSEFDS_RUNTIME: self('CLOSEFDS_RUNTIME'),
  CLOSEFDS_LATE_SETTING: self('CLOSEFDS_LATE_SETTING'),
  CLOSEFDS_SECOND_COPY: self('CLOSEFDS_SECOND_COPY'),
  CLOSEFDS_REPORT_FAILED: self('CLOSEFDS_REPORT_FAILED'),
  CLOSEFDS_INTERNAL_ERROR: self('CLOSEFDS_INTERNAL_ERROR'),
};

test('the list of codes is the type', t => {
  t.deepEqual([...FINDING_CODES].sort(), Object.keys(EXAMPLES).sort());
});

test('the page has one heading for each code, and no other', t => {
  const page = readFileSync(path.join(ROOT, DOCUMENTATION), 'utf8');
  const headings = [...page.matchAll(/^## `?(\S+?)`?$/gm)].map(([, heading = '']) => heading);
  t.deepEqual(headings.sort(), [...FINDING_CODES].sort());
});

for (const code of FINDING_CODES) {
  test(`${code}: the advice is about it and names its place in the page`, t => {
    t.true(toAdvice([EXAMPLES[code]]).endsWith(`See docs/findings.md#${code.toLowerCase()} in the package.`));
    t.notRegex(toAdvice([EXAMPLES[code]]), /undefined|null|NaN/);
    t.notRegex(toMessage([EXAMPLES[code]]), /undefined|null|NaN|\n/);
  });
}

const BY_APP = 'the app starting "sh" with spawn() at /app/server.js:3:5';

for (const { name, finding, message } of [
  {
    name: 'a stray',
    finding: stray(),
    message: `stray FD 20 (file /data/LOCK, read-write, opened since start) was closed: ${BY_APP}`,
  },
  {
    name: 'inherited',
    finding: stray({ atStart: true, access: 'read' }),
    message: `stray FD 20 (file /data/LOCK, read-only, inherited at start) was closed: ${BY_APP}`,
  },
  {
    name: 'a target that is no path names the type itself',
    finding: stray({ target: 'pipe:[8123]', type: 'pipe', access: 'write' }),
    message: `stray FD 20 (pipe:[8123], write-only, opened since start) was closed: ${BY_APP}`,
  },
  {
    name: 'a stray nobody can describe',
    finding: stray({ ...nothing }),
    message: `stray FD 20 (opened since start) was closed: ${BY_APP}`,
  },
  {
    name: 'passed',
    finding: stray({ disposition: 'passed' }),
    message: `stray FD 20 (file /data/LOCK, read-write, opened since start) passes to the child: ${BY_APP}`,
  },
  {
    name: 'refused',
    finding: stray({ disposition: 'refused' }),
    message: `stray FD 20 (file /data/LOCK, read-write, opened since start) is not allowed: ${BY_APP}`,
  },
  {
    name: 'a version newer than the table knows',
    finding: unverified(),
    message:
      'designated FD 3 (a new pipe) passes to the child: tsx@4.6.0 starting "sh" with spawn() at /app/node_modules/tsx/cli.mjs:1:2; tsx is known up to 4.5.0',
  },
  {
    name: 'the same, denied by the config',
    finding: unverified({ effect: 'deny', disposition: 'closed' }),
    message:
      'designated FD 3 (a new pipe) was closed: tsx@4.6.0 starting "sh" with spawn() at /app/node_modules/tsx/cli.mjs:1:2; tsx is known up to 4.5.0',
  },
  {
    name: 'a version older than the table knows',
    finding: designated({
      caller: { ...tsx, version: '3.0.0' },
      rule: { ...DEFAULT, knownIn: ['>=3.12.0 <=4.5.0'] },
    }),
    message:
      'designated FD 3 (a new pipe) was closed: tsx@3.0.0 starting "sh" with spawn() at /app/node_modules/tsx/cli.mjs:1:2; tsx is known from 3.12.0 to 4.5.0',
  },
  {
    name: 'a version between those that the table knows',
    finding: designated({
      caller: tsx,
      rule: { ...DEFAULT, knownIn: ['>=3.12.0 <4.0.0', '>=5.0.0 <=5.1.0'] },
    }),
    message:
      'designated FD 3 (a new pipe) was closed: tsx@4.6.0 starting "sh" with spawn() at /app/node_modules/tsx/cli.mjs:1:2; tsx is known from 3.12.0 to before 4.0.0 and from 5.0.0 to 5.1.0',
  },
  {
    name: 'a stray of a known package',
    finding: stray({ opener: { package: 'lmdb', version: '3.5.6', source: 'compat/packages/lmdb.json' } }),
    message: `stray FD 20 (file /data/LOCK, read-write, opened since start, most likely by lmdb@3.5.6) was closed: ${BY_APP}`,
  },
  {
    name: 'a new pipe',
    finding: designated(),
    message: `designated FD 3 (a new pipe) was closed: ${BY_APP}`,
  },
  {
    name: 'ipc',
    finding: designated({ kind: 'ipc' }),
    message: `designated FD 3 (the message channel) was closed: ${BY_APP}`,
  },
  {
    name: 'an open FD under another number',
    finding: designated({ kind: 'fd', sourceFd: 18, target: '/tmp/log', type: 'file', access: 'write' }),
    message: `designated FD 3 (file /tmp/log, write-only, FD 18 here) was closed: ${BY_APP}`,
  },
  {
    name: 'an open FD under its own number',
    finding: designated({ kind: 'fd', sourceFd: 3, target: '/tmp/log', type: 'file', access: 'write' }),
    message: `designated FD 3 (file /tmp/log, write-only) was closed: ${BY_APP}`,
  },
  {
    name: 'an FD of which nothing is known',
    finding: designated({ kind: 'fd' }),
    message: `designated FD 3 (an open FD) was closed: ${BY_APP}`,
  },
  {
    name: 'a package',
    finding: designated({ caller: tsx }),
    message:
      'designated FD 3 (a new pipe) was closed: tsx@4.6.0 starting "sh" with spawn() at /app/node_modules/tsx/cli.mjs:1:2',
  },
  {
    name: 'through launchers',
    finding: designated({ caller: { ...app, launchers: ['cross-spawn', 'execa'] } }),
    message: `designated FD 3 (a new pipe) was closed: ${BY_APP}, through cross-spawn, execa`,
  },
  {
    name: 'a package that was called by another, through a launcher',
    finding: designated({ caller: { ...tsx, launchers: ['execa'], calledBy: [tool, app] } }),
    message:
      'designated FD 3 (a new pipe) was closed: tsx@4.6.0 starting "sh" with spawn() at /app/node_modules/tsx/cli.mjs:1:2, through execa, called by tool@2.0.0 at /app/node_modules/tool/run.js:8:9',
  },
  {
    name: 'a place with a source',
    finding: designated({ caller: { ...app, source: { ...source, file: '/app/server.ts' }, calledBy: [] } }),
    message:
      'designated FD 3 (a new pipe) was closed: the app starting "sh" with spawn() at /app/server.ts:30:4',
  },
  {
    name: 'an outer place with a source',
    finding: designated({
      caller: { ...tsx, calledBy: [{ ...app, source: { ...source, file: '/app/server.ts' } }] },
    }),
    message:
      'designated FD 3 (a new pipe) was closed: tsx@4.6.0 starting "sh" with spawn() at /app/node_modules/tsx/cli.mjs:1:2, called by the app at /app/server.ts:30:4',
  },
  {
    name: 'an npm alias',
    finding: designated({ caller: { ...tsx, name: 'runner', declaredName: 'tsx' } }),
    message:
      'designated FD 3 (a new pipe) was closed: runner@4.6.0 (package "tsx") starting "sh" with spawn() at /app/node_modules/tsx/cli.mjs:1:2',
  },
  {
    name: 'code without a file',
    finding: designated({ caller: caller({ name: '?' }) }),
    message: 'designated FD 3 (a new pipe) was closed: code without a file starting "sh" with spawn()',
  },
  {
    name: 'nobody',
    finding: designated({ caller: undefined, route: 'execFileSync' }),
    message: 'designated FD 3 (a new pipe) was closed: an unknown caller starting "sh" with execFileSync()',
  },
  {
    name: 'announced',
    finding: designated({ announcement: '--status-fd 3' }),
    message: `designated FD 3 (a new pipe) was closed: ${BY_APP}; announced to the child by "--status-fd 3"`,
  },
  {
    name: 'a target that is redacted',
    finding: stray({ target: '[redacted]' }),
    message: `stray FD 20 (file [redacted], read-write, opened since start) was closed: ${BY_APP}`,
  },
  {
    name: 'a candidate that differs',
    finding: candidate(),
    message: `designated FD 3 (a new pipe) passes to the child: ${BY_APP}; the candidate policy would close it`,
  },
  {
    name: 'a candidate that lets pass what is closed',
    finding: designated({
      candidate: {
        effect: 'allow',
        disposition: 'passed',
        rule: { source: 'f#/candidate/rules/0', reason: 'r' },
      },
    }),
    message: `designated FD 3 (a new pipe) was closed: ${BY_APP}; the candidate policy would let it pass`,
  },
  {
    name: 'a candidate that agrees',
    finding: candidate({ code: 'CLOSEFDS_DESIGNATED', disposition: 'closed' }),
    message: `designated FD 3 (a new pipe) was closed: ${BY_APP}`,
  },
  {
    name: 'unsafe()',
    finding: unsafe(),
    message: `unsafe() passed stray FD 20 (file /data/LOCK, read-write, opened since start): ${BY_APP}`,
  },
  {
    name: 'unsafe() with nothing to pass',
    finding: unsafe({ kind: undefined, childFd: undefined, ...nothing }),
    message: `unsafe() was used: ${BY_APP}`,
  },
  {
    name: 'a file and a command that would forge lines, or steer a terminal',
    finding: stray({ target: '/tmp/a\n(node:1) [CLOSEFDS_STRAY]\x1b[2J', command: 'sh\r' }),
    message: `stray FD 20 (file /tmp/a\\x0a(node:1) [CLOSEFDS_STRAY]\\x1b[2J, read-write, opened since start) was closed: ${BY_APP.replace('"sh"', '"sh\\x0d"')}`,
  },
  {
    name: 'about closefds itself',
    finding: self('CLOSEFDS_UNGUARDED', 'stray FDs reach children'),
    message: 'stray FDs reach children',
  },
] as const) {
  test(`message: ${name}`, t => t.is(toMessage([finding]), message));
}

const UNNAMED =
  'The caller is unknown, so no rule can name it. Only a rule without "caller" can allow this, for every caller.';

for (const { name, finding, advice } of [
  {
    name: 'a stray by default',
    finding: stray(),
    advice:
      'No call designated it. If the child needs it, designate it with withFds(), or allow it in closefds.json:\n  {"rules":[{"caller":".","kinds":["stray"],"target":"/data/LOCK","effect":"allow","reason":"..."}]}',
  },
  {
    name: 'a stray of a package, whose target differs each time',
    finding: stray({ caller: tsx, target: 'socket:[77]', type: 'socket' }),
    advice:
      'No call designated it. If the child needs it, allow it in closefds.json:\n  {"rules":[{"caller":"tsx","kinds":["stray"],"target":"socket:[*]","effect":"allow","reason":"..."}]}',
  },
  {
    name: 'a stray whose target is redacted',
    finding: stray({ target: '[redacted]' }),
    advice:
      'No call designated it. If the child needs it, designate it with withFds(), or allow it in closefds.json:\n  {"rules":[{"caller":".","kinds":["stray"],"type":"file","effect":"allow","reason":"..."}]}',
  },
  {
    name: 'a stray of an unknown caller',
    finding: stray({ caller: undefined }),
    advice: `No call designated it. ${UNNAMED}`,
  },
  {
    name: 'designated, by default',
    finding: designated(),
    advice:
      'If the child needs it, designate it with withFds(), or allow it in closefds.json:\n  {"rules":[{"caller":".","kinds":["pipe"],"fds":[3],"effect":"allow","reason":"..."}]}',
  },
  {
    name: 'designated by a package',
    finding: designated({ caller: tsx, kind: 'fd', childFd: 4 }),
    advice:
      'If the child needs it, allow it in closefds.json:\n  {"rules":[{"caller":"tsx","kinds":["fd"],"fds":[4],"effect":"allow","reason":"..."}]}',
  },
  {
    name: 'designated by a package that another one called',
    finding: designated({ caller: { ...tsx, calledBy: [tool, app] } }),
    advice:
      'If the child needs it, allow it in closefds.json:\n  {"rules":[{"caller":"tsx","kinds":["pipe"],"fds":[3],"effect":"allow","reason":"..."}]}',
  },
  {
    name: 'designated through a package that only passes on options',
    finding: designated({ caller: { ...wrap, calledBy: [tool, app] } }),
    advice:
      'If the child needs it, allow it in closefds.json:\n  {"rules":[{"caller":"tool","via":["wrap"],"kinds":["pipe"],"fds":[3],"effect":"allow","reason":"..."}]}\nwrap only passes on the options of its caller; a rule for it alone would allow this for every package.',
  },
  {
    name: 'designated by the app through two packages that only pass on options',
    finding: designated({ caller: { ...wrap, calledBy: [{ ...tool, forwards: true }, app] } }),
    advice:
      'If the child needs it, designate it with withFds(), or allow it in closefds.json:\n  {"rules":[{"caller":".","via":["wrap","tool"],"kinds":["pipe"],"fds":[3],"effect":"allow","reason":"..."}]}\nwrap and tool only pass on the options of their caller; a rule for them alone would allow this for every package.',
  },
  {
    name: 'a channel, which fork() makes without options',
    finding: designated({ caller: { ...wrap, calledBy: [tool, app] }, kind: 'ipc' }),
    advice:
      'If the child needs it, allow it in closefds.json:\n  {"rules":[{"caller":"wrap","kinds":["ipc"],"fds":[3],"effect":"allow","reason":"..."}]}',
  },
  { name: 'designated by nobody', finding: designated({ caller: undefined }), advice: UNNAMED },
  {
    name: 'designated by code without a file',
    finding: designated({ caller: caller({ name: '?' }) }),
    advice: UNNAMED,
  },
  {
    name: 'denied by a rule with a reason',
    finding: stray({ rule: { source: 'closefds.json#/rules/0', reason: 'never the lock' } }),
    advice: 'Denied by closefds.json#/rules/0: never the lock.',
  },
  {
    name: 'denied by a rule without one',
    finding: stray({ rule: { source: 'closefds.json#/rules/0', reason: undefined } }),
    advice: 'Denied by closefds.json#/rules/0.',
  },
  {
    name: 'effect warn',
    finding: stray({
      effect: 'warn',
      disposition: 'passed',
      rule: { source: 'closefds.json#/rules/1', reason: 'r' },
    }),
    advice: 'A rule lets it pass and asks for this report: closefds.json#/rules/1.',
  },
  { name: 'unsafe()', finding: unsafe(), advice: 'Reason given: reviewed.' },
  {
    name: 'a rule that expired',
    finding: self('CLOSEFDS_RULE_EXPIRED'),
    advice: 'Renew the rule or remove it.',
  },
  {
    name: 'an error of our own',
    finding: self('CLOSEFDS_INTERNAL_ERROR'),
    advice:
      'This is a bug in closefds. FDs that it could not judge were denied, except in mode "warn". Please report it.',
  },
  {
    name: 'another runtime',
    finding: self('CLOSEFDS_RUNTIME'),
    advice: 'Use Node.js where you need all that closefds guarantees.',
  },
  {
    name: 'a setting that came late',
    finding: self('CLOSEFDS_LATE_SETTING'),
    advice: 'Set it where Node is started: in the environment, with --env-file, or as CLOSEFDS_CONFIG.',
  },
  { name: 'a second copy', finding: self('CLOSEFDS_SECOND_COPY'), advice: 'Load one copy, by one preload.' },
  {
    name: 'unguarded',
    finding: self('CLOSEFDS_UNGUARDED'),
    advice: 'Run `npx closefds doctor` to see what is missing.',
  },
  {
    name: 'the fallback guard',
    finding: self('CLOSEFDS_STAND_IN'),
    advice: 'Run `npx closefds doctor` to see what is missing.',
  },
] as const) {
  test(`advice: ${name}`, t => {
    const see = `See docs/findings.md#${finding.code.toLowerCase()} in the package.`;
    t.is(toAdvice([finding]), `${advice}${'route' in finding ? '\n' : ' '}${see}`);
  });
}

interface Group {
  readonly title: string;
  readonly findings: Told;
  readonly message: string;
  readonly advice: string;
}

const pipes = [3, 4].map(childFd => designated({ childFd })) as [SpawnFinding, SpawnFinding];
const SEE_DESIGNATED = 'See docs/findings.md#closefds_designated in the package.';
const SEE_STRAY = 'See docs/findings.md#closefds_stray in the package.';

const GROUPS: readonly Group[] = [
  {
    title: 'two slots of one call',
    findings: [
      designated({ caller: tsx, announcement: '--status-fd 3' }),
      designated({ caller: tsx, kind: 'fd', childFd: 4, sourceFd: 18, target: '/tmp/log', type: 'file' }),
    ],
    message:
      'designated FDs 3 and 4 were closed: tsx@4.6.0 starting "sh" with spawn() at /app/node_modules/tsx/cli.mjs:1:2',
    advice: `  FD 3: a new pipe; announced to the child by "--status-fd 3"
  FD 4: file /tmp/log, FD 18 here
If the child needs them, allow them in closefds.json:
  {"rules":[{"caller":"tsx","kinds":["pipe","fd"],"fds":[3,4],"effect":"allow","reason":"..."}]}
${SEE_DESIGNATED}`,
  },
  {
    title: 'one that a rule denies, and one that none is about',
    findings: [pipes[0], { ...pipes[1], rule: { source: 'f#/rules/0', reason: 'no' } }],
    message: `designated FDs 3 and 4 were closed: ${BY_APP}`,
    advice: `  FD 3: a new pipe
  FD 4: a new pipe
Denied by f#/rules/0: no.
If the child needs it, designate it with withFds(), or allow it in closefds.json:
  {"rules":[{"caller":".","kinds":["pipe"],"fds":[3],"effect":"allow","reason":"..."}]}
${SEE_DESIGNATED}`,
  },
  {
    title: 'strays with two targets',
    findings: [stray(), stray({ childFd: 21 }), stray({ childFd: 22, target: 'pipe:[8]', type: 'pipe' })],
    message: `stray FDs 20, 21 and 22 were closed: ${BY_APP}`,
    advice: `  FD 20: file /data/LOCK, read-write, opened since start
  FD 21: file /data/LOCK, read-write, opened since start
  FD 22: pipe:[8], read-write, opened since start
No call designated them. If the child needs them, designate them with withFds(), or allow them in closefds.json:
  {"rules":[{"caller":".","kinds":["stray"],"target":"/data/LOCK","effect":"allow","reason":"..."},{"caller":".","kinds":["stray"],"target":"pipe:[*]","effect":"allow","reason":"..."}]}
${SEE_STRAY}`,
  },
  {
    title: 'more strays than are listed, and a finding that stands for thousands',
    findings: [
      stray({ childFd: 20, target: '/a0' }),
      ...Array.from({ length: 11 }, (_, index) => stray({ childFd: 21 + index, target: `/a${index + 1}` })),
      stray({ childFd: 40, target: '/b', more: 9899 }),
    ],
    message: `stray FDs 20, 21, 22, 23, 24, 25, 26, 27, 28, 29 and 9,902 more were closed: ${BY_APP}`,
    advice: `${Array.from({ length: 10 }, (_, index) => `  FD ${20 + index}: file /a${index}, read-write, opened since start`).join('\n')}
  and 2 more
  FD 40 and 9,899 more: file /b, read-write, opened since start
No call designated them. If the child needs them, designate them with withFds(), or allow them in closefds.json; "npx closefds learn" writes the rules from a report file.
${SEE_STRAY}`,
  },
];

for (const { title, findings, message, advice } of GROUPS) {
  test(`the findings of one spawn make one message: ${title}`, t => {
    t.is(toMessage(findings), message);
    t.is(toAdvice(findings), advice);
  });
}

for (const { name, findings, refusal } of [
  {
    name: 'one FD',
    findings: [designated({ disposition: 'refused' })],
    refusal: `closefds refused to start "sh": one FD is not allowed
  designated FD 3 (a new pipe) is not allowed: ${BY_APP}
    If the child needs it, designate it with withFds(), or allow it in closefds.json:
      {"rules":[{"caller":".","kinds":["pipe"],"fds":[3],"effect":"allow","reason":"..."}]}`,
  },
  {
    name: 'two FDs',
    findings: [
      designated({ disposition: 'refused', rule: { source: 'f#/rules/0', reason: 'no' } }),
      designated({ disposition: 'refused', childFd: 4, rule: { source: 'f#/rules/0', reason: 'no' } }),
    ],
    refusal: `closefds refused to start "sh": 2 FDs are not allowed
  designated FD 3 (a new pipe) is not allowed: ${BY_APP}
    Denied by f#/rules/0: no.
  designated FD 4 (a new pipe) is not allowed: ${BY_APP}
    Denied by f#/rules/0: no.`,
  },
] as const) {
  test(`refusal: ${name}`, t => t.is(toRefusal(findings), refusal));
}

test('refusal: a command and a file that would forge lines', t => {
  const forged = toRefusal([stray({ disposition: 'refused', target: '/a\nb', command: 'sh\n' })]);
  t.is(forged.split('\n').length, 4);
});
