// A review: one question after the other, each answer kept at once.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, type RunResult, run, runCommand } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

const SITE = { file: '/app/deploy.js', fileInPackage: 'deploy.js', line: 12 };

/** An open log at FD 3 of a child, unless it says otherwise. */
function finding({ caller, ...given }: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    closefds: 1,
    time: '2026-11-24T03:11:38.123Z',
    pid: 123,
    thread: 0,
    mode: 'warn',
    code: 'CLOSEFDS_DESIGNATED',
    effect: 'deny',
    disposition: 'passed',
    route: 'spawn',
    kind: 'fd',
    childFd: 3,
    target: '/data/log',
    type: 'file',
    access: 'write',
    command: 'sh',
    caller: { package: '.', ...SITE, ...(caller as object) },
    rule: { source: 'default' },
    count: 2,
    ...given,
  });
}

const PROVED = { use: { verdict: 'used' }, used: true };
const LOG = finding(PROVED);
const UNUSED = finding({ childFd: 4, target: '/data/db' });
const RULE = {
  caller: '.',
  kinds: ['fd'],
  fds: [3],
  command: 'sh',
  callSite: 'deploy.js',
  target: '/data/log',
  type: 'file',
  access: 'write',
};
const UNUSED_RULE = { ...RULE, fds: [4], target: '/data/db' };

function project(t: ExecutionContext, findings: readonly string[], config?: string) {
  const folder = temporaryFolder(t);
  write(folder, {
    'package.json': '{"name": "app"}',
    'findings.ndjson': findings.map(line => `${line}\n`).join(''),
    ...(config !== undefined && { 'closefds.json': config }),
  });
  const review = (answers: readonly string[], ...args: string[]): Promise<RunResult> =>
    run(MAIN, {
      nodeArgs: [],
      args: ['learn', '--review', ...args, 'findings.ndjson'],
      cwd: folder,
      input: answers.map(answer => `${answer}\n`).join(''),
    });
  const readJson = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
  const rules = (): { readonly reason?: string }[] => readJson('closefds.json').rules;
  const withoutReasons = () => rules().map(({ reason, ...rule }) => rule);
  const has = (name: string) => existsSync(path.join(folder, name));
  return { folder, review, rules, withoutReasons, readJson, has };
}

