import test from 'ava';
import fc from 'fast-check';
import { matchesGlob } from '../../src/base/glob';
import type { Caller } from '../../src/model/caller';
import { type ChildFd, type SpawnRequest, toRequest, UNKNOWN_FILE } from '../../src/model/spawn-request';
import { toStdio } from '../../src/model/stdio';
import { applyMode } from '../../src/policy/apply-mode';
import { evaluate } from '../../src/policy/evaluate';
import {
  DEFAULT_RULES,
  DENY_ALL,
  EFFECTS,
  KINDS,
  type Policy,
  type Rule,
  toPolicy,
} from '../../src/policy/rule';
import { call, caller, crossing, stray } from '../support/values';

const NOW = Date.parse('2026-11-24T12:00:00Z');

function policyOf(rules: readonly Partial<Rule>[], compat: readonly Rule[] = [], aliases = {}): Policy {
  const full = rules.map((rule, index) => ({ effect: 'allow', source: `rule ${index}`, ...rule }) as Rule);
  return toPolicy({ rules: full, compat, unverified: 'warn', aliases }, NOW);
}

function request(crossings: readonly ChildFd[], command = '/usr/bin/chrome'): SpawnRequest {
  return { call: call({ command }), indexes: new Map(), fds: crossings };
}

function decider(
  rules: readonly Partial<Rule>[],
  one: ChildFd,
  by: Caller | undefined,
  command?: string,
): string {
  return evaluate(request([one], command), by, policyOf(rules)).matches[0]?.rule.source ?? 'none';
}

const pipe = crossing({ kind: 'pipe', childFd: 3 });
const file = crossing({
  kind: 'fd',
  childFd: 4,
  sourceFd: 20,
  file: { target: '/data/db/LOCK', type: 'file', access: 'both', isNullDevice: false },
});
const tsx = caller({
  name: 'tsx',
  version: '4.6.0',
  file: '/app/node_modules/tsx/dist/cli.mjs',
  fileInPackage: 'dist/cli.mjs',
});

for (const { name, rule, one, by, matches } of [
  { name: 'no condition', rule: {}, one: pipe, by: tsx, matches: true },
  { name: 'no condition, unknown caller', rule: {}, one: pipe, by: undefined, matches: true },
  { name: 'no condition speaks of no stray', rule: {}, one: stray(200), by: tsx, matches: false },
  { name: 'kinds stray', rule: { kinds: ['stray'] }, one: stray(200), by: tsx, matches: true },
  { name: 'the caller', rule: { caller: 'tsx' }, one: pipe, by: tsx, matches: true },
  { name: 'another caller', rule: { caller: 'ts' }, one: pipe, by: tsx, matches: false },
  { name: 'anyone', rule: { caller: '*' }, one: pipe, by: undefined, matches: true },
  { name: 'a caller nobody knows', rule: { caller: 'tsx' }, one: pipe, by: undefined, matches: false },
  { name: 'the app', rule: { caller: '.' }, one: pipe, by: caller({}), matches: true },
  { name: 'a package is not the app', rule: { caller: '.' }, one: pipe, by: tsx, matches: false },
  { name: 'the range', rule: { caller: 'tsx', range: '^4.0.0' }, one: pipe, by: tsx, matches: true },
  { name: 'outside the range', rule: { caller: 'tsx', range: '^5.0.0' }, one: pipe, by: tsx, matches: false },
  {
    name: 'a prerelease counts',
    rule: { caller: 'tsx', range: '>=4.0.0' },
    one: pipe,
    by: { ...tsx, version: '5.0.0-beta.1' },
    matches: true,
  },
  {
    name: 'no version, no range',
    rule: { caller: 'tsx', range: '*' },
    one: pipe,
    by: { ...tsx, version: undefined },
    matches: false,
  },
  {
    name: 'a version that is none',
    rule: { caller: 'tsx', range: '*' },
    one: pipe,
    by: { ...tsx, version: 'latest' },
    matches: false,
  },
  { name: 'the child FD', rule: { fds: [4, 3] }, one: pipe, by: tsx, matches: true },
  { name: 'another FD', rule: { fds: [4] }, one: pipe, by: tsx, matches: false },
  { name: 'the command', rule: { command: 'chr*' }, one: pipe, by: tsx, matches: true },
  { name: 'the command by its path', rule: { command: '/usr/**/chrome' }, one: pipe, by: tsx, matches: true },
  { name: 'another command', rule: { command: 'firefox' }, one: pipe, by: tsx, matches: false },
  { name: 'the call site in the package', rule: { callSite: 'dist/*' }, one: pipe, by: tsx, matches: true },
  {
    name: 'the call site as a path',
    rule: { callSite: '/app/**/cli.mjs' },
    one: pipe,
    by: tsx,
    matches: true,
  },
  { name: 'another call site', rule: { callSite: 'lib/*' }, one: pipe, by: tsx, matches: false },
  { name: 'the target', rule: { target: '/data/**' }, one: file, by: tsx, matches: true },
  { name: 'another target', rule: { target: '/data/*' }, one: file, by: tsx, matches: false },
  { name: 'a pipe points to nothing', rule: { target: '**' }, one: pipe, by: tsx, matches: false },
  { name: 'the type', rule: { type: 'file' }, one: file, by: tsx, matches: true },
  { name: 'another type', rule: { type: 'socket' }, one: file, by: tsx, matches: false },
  { name: 'the access', rule: { access: 'both' }, one: file, by: tsx, matches: true },
  { name: 'another access', rule: { access: 'read' }, one: file, by: tsx, matches: false },
  {
    name: 'all of them',
    rule: { caller: 'tsx', kinds: ['fd'], fds: [4], type: 'file' },
    one: file,
    by: tsx,
    matches: true,
  },
  {
    name: 'all but one',
    rule: { caller: 'tsx', kinds: ['fd'], fds: [4], type: 'pipe' },
    one: file,
    by: tsx,
    matches: false,
  },
] as {
  readonly name: string;
  readonly rule: Partial<Rule>;
  readonly one: ChildFd;
  readonly by: Caller | undefined;
  readonly matches: boolean;
}[]) {
  test(`${name}: ${matches ? 'matches' : 'does not match'}`, t => {
    t.is(decider([rule], one, by), matches ? 'rule 0' : 'default');
  });
}

