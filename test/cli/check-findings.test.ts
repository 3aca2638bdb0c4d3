// closefds check with findings, and what it looks for on disk.

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, run } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

const APP = `const fd = require('node:fs').openSync(__dirname + '/data', 'r');
require('node:child_process').spawnSync('cat', { stdio: [fd, 'ignore', 'inherit', fd, 'pipe'] });
`;

interface Checked {
  readonly findings?: number;
  readonly remarks: readonly {
    readonly problem: string;
    readonly source: string;
    readonly text: string;
    readonly narrower?: readonly object[];
  }[];
}

/** The app, with findings of a run without its rules. */
async function app(
  t: ExecutionContext,
  rules: readonly object[],
  more: Readonly<Record<string, string>> = {},
) {
  const folder = temporaryFolder(t);
  write(folder, { 'package.json': '{"name": "app"}', 'app.js': APP, data: 'text', ...more });
  const report = path.join(folder, 'findings.ndjson');
  await run(path.join(folder, 'app.js'), {
    env: { CLOSEFDS_MODE: 'warn', CLOSEFDS_REPORT: report },
    cwd: folder,
  });
  write(folder, { 'closefds.json': JSON.stringify({ rules }) });
  const check = (...args: string[]) => run(MAIN, { nodeArgs: [], args: ['check', ...args], cwd: folder });
  const checkJson = async (...args: string[]) => {
    const { code, stdout } = await check('--format', 'json', ...args);
    const { findings, remarks } = JSON.parse(stdout) as Checked;
    const problems = remarks.map(({ problem, source }) => `${problem} ${source.replace(/^.*\//, '')}`);
    return { code, findings, remarks, problems };
  };
  return { folder, check, checkJson };
}

const OURS = { caller: '.', callSite: 'app.js', effect: 'allow', reason: 'cat reads our file' };

test('a rule that no finding is about is named, and one that decides a finding is not', async t => {
  const rules = [
    { ...OURS, fds: [3] },
    { ...OURS, fds: [7] },
    { ...OURS, fds: [4], script: 'app.js' },
  ];
  const { check, checkJson } = await app(t, rules);
  const { code, findings, problems } = await checkJson('findings.ndjson');
  // Two FDs, and the use of one of them.
  t.deepEqual([code, findings, problems], [1, 3, ['unseen 1']]);
  t.deepEqual((await checkJson()).problems, []);
  const { stdout } = await check('findings.ndjson');
  t.regex(
    stdout,
    /^unseen {4}\S+#\/rules\/1\n {10}No finding in these files is about it\. .*\n3 rules in .*: 1 to look at\. 3 findings read\./,
  );
});

test('a wide rule is shown with one for what children used, which allows that and no more', async t => {
  const { folder, checkJson } = await app(t, [{ caller: '.', effect: 'allow', reason: 'our own children' }]);
  const { remarks, problems } = await checkJson('.', 'findings.ndjson');
  t.deepEqual(problems, ['wide 0']);
  const narrower = remarks[0]?.narrower ?? [];
  t.deepEqual(
    narrower.map(rule =>
      JSON.stringify(rule)
        .match(/"kinds":\["(\w+)"\],"fds":\[(\d)\]/)
        ?.slice(1),
    ),
    [['fd', '3']],
  );
  const allowed = narrower.map(rule => ({ ...rule, effect: 'allow', reason: 'seen' }));
  write(folder, { 'closefds.json': JSON.stringify({ rules: allowed }) });
  const { stderr } = await run(path.join(folder, 'app.js'), { cwd: folder });
  t.is(stderr.match(/designated FDs? [\d and]+/g)?.join(), 'designated FD 4 ');
  t.deepEqual((await checkJson('findings.ndjson')).problems, []);
});

interface SiteCase {
  readonly title: string;
  readonly rule: object;
  readonly problems: readonly string[];
}

const PACKAGE = {
  'node_modules/a/package.json': '{"name": "a", "version": "1.0.0"}',
  'node_modules/a/lib/run.js': '',
};

const SITES: readonly SiteCase[] = [
  { title: 'a file of the app', rule: OURS, problems: [] },
  { title: 'a glob for files of the app', rule: { ...OURS, callSite: '**/*.js' }, problems: [] },
  { title: 'no file of the app', rule: { ...OURS, callSite: 'gone.js' }, problems: ['missing 0'] },
  { title: 'a glob that fits none', rule: { ...OURS, callSite: 'src/*.js' }, problems: ['missing 0'] },
  { title: 'a file of a package', rule: { ...OURS, caller: 'a', callSite: 'lib/run.js' }, problems: [] },
  {
    title: 'the same as the app would name it',
    rule: { ...OURS, caller: 'a', callSite: 'node_modules/a/lib/run.js' },
    problems: ['missing 0'],
  },
  { title: 'any caller', rule: { ...OURS, caller: '*', effect: 'deny', callSite: 'gone.js' }, problems: [] },
];

for (const { title, rule, problems } of SITES)
  test(`a call site: ${title}`, async t => {
    const { checkJson } = await app(t, [rule], PACKAGE);
    t.deepEqual((await checkJson()).problems, problems);
  });

test('a launcher of the compat table and a pasted reason are named', async t => {
  const { checkJson } = await app(t, [
    { ...OURS, caller: 'cross-spawn', callSite: 'index.js', reason: '...' },
  ]);
  t.deepEqual((await checkJson()).problems, ['launcher 0', 'reason 0']);
});

test('findings that are none are an error', async t => {
  const { check } = await app(t, []);
  const { code, stderr } = await check('app.js');
  t.is(code, 1);
  t.regex(stderr, /^closefds: expected findings, found none in 2 lines\n$/);
});
