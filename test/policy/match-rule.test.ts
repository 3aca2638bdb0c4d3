// The one matcher: yes, no, or unknown where a fact is not known.

import test from 'ava';
import type { Answer, CallFacts, FdFacts } from '../../src/policy/facts';
import { matchRule } from '../../src/policy/match-rule';
import { DENY_ALL, type Rule } from '../../src/policy/rule';

const CALL: CallFacts = {
  program: { file: '/app/bin/job.js', fileInApp: 'bin/job.js' },
  caller: {
    name: 'tsx',
    version: '4.6.0',
    declaredName: undefined,
    file: '/app/node_modules/tsx/dist/cli.mjs',
    fileInPackage: 'dist/cli.mjs',
    launchers: [],
  },
  command: '/usr/bin/chrome',
};

const FD: FdFacts = {
  kind: 'fd',
  childFd: 4,
  target: '/data/LOCK',
  type: 'file',
  access: 'both',
  isNullDevice: false,
  explicit: false,
};

interface Case {
  readonly title: string;
  readonly rule: Partial<Rule>;
  readonly call?: Partial<CallFacts>;
  readonly fd?: Partial<FdFacts>;
  readonly answer: Answer;
}

const caller = { ...CALL.caller } as NonNullable<CallFacts['caller']>;

/** wrap, called by tool, called by the app. */
const wrapped = {
  ...{ name: 'wrap', version: '1.0.0', declaredName: undefined },
  ...{ file: '/app/node_modules/wrap/index.js', fileInPackage: 'index.js', launchers: ['spy'] },
  calledBy: [
    {
      ...{ name: 'tool', version: '2.0.0', declaredName: undefined },
      ...{ file: '/app/node_modules/tool/run.js', fileInPackage: 'run.js' },
    },
    {
      ...{ name: '.', version: undefined, declaredName: undefined },
      ...{ file: '/app/app.js', fileInPackage: 'app.js' },
    },
  ],
};
const unknownOuter = { ...wrapped, launchers: null, calledBy: null };

const VIA_CASES: readonly Case[] = [
  {
    title: 'with via, the caller is the package that called that one',
    rule: { caller: 'tool', via: ['wrap'] },
    call: { caller: wrapped },
    answer: 'yes',
  },
  {
    title: 'with via, range and call site are about that caller',
    rule: { caller: 'tool', via: ['wrap'], range: '^2', callSite: 'run.js' },
    call: { caller: wrapped },
    answer: 'yes',
  },
  {
    title: 'with via, the version of the package on the way does not count',
    rule: { caller: 'tool', via: ['wrap'], range: '^1' },
    call: { caller: wrapped },
    answer: 'no',
  },
  {
    title: 'via can have several packages on the way, in any order',
    rule: { caller: '.', via: ['tool', 'wrap'] },
    call: { caller: wrapped },
    answer: 'yes',
  },
  {
    title: 'via can have a launcher that is known',
    rule: { caller: 'tool', via: ['wrap', 'spy'] },
    call: { caller: wrapped },
    answer: 'yes',
  },
  {
    title: 'via fails if one of its packages is not on the way',
    rule: { caller: 'tool', via: ['wrap', 'other'] },
    call: { caller: wrapped },
    answer: 'no',
  },
  {
    title: 'via fails for a call that its caller makes itself',
    rule: { caller: 'wrap', via: ['tool'] },
    call: { caller: wrapped },
    answer: 'no',
  },
  {
    title: 'via skips no package that it does not name',
    rule: { caller: '.', via: ['wrap'] },
    call: { caller: wrapped },
    answer: 'no',
  },
  {
    title: 'without via, the package on the way is the caller',
    rule: { caller: 'tool' },
    call: { caller: wrapped },
    answer: 'no',
  },
  {
    title: 'via fails where no outer caller is on the stack',
    rule: { caller: 'tool', via: ['tsx'] },
    answer: 'no',
  },
  {
    title: 'via fails for an unknown caller',
    rule: { caller: 'tool', via: ['wrap'] },
    call: { caller: undefined },
    answer: 'no',
  },
  {
    title: 'who called the package on the way may not be known',
    rule: { caller: 'tool', via: ['wrap'] },
    call: { caller: unknownOuter },
    answer: 'unknown',
  },
  {
    title: 'the package may be called through a launcher that is not known',
    rule: { caller: 'wrap', via: ['other'] },
    call: { caller: unknownOuter },
    answer: 'unknown',
  },
  {
    title: 'another package is not the caller, whatever is on the way',
    rule: { caller: 'tool', via: ['other'] },
    call: { caller: unknownOuter },
    answer: 'no',
  },
];

