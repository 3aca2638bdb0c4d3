// closefds compat: what the compat table says of one package.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { nearestOf } from '../../src/base/did-you-mean';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, run } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

function closefds(args: readonly string[], cwd: string) {
  return run(MAIN, { nodeArgs: [], args, cwd });
}

interface Table {
  readonly package: string;
  readonly passes?: readonly {
    readonly evidence: readonly { readonly version: string; readonly file: string }[];
  }[];
}

function tableOf(name: string): Table {
  return JSON.parse(readFileSync(path.join(ROOT, 'compat', 'packages', `${name}.json`), 'utf8')) as Table;
}

test('compat prints versions, what is passed, what breaks, and each row of evidence', async t => {
  const { code, stdout, stderr } = await closefds(['compat', 'ffmpeg-stream'], temporaryFolder(t));
  t.deepEqual([code, stderr], [0, '']);
  const evidence = tableOf('ffmpeg-stream').passes?.flatMap(entry => entry.evidence) ?? [];
  const lines = stdout.trimEnd().split('\n');
  t.deepEqual(lines.slice(0, 2), [
    'ffmpeg-stream (compat/packages/ffmpeg-stream.json):',
    '  passes pipe, for ffmpeg*',
  ]);
  t.deepEqual(
    lines.slice(2, 5).map(line => line.slice(0, 16).trim()),
    ['versions', 'what for', 'without it'],
  );
  const rows = lines.slice(5).map(line => line.slice(16));
  t.deepEqual(
    rows.slice(0, -1).map(row => row.split(':', 1)[0]),
    evidence.map(({ version, file }) => `${version} ${file}`),
  );
  const newest = evidence.at(-1);
  t.is(rows.at(-1), `https://unpkg.com/ffmpeg-stream@${newest?.version}/${newest?.file}`);
});

for (const { title, subject, line } of [
  { title: 'in the range', subject: 'ffmpeg-stream@0.7.0', line: '0.7.0 is in this range' },
  {
    title: 'newer than the range',
    subject: 'ffmpeg-stream@99.0.0',
    line: '99.0.0 is newer than what was checked: it passes and is reported',
  },
  {
    title: 'newer, of a package that passes channels only',
    subject: 'concurrently@99.0.0',
    line: '99.0.0 is newer than what was checked: the same is assumed',
  },
  {
    title: 'older than the range',
    subject: 'ffmpeg-stream@0.0.1',
    line: '0.0.1 is not in this range: this does not apply',
  },
  {
    title: 'after the end',
    subject: 'puppeteer@25.0.0',
    line: '25.0.0 is not in this range: this does not apply',
  },
]) {
  test(`compat says of a version that is ${title} what that means`, async t => {
    const { code, stdout } = await closefds(['compat', subject], temporaryFolder(t));
    t.is(code, 0);
    t.deepEqual(
      stdout
        .split('\n')
        .filter(text => /\d (?:is in|is newer|is not in)/.test(text))
        .map(text => text.trim()),
      [line],
    );
  });
}

for (const { name, line } of [
  { name: 'cross-spawn', line: '  launches' },
  { name: 'lmdb', line: '  leaves open **/data.mdb (file, read-write)' },
  { name: 'node-pty', line: '  starts natively: spawn, fork, createTerminal' },
  { name: 'netlify-cli-that-does-not-exist', line: undefined },
] as const) {
  test(`compat: the words for ${name}`, async t => {
    const { code, stdout } = await closefds(['compat', name], temporaryFolder(t));
    t.is(code, line === undefined ? 1 : 0);
    t.is(
      stdout.split('\n').find(text => text === line),
      line,
    );
  });
}

test('compat --format json has what the table has, without hashes', async t => {
  const { code, stdout } = await closefds(
    ['compat', '--format', 'json', 'ffmpeg-stream@1.0.1'],
    temporaryFolder(t),
  );
  const answer = JSON.parse(stdout);
  t.is(code, 0);
  t.deepEqual(Object.keys(answer), ['package', 'version', 'source', 'facts', 'checked']);
  t.deepEqual([answer.package, answer.version, answer.checked], ['ffmpeg-stream', '1.0.1', null]);
  const [{ does, evidence }] = answer.facts;
  t.is(does, 'passes');
  t.deepEqual(Object.keys(evidence[0]).sort(), ['checked', 'exercised', 'file', 'line', 'version']);
});