for (const { name, one, effect } of [
  { name: 'a message channel', one: crossing({ kind: 'ipc', childFd: 0 }), effect: 'allow' },
  {
    name: 'what withFds() named',
    one: crossing({ kind: 'fd', childFd: 7, explicit: true }),
    effect: 'allow',
  },
  {
    name: 'the null device',
    one: crossing({ kind: 'fd', childFd: 9, file: { ...UNKNOWN_FILE, isNullDevice: true } }),
    effect: 'allow',
  },
  {
    name: 'a stray null device',
    one: { ...stray(9), file: { ...UNKNOWN_FILE, isNullDevice: true } },
    effect: 'deny',
  },
  { name: 'a pipe', one: pipe, effect: 'deny' },
  { name: 'an FD', one: file, effect: 'deny' },
  { name: 'a stray', one: stray(200), effect: 'deny' },
] as { readonly name: string; readonly one: ChildFd; readonly effect: string }[]) {
  test(`without rules, ${name} has the effect ${effect}`, t => {
    t.is(evaluate(request([one]), tsx, policyOf([])).matches[0]?.effect, effect as never);
  });
}

test('config comes before the compat table, and that before the defaults', t => {
  const compat: Rule = { caller: 'tsx', effect: 'allow', source: 'compat', compat: true };
  const verdict = (rules: Partial<Rule>[]) =>
    evaluate(request([pipe]), tsx, policyOf(rules, [compat])).matches[0]?.rule.source;
  t.is(verdict([{ caller: 'tsx', effect: 'deny' }]), 'rule 0');
  t.is(verdict([{ caller: 'other', effect: 'deny' }]), 'compat');
});

test('an npm alias is what its folder says for the config, and nothing for the compat table unless vouched for', t => {
  const compat: Rule = { caller: 'tsx', effect: 'allow', source: 'compat', compat: true };
  const alias = caller({ name: 'my-tsx', version: '4.6.0', declaredName: 'tsx' });
  const impostor = caller({ name: 'tsx', version: '4.6.0', declaredName: 'evil' });
  const verdict = (by: Caller, rules: Partial<Rule>[], aliases = {}) =>
    evaluate(request([pipe]), by, policyOf(rules, [compat], aliases)).matches[0]?.rule.source;
  t.is(verdict(alias, [{ caller: 'my-tsx' }]), 'rule 0');
  t.is(verdict(alias, [{ caller: 'tsx' }]), 'default');
  t.is(verdict(alias, [], { 'my-tsx': 'tsx' }), 'compat');
  t.is(verdict(alias, [], { 'my-tsx': 'other' }), 'default');
  t.is(verdict(impostor, []), 'default');
});

