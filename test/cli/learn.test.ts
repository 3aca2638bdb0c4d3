// From a warn run to a config under which the same program works, as a team would do it.

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { targetPattern } from '../../src/findings/target-pattern';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, type RunResult, run } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

/** Two files for the child, of which it reads one. */
const APP = `
  const fs = require('node:fs');
  const [used, unused] = ['used', 'unused'].map(name => fs.openSync(__dirname + '/' + name, 'r'));
  const { stdout } = require('node:child_process').spawnSync('sh', ['-c', 'cat <&3'], {
    stdio: ['ignore', 'pipe', 'inherit', used, unused],
  });
  process.stdout.write(stdout);
`;

const files = { 'app.js': APP, used: 'read me', unused: 'secret', 'package.json': '{"name": "app"}' };
const RULE = {
  caller: '.',
  kinds: ['fd'],
  fds: [3],
  command: 'sh',
  callSite: 'app.js',
  type: 'file',
  access: 'read',
  effect: 'allow',
};

async function app(t: ExecutionContext, more: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder(t);
  write(folder, { ...files, ...more });
  const program = path.join(folder, 'app.js');
  const report = path.join(folder, 'findings.ndjson');
  const learnProved = (...args: string[]): Promise<RunResult> =>
    run(MAIN, { nodeArgs: [], args: ['learn', ...args], cwd: folder });
  // What the app's child reads moves an offset, and no audit sees it.
  const learn = (...args: string[]) => learnProved('--accept-likely', ...args);
  const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
  await run(program, { env: { CLOSEFDS_MODE: 'warn', CLOSEFDS_REPORT: report } });
  const rule = { ...RULE, target: targetPattern(path.join(folder, 'used'), 0) };
  return { folder, program, learn, learnProved, read, rule };
}

const withoutReasons = (rules: readonly { reason?: string }[]) => rules.map(({ reason, ...rule }) => rule);