test('compat knows the packages that were looked through and pass nothing', async t => {
  const checked = JSON.parse(readFileSync(path.join(ROOT, 'compat', 'checked.json'), 'utf8')).packages;
  const [{ package: name, version, checked: day }] = checked.filter(
    (record: { package: string }) => record.package === '@modelcontextprotocol/sdk',
  );
  const { code, stdout } = await closefds(['compat', name], temporaryFolder(t));
  t.is(code, 0);
  t.is(stdout, `${name}:\n  Version ${version} was looked through on ${day}, and passes nothing.\n`);
});

for (const { title, args, code, message } of [
  {
    title: 'a name with a mistake',
    args: ['pupeteer'],
    code: 1,
    message: /^closefds: the compat table does not know "pupeteer" \(did you mean "puppeteer"\?\)\. .+\n$/,
  },
  {
    title: 'a scope with a mistake',
    args: ['@pupeteer/browsers@3.0.0'],
    code: 1,
    message: /does not know "@pupeteer\/browsers" \(did you mean "@puppeteer\/browsers"\?\)/,
  },
  {
    title: 'a name like none, in JSON too',
    args: ['--format', 'json', 'lodash'],
    code: 1,
    message: /^closefds: the compat table does not know "lodash"\. "closefds scan" looks .+ how to add it\n$/,
  },
  {
    title: 'the name of a property of objects',
    args: ['constructor'],
    code: 1,
    message: /does not know "constructor"\. /,
  },
  { title: 'no name', args: [], code: 2, message: /expected one PACKAGE\[@VERSION\], found 0\. See/ },
  {
    title: 'two names',
    args: ['a', 'b'],
    code: 2,
    message: /expected one PACKAGE\[@VERSION\], found 2\. See/,
  },
  {
    title: 'a tag',
    args: ['tsx@latest'],
    code: 2,
    message:
      /expected a whole version like 1\.2\.3 after "tsx@", found "latest"\. See "closefds compat --help"/,
  },
  { title: 'a range', args: ['tsx@^4'], code: 2, message: /after "tsx@", found "\^4"/ },
  {
    title: 'a path',
    args: ['../tsx'],
    code: 2,
    message: /expected PACKAGE or PACKAGE@VERSION, found "\.\.\/tsx"/,
  },
  { title: 'an empty name', args: [''], code: 2, message: /expected PACKAGE or PACKAGE@VERSION, found ""/ },
  { title: 'another format', args: ['--format', 'yaml', 'tsx'], code: 2, message: /found "yaml"/ },
  {
    title: 'an unknown option',
    args: ['--all'],
    code: 2,
    message: /expected --format or --help, found "--all"/,
  },
]) {
  test(`compat refuses ${title}`, async t => {
    const result = await closefds(['compat', ...args], temporaryFolder(t));
    t.deepEqual([result.code, result.stdout], [code, '']);
    t.regex(result.stderr, message);
  });
}

test('compat needs no config, and a wrong one is not its business', async t => {
  const folder = temporaryFolder(t);
  write(folder, { 'package.json': '{}', 'closefds.json': '{' });
  t.is((await closefds(['compat', 'tsx'], folder)).code, 0);
});

test('explain prints the same lines', async t => {
  const folder = temporaryFolder(t);
  const lines = (text: string) => text.split('\n').slice(1).filter(Boolean);
  const [alone, explained] = await Promise.all([
    closefds(['compat', 'node-pty@1.0.0'], folder),
    closefds(['explain', 'node-pty@1.0.0'], folder),
  ]);
  t.true(lines(alone.stdout).length > 10);
  t.deepEqual(lines(explained.stdout).slice(-lines(alone.stdout).length), lines(alone.stdout));
});

test('a short word is not taken for a long name', t => {
  t.is(nearestOf('lodash', ['@0x-lerna-fork/child-process']), undefined);
});