const CASES: readonly Case[] = [
  { title: 'a rule without conditions matches what is designated', rule: {}, answer: 'yes' },
  { title: 'a rule without kinds does not match a stray', rule: {}, fd: { kind: 'stray' }, answer: 'no' },
  { title: 'a known command that fits matches', rule: { command: 'chrome' }, answer: 'yes' },
  {
    title: 'a command that is not known may fit',
    rule: { command: 'chrome' },
    call: { command: null },
    answer: 'unknown',
  },
  {
    title: 'one condition that fails is enough, whatever is not known',
    rule: { command: 'chrome', fds: [3] },
    call: { command: null },
    answer: 'no',
  },
  {
    title: 'a condition that comes after an unknown one still fails',
    rule: { fds: [4], target: '/data/*', type: 'socket' },
    fd: { childFd: null, target: null },
    answer: 'no',
  },
  {
    title: 'a known missing caller matches no name',
    rule: { caller: 'tsx' },
    call: { caller: undefined },
    answer: 'no',
  },
  {
    title: 'a caller that is not known may have the name',
    rule: { caller: 'tsx' },
    call: { caller: null },
    answer: 'unknown',
  },
  {
    title: 'any caller matches "*", known or not',
    rule: { caller: '*' },
    call: { caller: null },
    answer: 'yes',
  },
  {
    title: 'a version that is not known may be in the range',
    rule: { caller: 'tsx', range: '^4' },
    call: { caller: { ...caller, version: null } },
    answer: 'unknown',
  },
  {
    title: 'a missing version is in no range',
    rule: { caller: 'tsx', range: '*' },
    call: { caller: { ...caller, version: undefined } },
    answer: 'no',
  },
  ...VIA_CASES,
  {
    title: 'a call site fits by its path in the package, if the other path is not known',
    rule: { callSite: 'dist/*' },
    call: { caller: { ...caller, file: null } },
    answer: 'yes',
  },
  {
    title: 'a call site may fit by the path that is not known',
    rule: { callSite: 'lib/*' },
    call: { caller: { ...caller, file: null } },
    answer: 'unknown',
  },
  { title: 'a program fits by its path below the app', rule: { script: 'bin/*' }, answer: 'yes' },
  { title: 'another program does not match', rule: { script: 'lib/*' }, answer: 'no' },
  {
    title: 'a program that is not known may fit',
    rule: { script: 'bin/*' },
    call: { program: null },
    answer: 'unknown',
  },
  {
    title: 'code without a program matches no script',
    rule: { script: '**' },
    call: { program: undefined },
    answer: 'no',
  },
  {
    title: 'a target that is known to be missing does not match',
    rule: { target: '**' },
    fd: { target: undefined },
    answer: 'no',
  },
  {
    title: 'the last default matches without any fact',
    rule: DENY_ALL,
    fd: { childFd: null, target: null },
    answer: 'yes',
  },
];

for (const { title, rule, call, fd, answer } of CASES) {
  test(title, t => {
    const full = { effect: 'allow', source: 'r', ...rule } as Rule;
    t.is(matchRule(full, { ...CALL, ...call }, { ...FD, ...fd }, { aliases: {} }), answer);
  });
}

test('a rule of the compat table matches an alias only if the config confirms it', t => {
  const rule: Rule = { caller: 'tsx', compat: true, effect: 'allow', source: 'compat' };
  const call = { ...CALL, caller: { ...caller, name: 'my-tsx', declaredName: 'tsx' } };
  t.is(matchRule(rule, call, FD, { aliases: {} }), 'no');
  t.is(matchRule(rule, call, FD, { aliases: { 'my-tsx': 'tsx' } }), 'yes');
});