test('without an audit nothing is written: a likely use is a comment to review', async t => {
  const { learnProved, read, rule: expected } = await app(t);
  const { code, stdout, stderr } = await learnProved('--write', 'findings.ndjson');
  t.deepEqual([code, stderr], [0, '']);
  t.throws(() => read('closefds.json'), { code: 'ENOENT' });
  t.regex(
    stdout,
    /^No rule to add\.\n\nLikely used, not allowed \(1\): an offset moved, and that is no proof\./,
  );
  const comments = [...stdout.matchAll(/^\/\/ (.*)$/gm)].map(([, line]) => line).join('\n');
  const { reason, ...rule } = JSON.parse(comments);
  t.deepEqual(rule, expected);
  t.regex(
    reason,
    /^likely used, not proved \(the offset of the file moved while a synchronous child had it; /,
  );
});

test('a warn run, learn --write --accept-likely, and enforce works', async t => {
  const { program, learn, read, rule: expected } = await app(t);
  t.is((await run(program)).stdout, '');
  const { code, stdout, stderr } = await learn('--write', 'findings.ndjson');
  t.deepEqual([code, stderr], [0, '']);
  t.regex(stdout, /^Added to \S+closefds\.json:/);
  t.regex(
    stdout,
    /Close, no use seen \(1\):\n {2}the app in \S+app\.js\n {4}line 4: an open FD at 4 \(\S+unused\) for "sh" \(1 spawn\)\n$/,
  );
  t.deepEqual(withoutReasons(JSON.parse(read('closefds.json')).rules), [expected]);
  const enforced = await run(program);
  t.is(enforced.stdout, 'read me');
  t.is(enforced.stderr.match(/designated FD \d+/g)?.join(), 'designated FD 4');
});

test('what is learned already is not written again', async t => {
  const { folder, learn, read } = await app(t);
  await learn('--write', 'findings.ndjson');
  const [before, time] = [read('closefds.json'), statSync(path.join(folder, 'closefds.json')).mtimeMs];
  const { stdout } = await learn('--write', 'findings.ndjson');
  t.regex(stdout, /^No rule to add\.\n/);
  t.deepEqual([read('closefds.json'), statSync(path.join(folder, 'closefds.json')).mtimeMs], [before, time]);
});

interface LayoutCase {
  readonly title: string;
  readonly file: string;
  readonly text: string;
}

/** What is written goes in at the mark. */
const LAYOUTS: readonly LayoutCase[] = [
  {
    title: 'tabs, odd spaces and an empty line',
    file: 'closefds.json',
    text: '{\n\t"$schema":   "x",\n\t"rules": [\n\n\t\t{ "caller": "a", "effect": "deny" }^\n\t],\n\t"unverified" : "deny"\n}',
  },
  {
    title: 'all in one line',
    file: 'closefds.json',
    text: '{"rules": [{"caller": "a",  "effect": "deny"}^], "compat": true}\n',
  },
  { title: 'an empty list', file: 'closefds.json', text: '{ "rules": [^] , "compat": true }' },
  { title: 'no list', file: 'closefds.json', text: '{\n    "compat":true^\n}\n\n' },
  {
    title: 'line ends of Windows and a byte-order mark',
    file: 'closefds.json',
    text: '\uFEFF{\r\n  "compat": true^\r\n}\r\n',
  },
  {
    title: 'a package.json',
    file: 'package.json',
    text: '{"name": "app", "closefds": {"compat": true^},\n "version": "1.0.0"}\n',
  },
];

for (const { title, file, text } of LAYOUTS)
  test(`each byte of the config that is not a new rule stays: ${title}`, async t => {
    const [before = '', after = ''] = text.split('^');
    const { learn, read, rule: expected } = await app(t, { [file]: before + after });
    await learn('--write', 'findings.ndjson');
    const written = read(file);
    t.true(written.startsWith(before), written);
    t.true(written.endsWith(after), written);
    const json = JSON.parse(written.replace(/^\uFEFF/, ''));
    t.deepEqual(withoutReasons((json.closefds ?? json).rules.slice(-1)), [expected]);
    const added = written.slice(before.length, written.length - after.length);
    t.is(added.includes('\r'), text.includes('\r'));
    t.regex((await learn('findings.ndjson')).stdout, /^No rule to add\.\n/);
  });

test('in a package.json', async t => {
  const {
    learn,
    read,
    rule: expected,
  } = await app(t, { 'package.json': '{"name": "app", "closefds": {"compat": true}}\n' });
  await learn('--write', 'findings.ndjson');
  const { name, closefds } = JSON.parse(read('package.json'));
  t.deepEqual([name, closefds.compat, withoutReasons(closefds.rules)], ['app', true, [expected]]);
});

test('before a rule that only reports', async t => {
  const warn = { caller: '.', effect: 'warn' };
  const {
    learn,
    read,
    rule: expected,
  } = await app(t, {
    'closefds.json': JSON.stringify({ rules: [{ caller: 'a', effect: 'deny' }, warn] }),
  });
  await learn('--write', 'findings.ndjson');
  const { rules } = JSON.parse(read('closefds.json'));
  t.deepEqual(withoutReasons(rules), [{ caller: 'a', effect: 'deny' }, expected, warn]);
});

test('into a config that is not there yet', async t => {
  const { learn, read, rule: expected } = await app(t);
  const refused = await learn('--config', 'new.json', 'findings.ndjson');
  t.is(refused.code, 1);
  t.regex(refused.stderr, /^closefds: \S+new\.json: /);
  await learn('--write', '--config', 'new.json', 'findings.ndjson');
  t.deepEqual(withoutReasons(JSON.parse(read('new.json')).rules), [expected]);
});

test('to a config that is wrong nothing is added', async t => {
  const { learn, read } = await app(t);
  const { folder } = await app(t);
  write(folder, { 'closefds.json': '{"rules": 1}' });
  const { code, stderr } = await learn(
    '--write',
    '--config',
    path.join(folder, 'closefds.json'),
    'findings.ndjson',
  );
  t.is(code, 1);
  t.regex(stderr, /#\/rules: expected an array, found 1/);
  t.throws(() => read('closefds.json'), { code: 'ENOENT' });
});

test('as JSON, from several files and stdin, and by announcement', async t => {
  const { folder, learn, read } = await app(t);
  const line = JSON.parse(read('findings.ndjson').split('\n')[0] as string);
  const told = { ...line, kind: 'pipe', childFd: 9, used: undefined, announcement: '--status-fd 9' };
  write(folder, { 'more.ndjson': `${JSON.stringify(told)}\n` });
  const proposed = async (...args: string[]) =>
    JSON.parse((await learn('--format', 'json', ...args)).stdout).rules.map(
      ({ fds }: { fds: number[] }) => fds,
    );
  t.deepEqual(await proposed('findings.ndjson', 'more.ndjson'), [[3]]);
  t.deepEqual(await proposed('--announced', 'findings.ndjson', 'more.ndjson'), [[3], [9]]);
  const piped = await run(MAIN, {
    nodeArgs: [],
    args: ['learn', '--format=json', '--accept-likely'],
    cwd: folder,
    input: read('findings.ndjson'),
  });
  t.is(JSON.parse(piped.stdout).rules.length, 1);
});

test('with a scan: a place seen in both is one, and one that did not run is named', async t => {
  const more = `${APP}\n  if (process.argv[2])\n    require('node:child_process').spawn('x', [], { stdio: [0, 1, 2, used] });\n`;
  const { folder, learn } = await app(t, { 'app.js': more });
  const scan = await run(MAIN, {
    nodeArgs: [],
    args: ['scan', '--no-cache', '--format', 'json'],
    cwd: folder,
  });
  write(folder, { 'scan.json': scan.stdout });
  const { stdout } = await learn('--scan', 'scan.json', 'findings.ndjson');
  t.regex(stdout, /\nFound by the scan, and not run in these findings \(1\):\n {2}the app at app\.js:\d+\n$/);
});

for (const { args, code, message } of [
  { args: ['nowhere.ndjson'], code: 2, message: /nowhere\.ndjson cannot be read: there is no such file/ },
  { args: ['.'], code: 2, message: /expected a file, found a folder: \./ },
  {
    args: ['--scan', 'nowhere.json', 'findings.ndjson'],
    code: 2,
    message: /nowhere\.json cannot be read: there is no such file/,
  },
  {
    args: ['--scan', 'package.json', 'findings.ndjson'],
    code: 2,
    message: /expected what "closefds scan --format json" prints/,
  },
  { args: ['app.js'], code: 1, message: /expected findings, found none in \d+ lines/ },
  {
    args: ['--format', 'yaml', 'findings.ndjson'],
    code: 2,
    message: /expected text or json after --format, found "yaml"/,
  },
] as const) {
  test(`wrong: closefds learn ${args.join(' ')}`, async t => {
    const { learn } = await app(t);
    const result = await learn(...args);
    t.is(result.code, code);
    t.regex(result.stderr, message);
  });
}