test('allow and deny add a rule each, proved uses come first, and the next review has no question', async t => {
  const { review, rules, withoutReasons, has } = project(t, [UNUSED, LOG]);
  const first = await review(['a', 'd', 'y']);
  t.deepEqual([first.code, first.stderr], [0, '']);
  t.deepEqual(
    [...first.stdout.matchAll(/^\[.*$/gm)].map(([line]) => line),
    ['[1 of 2] A child used it', '[2 of 2] No use seen: closing it should break nothing'],
  );
  t.regex(first.stdout, /\n1 allowed, 1 denied, 0 left\.\n$/);
  t.deepEqual(withoutReasons(), [
    { ...RULE, effect: 'allow' },
    { ...UNUSED_RULE, effect: 'deny' },
  ]);
  t.deepEqual(
    rules().map(({ reason }) => reason),
    ['a child used it: 2 spawns, 2026-11-24 (reviewed)', 'no use was seen: 2 spawns, 2026-11-24 (reviewed)'],
  );
  t.false(has('closefds.review.json'));
  t.is((await review([])).stdout, '\n0 left.\n');
});

test('the rule is shown before it is added, and a denial is asked for again', async t => {
  const { review, has } = project(t, [LOG]);
  const { stdout } = await review(['d', 'n', 'q']);
  const shown = (effect: string) =>
    [
      '{',
      ...Object.entries({ ...RULE, effect }).map(([key, value]) => `  "${key}": ${JSON.stringify(value)},`),
      '  "reason": (the evidence)',
      '}',
    ].join('\n');
  t.true(stdout.includes(shown('allow')));
  t.true(stdout.includes(`${shown('deny')}\n\nAdd this rule? (y)es  (n)o: `));
  t.false(has('closefds.json'));
});

test('a review that is quit goes on where it was; what was skipped is asked again', async t => {
  const third = finding({ childFd: 5, target: '/data/x' });
  const { review, withoutReasons } = project(t, [LOG, UNUSED, third]);
  const first = await review(['allow', 'skip', 'quit']);
  t.regex(first.stdout, /\n1 allowed, 1 skipped, 1 left\. The same command takes the review up again\.\n$/);
  const second = await review([]);
  t.regex(second.stdout, /^\n\[1 of 2\] No use seen.*\n.*\n {2}an open FD at 4 /);
  t.regex(second.stdout, /\n2 left\. The same command takes the review up again\.\n$/);
  t.deepEqual(withoutReasons(), [{ ...RULE, effect: 'allow' }]);
});

test('withFds shows the change, is noted beside the config, and is listed until the findings end', async t => {
  const { review, readJson, has } = project(t, [LOG]);
  const first = await review(['withFds']);
  t.true(
    first.stdout.includes(
      [
        '  In /app/deploy.js:12, let the code name the FD:',
        '',
        "  const { withFds } = require('closefds');",
        '  spawn(command, args, withFds(options, { 3: fd }));',
      ].join('\n'),
    ),
  );
  const { closefdsReview, decided } = readJson('closefds.review.json');
  t.is(closefdsReview, 1);
  t.deepEqual(
    Object.values(decided as Record<string, { day: string }>).map(({ day, ...rest }) => rest),
    [{ decision: 'withFds', callSite: '/app/deploy.js:12' }],
  );
  t.false(has('closefds.json'));
  t.is(
    (await review([])).stdout,
    '\n0 left.\nTo be changed to withFds() (1):\n  /app/deploy.js:12: an open FD at 3 (/data/log) for "sh"\n',
  );
});

interface NarrowCase {
  readonly title: string;
  readonly findings: readonly string[];
  readonly answers: readonly string[];
  /** What the menu offers. */
  readonly offered: readonly string[];
  readonly rules: readonly object[];
  /** Whether a part of the group stays open, which must not be asked again. */
  readonly isNoted: boolean;
}

const TOOL = {
  package: 'tool',
  version: '1.2.0',
  file: '/app/node_modules/tool/run.js',
  fileInPackage: 'run.js',
};

const NARROWED: readonly NarrowCase[] = [
  {
    title: 'to the version that was seen',
    findings: [finding({ ...PROVED, caller: TOOL })],
    answers: ['n', '1', 'a'],
    offered: ['only range "1.2.0"'],
    rules: [{ ...RULE, caller: 'tool', range: '1.2.0', callSite: 'run.js', effect: 'allow' }],
    isNoted: false,
  },
  {
    title: 'to one of the targets that fit a glob',
    findings: ['/data/1000001.log', '/data/1000002.log'].map(target => finding({ ...PROVED, target })),
    answers: ['n', '2', 'a'],
    offered: ['only target "/data/1000001.log"', 'only target "/data/1000002.log"'],
    rules: [{ ...RULE, target: '/data/1000002.log', effect: 'allow' }],
    isNoted: true,
  },
  {
    title: 'and left as it was without a number',
    findings: ['/data/1000001.log', '/data/1000002.log'].map(target => finding({ ...PROVED, target })),
    answers: ['n', '3', 'x', '', 'a'],
    offered: ['only target "/data/1000001.log"', 'only target "/data/1000002.log"'],
    rules: [{ ...RULE, target: '/data/*.log', effect: 'allow' }],
    isNoted: false,
  },
];

for (const { title, findings, answers, offered, rules, isNoted } of NARROWED)
  test(`a rule can be narrowed: ${title}`, async t => {
    const { review, withoutReasons, has } = project(t, findings);
    const { stdout } = await review(answers);
    t.deepEqual(
      [...stdout.matchAll(/^ {2}\d+\. (.*)$/gm)].map(([, line]) => line),
      offered,
    );
    t.deepEqual(withoutReasons(), rules);
    t.is(has('closefds.review.json'), isNoted);
    t.regex((await review([])).stdout, /^\n0 left\.\n$/);
  });

test('a rule goes in before the one that only reported the FD, and each other byte of the config stays', async t => {
  const config =
    '{ "rules": [\n  {"caller": ".", "effect": "warn",\n   "reason": "look"}\n] , "compat": true}';
  const { folder, review } = project(t, [LOG], config);
  const { stdout } = await review(['a']);
  t.regex(stdout, /\n {2}Reported so far by \S+closefds\.json#\/rules\/0\n/);
  const after = readFileSync(path.join(folder, 'closefds.json'), 'utf8');
  const [added] = JSON.parse(after).rules;
  t.deepEqual(added.fds, [3]);
  t.true(after.endsWith(config.slice(config.indexOf('{"caller"'))));
});

test('what a rule allows beside its group is said, and not asked any more once it is added', async t => {
  const elsewhere = finding({ caller: { ...SITE, line: 30 } });
  const { review } = project(t, [LOG, elsewhere]);
  const { stdout } = await review(['a']);
  t.regex(
    stdout,
    /The rule would allow, too: an open FD at 3 \(\/data\/log\) for "sh" of the app\n {4}at \/app\/deploy\.js:30/,
  );
  t.regex(stdout, /\n1 allowed, 0 left\.\n$/);
});

test('without a caller there is no rule: the code can be changed or the question skipped', async t => {
  const { caller, ...rest } = JSON.parse(UNUSED);
  const { review, has } = project(t, [JSON.stringify(rest)]);
  const { stdout } = await review(['a', 's']);
  t.regex(stdout, /\n {2}No rule can name it\.\n\n\(w\)ithFds {2}\(s\)kip {2}\(q\)uit: /);
  t.regex(stdout, /Expected withFds, skip, quit, found "a"\./);
  t.false(has('closefds.json'));
});

test('in a terminal, no line is wider than it', async t => {
  const long = `/srv/${'a-long-folder/'.repeat(9)}log`;
  const { folder } = project(t, [finding({ ...PROVED, target: `${long}-1000001` })]);
  const command = `stty cols 60; exec ${process.execPath} ${MAIN} learn --review findings.ndjson`;
  const { stdout } = await runCommand(['script', '-qefc', command, '/dev/null'], {
    cwd: folder,
    env: { TERM: 'xterm' },
    input: 's\n',
  });
  const text = stripVTControlCharacters(stdout);
  t.regex(text, /\[1 of 1\] A child used it/);
  t.regex(text, /1 skipped, 0 left\./);
  const wide = text.split(/\r?\n/).filter(line => line.length > 60);
  // A condition is one line of JSON, which a terminal wraps.
  t.deepEqual(
    wide.map(line => line.slice(0, 12)),
    ['  "target": '],
  );
});

const WRONG: readonly { readonly args: readonly string[]; readonly expected: RegExp }[] = [
  { args: [], expected: /expected FILE with --review, which reads your answers from stdin; found none/ },
  { args: ['-'], expected: /expected FILE with --review/ },
  { args: ['--write', 'f'], expected: /expected --review or --write, found both/ },
  { args: ['--accept-likely', 'f'], expected: /expected --review or --accept-likely, found both/ },
  { args: ['--scan', 's', 'f'], expected: /expected --review or --scan, found both/ },
  { args: ['--format', 'json', 'f'], expected: /expected --review or --format, found both/ },
];

for (const { args, expected } of WRONG)
  test(`learn --review ${args.join(' ')} is refused`, async t => {
    const { code, stderr, stdout } = await run(MAIN, { nodeArgs: [], args: ['learn', '--review', ...args] });
    t.deepEqual([code, stdout], [2, '']);
    t.regex(stderr, expected);
  });

test('a file of decisions that is none is refused and stays as it is', async t => {
  const { folder, review } = project(t, [LOG]);
  write(folder, { 'closefds.review.json': '{"closefdsReview": 1, "decided": {"a": 1}}' });
  const { code, stderr } = await review(['a']);
  t.is(code, 2);
  t.regex(
    stderr,
    /expected the decisions of "closefds learn --review" in \S+closefds\.review\.json, found something else/,
  );
});