test('a rule matches through its last day, and is listed as expired after it', t => {
  const expires = '2026-11-24';
  const rule: Rule = { effect: 'allow', expires, source: 'r' };
  const at = (time: string) =>
    toPolicy({ rules: [rule], compat: [], unverified: 'warn', aliases: {} }, Date.parse(time));
  t.deepEqual(at('2026-11-24T23:59:59Z').expired, []);
  t.is(at('2026-11-24T23:59:59Z').validUntil, Date.parse('2026-11-25T00:00:00Z'));
  t.deepEqual(at('2026-11-25T00:00:00Z').expired, [rule]);
  t.deepEqual(at('2026-11-25T00:00:00Z').rules, DEFAULT_RULES);
});

for (const { text, glob, fits } of [
  { text: '/data/a', glob: '/data/*', fits: true },
  { text: '/data/a/b', glob: '/data/*', fits: false },
  { text: '/data/a/b', glob: '/data/**', fits: true },
  { text: '/data/b', glob: '/data/**/b', fits: true },
  { text: '/data/a/c/b', glob: '/data/**/b', fits: true },
  { text: 'pipe:[81]', glob: 'pipe:[*]', fits: true },
  { text: 'pipe:[81]', glob: 'pipe:[8?]', fits: true },
  { text: 'pipe:8', glob: 'pipe:[81]', fits: false },
  { text: 'a+b', glob: 'a+b', fits: true },
  { text: 'aab', glob: 'a+b', fits: false },
  { text: 'a\nb', glob: 'a*b', fits: true },
] as const) {
  test(`glob ${glob} ${fits ? 'fits' : 'does not fit'} ${JSON.stringify(text)}`, t => {
    t.is(matchesGlob(text, glob), fits);
  });
}

// ---------------------------------------------------------------------------------------------
// Properties
// ---------------------------------------------------------------------------------------------

const anyRule = fc.record(
  {
    caller: fc.constantFrom('.', '*', 'a', 'b'),
    kinds: fc.uniqueArray(fc.constantFrom(...KINDS), { minLength: 1 }),
    fds: fc.uniqueArray(fc.integer({ min: 3, max: 6 }), { minLength: 1 }),
    type: fc.constantFrom('file', 'pipe'),
    effect: fc.constantFrom(...EFFECTS),
    reason: fc.constant('r'),
    source: fc.string(),
  },
  { requiredKeys: ['effect', 'source'] },
) as fc.Arbitrary<Rule>;
const anyCrossing = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    childFd: fc.integer({ min: 3, max: 6 }),
    explicit: fc.boolean(),
  })
  .map(crossing);
const anyCaller = fc.option(
  fc.constantFrom('.', 'a', 'b').map(name => caller({ name })),
  { nil: undefined },
);
const seeded = { seed: 20261124, numRuns: 2000 };

function property<T extends [unknown, ...unknown[]]>(
  name: string,
  ...args: Parameters<typeof fc.property<T>>
): void {
  test(name, t => {
    fc.assert(fc.property<T>(...args), seeded);
    t.pass();
  });
}

property(
  'the first rule that matches alone decides',
  fc.array(anyRule),
  fc.array(anyCrossing),
  anyCaller,
  (rules, crossings, by) => {
    const all = toPolicy({ rules, compat: [], unverified: 'warn', aliases: {} }, NOW);
    for (const { fd: one, rule } of evaluate(request(crossings), by, all).matches) {
      const alone = [...rules, ...DEFAULT_RULES].filter(candidate => {
        const policy = {
          rules: [candidate, { ...DENY_ALL, source: 'none' }],
          aliases: {},
          program: null,
          asksWhoCalls: false,
          asksVia: false,
          expired: [],
          validUntil: 0,
        };
        return evaluate(request([one]), by, policy).matches[0]?.rule === candidate;
      });
      if (alone[0] !== rule) return false;
    }
    return true;
  },
);

