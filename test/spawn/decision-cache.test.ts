// A spawn that recurs is judged as the last time, exactly as long as nothing changed that judging depends on.

import test from 'ava';
import type { Caller } from '../../src/model/caller';
import { type SpawnCall, type Stray, UNKNOWN_FILE } from '../../src/model/spawn-request';
import { toStdio } from '../../src/model/stdio';
import { type Mode, type Policy, type Rule, toPolicy } from '../../src/policy/rule';
import { DecisionCache } from '../../src/spawn/decision-cache';
import { SpawnGuard } from '../../src/spawn/spawn-guard';
import { call, caller } from '../support/values';

const policyOf = (...rules: Rule[]): Policy =>
  toPolicy({ rules, compat: [], unverified: 'warn', aliases: {} }, 0);
const keeping = (command?: string): Policy =>
  policyOf({ kinds: ['stray'], effect: 'warn', source: 'f', ...(command !== undefined && { command }) });
const straysOf = (...fds: number[]): Stray[] =>
  fds.map(fd => ({ fd, identity: '', atStart: false, file: UNKNOWN_FILE }));

interface Step {
  readonly call?: Partial<SpawnCall>;
  readonly strays: readonly Stray[];
  readonly policy: Policy;
}

const one = straysOf(20);
const denies = policyOf();
const keeps = keeping();
const keepsGit = keeping('git');

/** What each of these spawns keeps, and how each finding was told. */
for (const { name, steps, kept, told } of [
  {
    name: 'the same three times',
    steps: [
      { strays: one, policy: keeps },
      { strays: one, policy: keeps },
      { strays: one, policy: keeps },
    ],
    kept: [[20], [20], [20]],
    told: ['first', 'repeat', 'repeat'],
  },
  {
    name: 'another stray',
    steps: [
      { strays: one, policy: keeps },
      { strays: straysOf(20, 21), policy: keeps },
      { strays: one, policy: keeps },
    ],
    kept: [[20], [20, 21], [20]],
    told: ['first', 'repeat', 'variant', 'repeat'],
  },
  {
    name: 'another policy',
    steps: [
      { strays: one, policy: keeps },
      { strays: one, policy: denies },
      { strays: one, policy: keeps },
    ],
    kept: [[20], [], [20]],
    told: ['first', 'first', 'repeat'],
  },
  {
    name: 'another command',
    steps: [
      { strays: one, policy: keepsGit, call: { command: '/usr/bin/git' } },
      { strays: one, policy: keepsGit, call: { command: '/bin/sh' } },
      { strays: one, policy: keepsGit, call: { command: '/usr/bin/git' } },
    ],
    kept: [[20], [], [20]],
    told: ['first', 'first', 'repeat'],
  },
  {
    name: 'a slot in between',
    steps: [
      { strays: one, policy: keeps },
      { strays: one, policy: keeps, call: { stdio: toStdio(['pipe', 'pipe', 'pipe', 'ignore']) } },
      { strays: one, policy: keeps, call: { unsafe: 'reviewed' } },
      { strays: one, policy: keeps },
    ],
    kept: [[20], [20], [20], [20]],
    told: ['first', 'repeat', 'first', 'repeat'],
  },
] as readonly {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly kept: readonly number[][];
  readonly told: readonly string[];
}[]) {
  test(name, t => {
    let now: Step | undefined;
    const occurrences: string[] = [];
    const guard = new SpawnGuard('enforce', {
      mustCover: false,
      strays: () => now?.strays ?? [],
      describe: () => UNKNOWN_FILE,
      findOpener: () => undefined,
      findCaller: () => undefined,
      mustFindCaller: () => true,
      policy: () => now?.policy ?? denies,
      candidate: undefined,
      redact: [],
      positionOf: () => undefined,
      report: (findings, occurrence) => occurrences.push(...findings.map(() => occurrence)),
      reportRepeats: findings => occurrences.push(...findings.map(() => 'repeat')),
      audit: undefined,
    });
    const plans = steps.map(step => {
      now = step;
      return guard.judge(call(step.call ?? {}));
    });
    t.deepEqual(
      plans.map(({ keep }) => keep.map(({ fd }) => fd)),
      kept,
    );
    t.deepEqual(occurrences, told);
  });
}

test('commands beyond the limit are counted as the first command', t => {
  const told = new Map<string, number>();
  const guard = new SpawnGuard('enforce', {
    mustCover: false,
    strays: () => one,
    describe: () => UNKNOWN_FILE,
    findOpener: () => undefined,
    findCaller: () => undefined,
    mustFindCaller: () => true,
    policy: () => denies,
    candidate: undefined,
    redact: [],
    positionOf: () => undefined,
    report: (findings, occurrence) => {
      for (const finding of findings) {
        const title = `${'command' in finding ? finding.command : ''} ${occurrence}`;
        told.set(title, (told.get(title) ?? 0) + 1);
      }
    },
    reportRepeats: () => {},
    audit: undefined,
  });
  for (let i = 0; i < 10_007; i++) guard.judge(call({ command: `tool-${i}` }));
  t.deepEqual(
    [told.size, told.get('tool-0 first'), told.get('tool-9999 variant'), told.get('tool-0 repeat')],
    [10_001, 1, 1, 7],
  );
});

