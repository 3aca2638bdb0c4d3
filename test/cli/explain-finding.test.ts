// closefds explain of a finding: the rules that were tried, the condition that failed, and the rule that would allow it.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, type RunResult, run } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

const APP = `const fd = require('node:fs').openSync(__filename, 'r');
require('node:child_process').spawnSync('true', [], { stdio: ['ignore', 'ignore', 'inherit', fd] });
`;

const RULES = [
  { caller: '.', command: 'ssh', fds: [3], effect: 'allow', reason: 'a tunnel' },
  { caller: 'other', effect: 'allow', reason: 'not this one' },
  { caller: '.', fds: [3, 4], effect: 'deny' },
];

interface Explained {
  readonly tried: readonly {
    readonly source: string;
    readonly matches: string;
    readonly failed: readonly { readonly key: string; readonly expected: unknown; readonly found: unknown }[];
  }[];
  readonly recorded: string | null;
  readonly decision: string;
  readonly allow: object | null;
  readonly doubts: readonly string[];
}

async function app(t: ExecutionContext, rules: readonly object[] = RULES) {
  const folder = temporaryFolder(t);
  write(folder, {
    'package.json': '{"name": "app"}',
    'app.js': APP,
    'closefds.json': JSON.stringify({ rules }),
  });
  const explain = (args: readonly string[], input?: string): Promise<RunResult> =>
    run(MAIN, {
      nodeArgs: [],
      args: ['explain', ...args],
      cwd: folder,
      ...(input !== undefined && { input }),
    });
  const explainJson = async (args: readonly string[], input?: string) =>
    JSON.parse((await explain(['--format', 'json', ...args], input)).stdout) as Explained[];
  return { folder, explain, explainJson };
}

async function findings(folder: string): Promise<string> {
  const report = path.join(folder, 'findings.ndjson');
  await run(path.join(folder, 'app.js'), { env: { CLOSEFDS_REPORT: report }, cwd: folder });
  return readFileSync(report, 'utf8');
}