property(
  'every FD gets exactly one verdict, in order',
  fc.array(anyRule),
  fc.array(anyCrossing),
  anyCaller,
  (rules, all, by) => {
    const { matches: verdicts } = evaluate(request(all), by, policyOf(rules));
    return verdicts.length === all.length && verdicts.every((verdict, i) => verdict.fd === all[i]);
  },
);

property(
  'a denial in front wins over whatever follows',
  fc.array(anyRule),
  fc.array(anyCrossing),
  anyCaller,
  (rules, all, by) => {
    const denied = policyOf([{ kinds: KINDS, effect: 'deny' }, ...rules]);
    return evaluate(request(all), by, denied).matches.every(verdict => verdict.effect === 'deny');
  },
);

property(
  'one FD is judged the same whatever else crosses',
  fc.array(anyRule),
  fc.array(anyCrossing),
  anyCrossing,
  anyCaller,
  (rules, others, one, by) => {
    const alone = evaluate(request([one]), by, policyOf(rules)).matches[0];
    const together = evaluate(request([...others, one]), by, policyOf(rules)).matches.at(-1);
    return alone?.effect === together?.effect && alone?.rule.source === together?.rule.source;
  },
);

property(
  'what enforce closes, strict refuses, and warn reports: the same FDs',
  fc.array(anyRule),
  fc.array(anyCrossing),
  anyCaller,
  (rules, all, by) => {
    const decision = evaluate(request(all), by, policyOf(rules));
    const reported = (mode: 'warn' | 'enforce' | 'strict') =>
      applyMode(decision, mode)
        .filter(outcome => outcome.reported)
        .map(outcome => outcome.match);
    const refused = applyMode(decision, 'strict').filter(outcome => outcome.action === 'refused');
    const closed = applyMode(decision, 'enforce').filter(outcome => outcome.action === 'closed');
    return (
      String(reported('warn')) === String(reported('enforce')) &&
      String(reported('warn')) === String(reported('strict')) &&
      refused.length === closed.length &&
      refused.every((outcome, i) => outcome.match === closed[i]?.match)
    );
  },
);

test('toRequest() is what decide() gets: strays behind slots are not judged twice', t => {
  const made = toRequest(
    call({ stdio: toStdio(['pipe', 'pipe', 'pipe', 'pipe']) }),
    [{ fd: 3, identity: '', atStart: true, file: UNKNOWN_FILE }],
    () => UNKNOWN_FILE,
  );
  t.deepEqual(
    made.fds.map(one => one.kind),
    ['pipe'],
  );
});

for (const unverified of EFFECTS) {
  test(`a version newer than the table knows: "unverified": "${unverified}"`, t => {
    const known: Rule = {
      caller: 'tsx',
      kinds: ['pipe'],
      effect: 'allow',
      reason: 'r',
      source: 'tsx.json',
      compat: true,
    };
    const compat: readonly Rule[] = [
      { ...known, range: '<=4.5.0' },
      { ...known, range: '>4.5.0', effect: 'warn', knownUpTo: '4.5.0' },
    ];
    const policy = toPolicy({ rules: [], compat, unverified, aliases: {} }, NOW);
    const effects = ['4.5.0', '4.6.0'].map(
      version => evaluate(request([pipe]), { ...tsx, version }, policy).matches[0]?.effect,
    );
    t.deepEqual(effects, ['allow', unverified]);
  });
}