// ---------------------------------------------------------------------------------------------
// Commands that always come from one place
// ---------------------------------------------------------------------------------------------

const callerOf = (line: number): Caller => caller({ file: '/app/a.js', fileInPackage: 'a.js', line });

interface RepeatCase {
  readonly mode?: Mode;
  readonly policy?: Policy;
  readonly candidate?: boolean;
  readonly mustFindCaller?: boolean;
  /** The line that each spawn comes from. */
  readonly lines?: readonly number[];
  readonly command?: string;
  readonly call?: Partial<SpawnCall>;
  readonly strays?: readonly Stray[];
}

const HUNDRED = Array(100).fill(1) as number[];

/** Whether a plan is known of a command that comes again, without asking where it comes from. */
for (const { name, given, isKnown } of [
  { name: 'a hundred times from one place', given: {}, isKnown: true },
  { name: 'not so often', given: { lines: HUNDRED.slice(1) }, isKnown: false },
  {
    name: 'another place in between',
    given: { lines: [...HUNDRED.slice(50), 2, ...HUNDRED.slice(50)] },
    isKnown: false,
  },
  { name: 'and a hundred times since', given: { lines: [...HUNDRED, 2, ...HUNDRED] }, isKnown: true },
  { name: 'when it is time to ask', given: { mustFindCaller: true }, isKnown: false },
  { name: 'another command', given: { command: 'git' }, isKnown: false },
  { name: 'another stray', given: { strays: straysOf(20) }, isKnown: false },
  { name: 'an argument that names the stray', given: { call: { args: ['--log-fd', '20'] } }, isKnown: false },
  {
    name: 'an argument that names another number',
    given: { call: { args: ['--log-fd', '77'] } },
    isKnown: true,
  },
  { name: 'warn', given: { mode: 'warn' }, isKnown: true },
  { name: 'a rule about strays, which may speak of places', given: { policy: keeps }, isKnown: false },
  { name: 'a candidate, whose rules may speak of places', given: { candidate: true }, isKnown: false },
] as readonly { readonly name: string; readonly given: RepeatCase; readonly isKnown: boolean }[]) {
  test(`a frequent command whose call site is not looked up: ${name}`, t => {
    const { mode = 'enforce', policy = denies, lines = HUNDRED } = given;
    let line = 0;
    let counted = 0;
    let assumed = 0;
    const guard = new SpawnGuard(mode, {
      mustCover: false,
      strays: () => one,
      describe: () => UNKNOWN_FILE,
      findOpener: () => undefined,
      findCaller: () => callerOf(line),
      mustFindCaller: () => given.mustFindCaller === true,
      policy: () => policy,
      candidate: given.candidate ? () => ({ policy: denies, mode: 'enforce' }) : undefined,
      redact: [],
      positionOf: () => undefined,
      report: () => {},
      reportRepeats: (findings, isAssumed) => {
        counted += findings.length;
        if (isAssumed) assumed += findings.length;
      },
      audit: undefined,
    });
    const plans = lines.map(from => {
      line = from;
      return guard.judge(call({ command: 'sh' }));
    });
    const before = counted;
    const plan = guard.assumePlan(
      call({ command: given.command ?? 'sh', ...given.call }),
      given.strays ?? one,
    );
    t.is(plan, isKnown ? plans.at(-1) : undefined);
    t.deepEqual([counted - before, assumed], isKnown ? [1, 1] : [0, 0]);
  });
}

const keyOf = (command: string, callSite = 'a', candidate?: Policy) => ({
  command,
  callSite,
  strays: one,
  policy: denies,
  candidate,
});

test('the cache forgets the first commands of a program that generates commands', t => {
  const cache = new DecisionCache<number>();
  for (let i = 0; i <= 1000; i++) cache.set(keyOf(String(i)), i);
  t.deepEqual([cache.get(keyOf('0')), cache.get(keyOf('1000'))], [undefined, 1000]);
});

test('the cache forgets the first call sites of a program that generates code', t => {
  const cache = new DecisionCache<number>();
  for (let i = 0; i <= 1000; i++) cache.set(keyOf('sh', String(i)), i);
  t.deepEqual([cache.get(keyOf('sh', '0')), cache.get(keyOf('sh', '1000'))], [undefined, 1000]);
});

test('another candidate is another decision', t => {
  const cache = new DecisionCache<number>();
  cache.set(keyOf('sh', 'a', keeps), 1);
  t.deepEqual(
    [keeps, keepsGit, undefined].map(candidate => cache.get(keyOf('sh', 'a', candidate))),
    [1, undefined, undefined],
  );
});

test('each call site of a command has its own decision', t => {
  const cache = new DecisionCache<number>();
  cache.set(keyOf('sh', 'a'), 1);
  cache.set(keyOf('sh', 'b'), 2);
  t.deepEqual(
    [cache.get(keyOf('sh', 'a')), cache.get(keyOf('sh', 'b')), cache.get(keyOf('sh', 'c'))],
    [1, 2, undefined],
  );
});