const shortened = ({ tried }: Explained) =>
  tried.map(({ source, matches, failed }) => [
    source.replace(/^.*#\/rules\//, 'rule '),
    matches,
    ...failed.map(
      ({ key, expected, found }) => `${key}: ${JSON.stringify(expected)} / ${JSON.stringify(found)}`,
    ),
  ]);

test('a finding on stdin: each rule up to the one that decides, with the conditions that fail', async t => {
  const { folder, explainJson } = await app(t);
  const [explained, ...more] = await explainJson([], await findings(folder));
  t.deepEqual(more, []);
  t.deepEqual(shortened(explained as Explained), [
    ['rule 0', 'no', 'command: "ssh" / "true"'],
    ['rule 1', 'no', 'caller: "other" / "."'],
    ['rule 2', 'yes'],
  ]);
  t.regex(explained?.recorded ?? '', /^closed in mode enforce by \S+#\/rules\/2, \d{4}-\d\d-\d\d$/);
  t.regex(explained?.decision ?? '', /^It is closed and reported \(\S+#\/rules\/2\)\.$/);
});

test('the rule that would allow it does so, before the rule that denied it', async t => {
  const { folder, explainJson } = await app(t);
  const report = await findings(folder);
  const [{ allow } = { allow: null }] = await explainJson([], report);
  const { reason, ...rule } = allow as { reason: string };
  t.deepEqual(reason, '...');
  write(folder, {
    'closefds.json': JSON.stringify({ rules: [{ ...rule, reason: 'the child reads it' }, ...RULES] }),
  });
  const [after] = await explainJson([], report);
  t.deepEqual(
    [after && shortened(after), after?.allow, after?.decision.replace(/\(\S+#/, '(#')],
    [[['rule 0', 'yes']], null, 'It passes (#/rules/0: the child reads it).'],
  );
  const { stderr } = await run(path.join(folder, 'app.js'), { cwd: folder });
  t.is(stderr, '');
});

test('as text, with a place to put the rule', async t => {
  const { folder, explain } = await app(t);
  const { code, stdout } = await explain(['--findings', '-'], await findings(folder));
  t.is(code, 0);
  t.regex(
    stdout,
    /^FD 3 \(an open FD, \S+app\.js\) of the app at app\.js:2, for "true":\n {2}Recorded: .*\n {2}Now, in mode enforce; .*:\n {2}1\. does not match: .*\n {7}command: expected "ssh", found "true"\n[\s\S]*\n {2}This rule would allow it, before \S+#\/rules\/2; its reason is yours to write:\n/,
  );
});

test('a call site without findings: what is not known may match', async t => {
  const { explainJson } = await app(t);
  const [explained] = await explainJson(['--call-site', 'app.js:2', '--fd', '3']);
  t.deepEqual(shortened(explained as Explained).slice(0, 1), [
    ['rule 0', 'unknown', 'command: "ssh" / null'],
  ]);
  t.regex(
    explained?.decision ?? '',
    /^It depends on what is not known \(command\)\. If none of these rules matches, it is closed/,
  );
  const [known] = await explainJson(['--call-site', './app.js', '--fd', '3', '--command', '/usr/bin/ssh']);
  t.deepEqual([known && shortened(known), known?.allow], [[['rule 0', 'yes']], null]);
});

test('a call site in a package is that package', async t => {
  const { folder, explainJson } = await app(t);
  write(folder, { 'node_modules/other/lib/run.js': '', 'node_modules/other/package.json': '{}' });
  const [explained] = await explainJson(['--call-site', 'node_modules/other/lib/run.js', '--fd', '5']);
  t.deepEqual(explained && shortened(explained), [
    ['rule 0', 'no', 'caller: "." / "other"', 'fds: [3] / 5', 'command: "ssh" / null'],
    ['rule 1', 'yes'],
  ]);
});

test('a file that is not there: the doubt first, with the name that was meant, and exit code 1', async t => {
  const { explain } = await app(t);
  const { code, stdout } = await explain(['--call-site', 'ap.js:2', '--fd', '3']);
  t.is(code, 1);
  t.regex(
    stdout,
    /^There is no file \S+ap\.js \(did you mean "app\.js"\?\): is the call site right\?\nFD 3 /,
  );
});

interface SelectionCase {
  readonly title: string;
  readonly args: readonly string[];
  readonly code: number;
  readonly stderr: RegExp;
}

const SELECTIONS: readonly SelectionCase[] = [
  { title: 'its call site', args: ['--call-site', 'app.js:2'], code: 0, stderr: /^$/ },
  { title: 'its number', args: ['--fd', '3'], code: 0, stderr: /^$/ },
  {
    title: 'another line',
    args: ['--call-site', 'app.js:22'],
    code: 1,
    stderr: /^closefds: expected a finding at app\.js:22, found none \(did you mean "app\.js:2"\?\)\n$/,
  },
  {
    title: 'another number',
    args: ['--fd', '9'],
    code: 1,
    stderr: /^closefds: expected a finding about FD 9, found none; there are app\.js:2\n$/,
  },
];

for (const { title, args, code, stderr } of SELECTIONS)
  test(`a finding is selected by ${title}`, async t => {
    const { folder, explain } = await app(t);
    write(folder, { 'f.ndjson': await findings(folder) });
    const result = await explain(['--findings', 'f.ndjson', ...args]);
    t.deepEqual([result.code, result.stdout !== ''], [code, code === 0]);
    t.regex(result.stderr, stderr);
  });

test('what is no finding is an error', async t => {
  const { explain } = await app(t);
  const [foreign, none] = [await explain([], 'garbage\n'), await explain([], '')];
  t.deepEqual([foreign.code, none.code], [1, 1]);
  t.regex(foreign.stderr, /^closefds: expected findings, found none in 1 lines\n$/);
  t.regex(none.stderr, /^closefds: expected a finding about an FD, found none\n$/);
});