for (const { name, given, known } of [
  { name: 'below it', given: { version: '3.0.0' }, known: ['>=3.12.0 <4.0.0', '>=5.0.0 <=5.1.0'] },
  { name: 'in a gap of it', given: { version: '4.0.0' }, known: ['>=3.12.0 <4.0.0', '>=5.0.0 <=5.1.0'] },
  { name: 'without a version', given: { version: undefined }, known: ['>=3.12.0 <4.0.0', '>=5.0.0 <=5.1.0'] },
  { name: 'within it, where it is allowed', given: { version: '5.0.0' }, known: [] },
  { name: 'of another package', given: { version: '3.0.0', name: 'execa' }, known: [] },
  {
    name: 'of an alias that nobody vouched for',
    given: { version: '3.0.0', declaredName: 'tsy' },
    known: [],
  },
] as const) {
  test(`a version outside the known range learns the range: ${name}`, t => {
    const rule: Rule = { caller: 'tsx', kinds: ['pipe'], effect: 'allow', source: 'tsx.json', compat: true };
    const compat: readonly Rule[] = [
      { ...rule, range: '>=3.12.0 <4.0.0' },
      { ...rule, range: '>=5.0.0 <=5.1.0' },
      { ...rule, range: '>5.1.0', effect: 'warn', knownUpTo: '5.1.0' },
      // Knows nothing of pipes.
      { ...rule, kinds: ['fd'], range: '>=1.0.0 <=2.0.0' },
    ];
    const policy = toPolicy({ rules: [], compat, unverified: 'warn', aliases: {} }, NOW);
    t.deepEqual(evaluate(request([pipe]), { ...tsx, ...given }, policy).matches[0]?.knownIn, [...known]);
  });
}

test('a caller that a rule denies is told no range of versions', t => {
  const compat: readonly Rule[] = [
    { caller: 'tsx', range: '>=9.0.0 <=9.1.0', effect: 'allow', source: 'tsx.json', compat: true },
  ];
  const denied: Rule = { effect: 'deny', source: 'closefds.json#/rules/0' };
  const verdict = (rules: readonly Rule[]) =>
    evaluate(request([pipe]), tsx, policyOf(rules, compat)).matches[0];
  t.deepEqual(verdict([])?.knownIn, ['>=9.0.0 <=9.1.0']);
  t.deepEqual(verdict([denied])?.knownIn, []);
});

/** More than are looked at one by one; every tenth was open at the start. */
const MANY = Array.from({ length: 1000 }, (_, index) => ({
  fd: index + 20,
  identity: String(index),
  atStart: index % 10 === 0,
  file: { target: `/data/${index % 7}`, type: 'file' as const, access: 'read' as const, isNullDevice: false },
}));

const STRAY_RULES: readonly { readonly title: string; readonly rules: readonly Partial<Rule>[] }[] = [
  { title: 'no rule', rules: [] },
  { title: 'a rule for all strays', rules: [{ kinds: ['stray'] }] },
  { title: 'a rule for one target', rules: [{ kinds: ['stray'], target: '/data/3' }] },
  {
    title: 'a rule for one target, of another caller',
    rules: [
      { caller: 'ts', kinds: ['stray'], target: '/data/3' },
      { kinds: ['stray'], effect: 'warn' },
    ],
  },
  {
    title: 'a rule for one target behind one for all',
    rules: [{ kinds: ['stray'] }, { kinds: ['stray'], type: 'pipe', effect: 'deny' }],
  },
  { title: 'a rule for numbers', rules: [{ kinds: ['stray'], fds: [25, 900] }] },
];

for (const { title, rules } of STRAY_RULES)
  test(`a thousand strays have the rules that each has by itself: ${title}`, t => {
    const asked = toRequest(
      call({ stdio: toStdio(['pipe', 'pipe', 'pipe', 'pipe']) }),
      MANY,
      () => UNKNOWN_FILE,
    );
    const policy = policyOf(rules);
    const results = (together: boolean) =>
      evaluate(asked, tsx, policy, { together })
        .matches.flatMap(({ fd, rule, others = [] }) =>
          [fd, ...others.map(other => ({ childFd: other.fd, atStart: other.atStart }))].map(
            ({ childFd, atStart }) => `${childFd} ${atStart} ${rule.source}`,
          ),
        )
        .sort();
    t.is(results(true).length, MANY.length + 1);
    t.deepEqual(results(true), results(false));
  });

test('each of 300,000 strays has the rule that asks for its number', t => {
  // More than a call can have arguments.
  const strays = Array.from({ length: 300_000 }, (_, fd) => ({
    fd,
    identity: '',
    atStart: false,
    file: UNKNOWN_FILE,
  }));
  const asked = toRequest(call({}), strays, () => UNKNOWN_FILE);
  const { matches } = evaluate(asked, tsx, policyOf([{ kinds: ['stray'], fds: [299_999] }]));
  t.is(matches.length, strays.length);
  t.is(matches.at(-1)?.rule.source, 'rule 0');
});
