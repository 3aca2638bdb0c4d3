// The scripts that hold the compat table against published packages, with a registry of a few small
// packages in npm's place.

import { chmodSync, cpSync, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fixture, temporaryFolder, write } from '../support/programs';
import { ROOT, type RunResult, runCommand } from '../support/run';

/** Package -> version -> file -> text. */
type Registry = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;

/** As much of npm as the scripts use. */
const NPM = `#!${process.execPath}\n${fixture('small-npm.js')}`;

/** A folder like this repository, with the scripts and one table file. */
function house(t: ExecutionContext, registry: Registry, table?: object) {
  const folder = temporaryFolder(t);
  cpSync(path.join(ROOT, 'scripts'), path.join(folder, 'scripts'), { recursive: true });
  for (const name of ['node_modules', 'dist'])
    symlinkSync(path.join(ROOT, name), path.join(folder, name), 'dir');
  const npm = write(folder, { 'bin/npm': NPM, 'bin/registry.json': JSON.stringify(registry) });
  chmodSync(npm, 0o755);
  const file = path.join(folder, 'compat', 'packages', 'thing.json');
  write(folder, { 'compat/packages/other.json': '{}\n' });
  if (table !== undefined)
    write(folder, { 'compat/packages/thing.json': `${JSON.stringify(table, null, 2)}\n` });
  const run = (script: string, ...args: string[]): Promise<RunResult> =>
    runCommand([process.execPath, path.join(folder, 'scripts', `${script}.mjs`), ...args], {
      env: { PATH: `${path.dirname(npm)}:${process.env.PATH}` },
    });
  return { folder, file, run };
}

// ---------------------------------------------------------------------------------------------
// compat:verify
// ---------------------------------------------------------------------------------------------

const SHOWS = 'stdio: [0, 1, 2, 3]';
const CALL = `const cp = require('child_process');\ncp.spawn('tool', [], { ${SHOWS} });\n`;
const OTHER = 'exports.nothing = true;\n';
const FIRST = { '1.0.0': { 'index.js': CALL } };

const EVIDENCE = {
  version: '1.0.0',
  file: 'index.js',
  line: 2,
  shows: SHOWS,
  checked: '2026-11-24',
  exercised: 'read',
};
const ENTRY = { range: '>=1.0.0 <=1.0.0', kinds: ['fd'], fds: [3], evidence: [EVIDENCE] };
const ENDED = {
  ...ENTRY,
  range: '>=1.0.0 <2.0.0',
  ends: { version: '2.0.0', why: 'it uses a file', checked: '2026-11-24' },
};
const filled = (entry: object) => ({ package: 'thing', passes: [entry] });
const WRONG_HASH = `sha512-${'A'.repeat(86)}==`;
const WHAT = 'thing passes fd 3 >=1.0.0 <=1.0.0';

const VERDICTS: readonly {
  readonly name: string;
  readonly versions: Registry[string];
  readonly entry: object;
  readonly said: string;
}[] = [
  { name: 'nothing changed', versions: FIRST, entry: ENTRY, said: `ok: ${WHAT}` },
  {
    name: 'a line that moved by a few',
    versions: FIRST,
    entry: { ...ENTRY, evidence: [{ ...EVIDENCE, line: 5 }] },
    said: `ok: ${WHAT}`,
  },
  {
    name: 'a newer prerelease',
    versions: { ...FIRST, '2.0.0-rc.1': { 'index.js': OTHER } },
    entry: ENTRY,
    said: `ok: ${WHAT}`,
  },
  {
    name: 'a version above the one that npm installs',
    versions: { '1.0.0': { 'index.js': CALL, latest: 'yes' }, '15.0.0': { 'index.js': OTHER } },
    entry: ENTRY,
    said: `ok: ${WHAT}`,
  },
  {
    name: 'a newer version with the text in another file',
    versions: { ...FIRST, '1.1.0': { 'lib/main.js': CALL } },
    entry: ENTRY,
    said: `unverified newer version: ${WHAT} (1.1.0 has the same text)`,
  },
  {
    name: 'a newer version without it',
    versions: { ...FIRST, '1.1.0': { 'index.js': OTHER } },
    entry: ENTRY,
    said: `no longer passes: ${WHAT} (1.1.0 lacks "${SHOWS}")`,
  },
  {
    name: 'an end that is one',
    versions: { ...FIRST, '2.0.0': { 'index.js': OTHER }, '3.0.0': { 'index.js': OTHER } },
    entry: ENDED,
    said: 'ok: thing passes fd 3 >=1.0.0 <2.0.0',
  },
  {
    name: 'an end that is none',
    versions: { ...FIRST, '2.0.0': { 'index.js': CALL } },
    entry: ENDED,
    said: `evidence wrong: thing passes fd 3 >=1.0.0 <2.0.0 (ends in 2.0.0: index.js still has "${SHOWS}")`,
  },
  {
    name: 'a newer version before the end',
    versions: { ...FIRST, '1.5.0': { 'index.js': CALL }, '2.0.0': { 'index.js': OTHER } },
    entry: ENDED,
    said: 'unverified newer version: thing passes fd 3 >=1.0.0 <2.0.0 (1.5.0 has the same text)',
  },
  {
    name: 'another line',
    versions: FIRST,
    entry: { ...ENTRY, evidence: [{ ...EVIDENCE, line: 20 }] },
    said: `evidence moved: ${WHAT} (1.0.0 index.js:20: now at line 2)`,
  },
  {
    name: 'another file',
    versions: FIRST,
    entry: { ...ENTRY, evidence: [{ ...EVIDENCE, file: 'lib/index.js' }] },
    said: `evidence moved: ${WHAT} (1.0.0 lib/index.js:2: now in index.js)`,
  },
  {
    name: 'a text that never was',
    versions: FIRST,
    entry: { ...ENTRY, evidence: [{ ...EVIDENCE, shows: 'stdio: [4]' }] },
    said: `evidence wrong: ${WHAT} (1.0.0 index.js:2: "stdio: [4]" is not in the tarball)`,
  },
  {
    name: 'a version that never was',
    versions: FIRST,
    entry: { ...ENTRY, evidence: [{ ...EVIDENCE, version: '0.9.0' }] },
    said: `evidence wrong: ${WHAT} (0.9.0 index.js:2: version 0.9.0 is not published)`,
  },
];

for (const { name, versions, entry, said } of VERDICTS) {
  test(`compat:verify says of ${name}: ${said.split(':', 1)[0]}`, async t => {
    const { file, run } = house(t, { thing: versions }, filled(entry));
    // Hashes are of tarballs that this test has just made; what else is wrong, --write leaves alone.
    await run('compat/verify', '--write', 'thing');
    const table = JSON.parse(readFileSync(file, 'utf8'));
    table.passes[0].evidence[0].line = (entry as typeof ENTRY).evidence[0]?.line;
    const text = `${JSON.stringify(table, null, 2)}\n`;
    write(path.dirname(file), { 'thing.json': text });

    const { stdout, code } = await run('compat/verify', 'thing');
    t.is(stdout.split('\n\n', 1)[0], said);
    t.is(code, /^(?:evidence|no longer)/.test(said) ? 1 : 0);
    t.is(readFileSync(file, 'utf8'), text, 'nothing is written');
  });
}

test('compat:verify finds another tarball, and --write does not hide it', async t => {
  const table = filled({ ...ENTRY, evidence: [{ ...EVIDENCE, integrity: WRONG_HASH }] });
  const { file, run } = house(t, { thing: FIRST }, table);
  const before = JSON.parse(readFileSync(file, 'utf8'));
  const { stdout, code } = await run('compat/verify', '--write', 'thing');
  t.regex(stdout, /^evidence wrong: .*the tarball is sha512-/);
  t.is(code, 1);
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')), before);
});

test('compat:verify goes on past a package that is gone, though its tarball was kept', async t => {
  const { folder, run } = house(t, { thing: FIRST }, filled(ENTRY));
  await run('compat/verify', '--write', 'thing');
  write(folder, { 'bin/registry.json': '{}' });
  const { stdout, code } = await run('compat/verify');
  t.is(
    stdout,
    `evidence wrong: ${WHAT} (no versions: 404 Not Found - GET thing)\n\n1 entries: 1 evidence wrong\n`,
  );
  t.is(code, 1);
});

test('compat:verify says of a registry that does not answer that nothing was checked, and exits with 3', async t => {
  const { folder, run } = house(t, { thing: FIRST }, filled(ENTRY));
  await run('compat/verify', '--write', 'thing');
  write(folder, { 'bin/registry.json': '"ENOTFOUND"' });
  const { stdout, code } = await run('compat/verify', 'thing');
  t.is(
    stdout,
    `not checked: ${WHAT} (no versions: request to the registry failed)\n\n1 entries: 1 not checked\n`,
  );
  t.is(code, 3);
});

test('compat:verify fetches no tarball again, and with --fresh each of them', async t => {
  const { folder, run } = house(t, { thing: FIRST }, filled(ENTRY));
  await run('compat/verify', '--write', 'thing');
  const tarballs = path.join(folder, '.cache', 'tarballs');
  const calls = () =>
    readFileSync(path.join(folder, 'bin', 'calls.txt'), 'utf8')
      .trim()
      .split('\n');
  t.deepEqual(calls(), ['view', 'pack']);
  rmSync(tarballs, { recursive: true });
  t.is((await run('compat/verify', 'thing')).code, 0);
  t.deepEqual(calls(), ['view', 'pack', 'view']);
  t.is((await run('compat/verify', '--fresh', 'thing')).code, 1, 'the hash of a tarball that was made anew');
  t.deepEqual(calls(), ['view', 'pack', 'view', 'view', 'pack']);
});

test('compat:verify reads tarballs again if what it kept is damaged', async t => {
  const { folder, run } = house(t, { thing: FIRST }, filled(ENTRY));
  await run('compat/verify', '--write', 'thing');
  write(folder, { '.cache/compat/answers.json': '{"format": 1, "answ' });
  const { stdout, code } = await run('compat/verify', 'thing');
  t.deepEqual([code, stdout], [0, `ok: ${WHAT}\n\n1 entries: 1 ok\n`]);
});

test('compat:verify sums up newer versions, and writes Markdown for a scheduled job', async t => {
  const versions = { ...FIRST, '1.1.0': { 'index.js': CALL }, '1.2.0': { 'index.js': CALL } };
  const gone = { ...ENTRY, kinds: ['pipe'], evidence: [{ ...EVIDENCE, shows: 'a | b' }] };
  const { folder, run } = house(
    t,
    { thing: versions },
    { package: 'thing', passes: [ENTRY, gone, { ...ENTRY, fds: [3, 4] }] },
  );
  await run('compat/verify', '--write', 'thing');
  const { stdout, code } = await run('compat/verify', 'thing', '--markdown', path.join(folder, 'result.md'));
  t.is(code, 1);
  t.deepEqual(stdout.trimEnd().split('\n').slice(-2), [
    '3 entries: 1 evidence wrong, 2 unverified newer version',
    'Newer versions to look at, of 1 packages: thing 1.0.0 -> 1.2.0',
  ]);
  t.is(
    readFileSync(path.join(folder, 'result.md'), 'utf8'),
    `# The compat table and what is published

| result | entries |
| --- | --- |
| evidence wrong | 1 |
| unverified newer version | 2 |

## Entries to correct: 1

| package | entry | result | why |
| --- | --- | --- | --- |
| thing | \`passes pipe 3 >=1.0.0 <=1.0.0\` | evidence wrong | 1.0.0 index.js:2: "a \\| b" is not in the tarball |

## Newer versions that were not checked: 1 packages

| package | last checked | newest | entries |
| --- | --- | --- | --- |
| thing | 1.0.0 | 1.2.0 | 2 |

What to do for each result: \`compat/README.md\`, "Change or remove an entry".
`,
  );
});

test('compat:verify --write corrects a line and fills in a hash', async t => {
  const { file, run } = house(
    t,
    { thing: FIRST },
    filled({ ...ENTRY, evidence: [{ ...EVIDENCE, line: 20 }] }),
  );
  t.is((await run('compat/verify', '--write', 'thing')).code, 0);
  const [evidence] = JSON.parse(readFileSync(file, 'utf8')).passes[0].evidence;
  t.is(evidence.line, 2);
  t.regex(evidence.integrity, /^sha512-[A-Za-z0-9+/]{86}==$/);
});

// ---------------------------------------------------------------------------------------------
// compat:new
// ---------------------------------------------------------------------------------------------

test('compat:new begins an entry for each place that passes FDs', async t => {
  const { file, run } = house(t, { thing: FIRST });
  t.is((await run('compat/new', 'thing')).code, 0);
  const { $schema, passes, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
  t.deepEqual(rest, { package: 'thing' });
  t.is($schema, '../schema.json');
  const [{ evidence, ...entry }] = passes;
  t.deepEqual(entry, { range: '>=1.0.0 <=1.0.0', kinds: ['fd'], fds: [3], purpose: '', breaks: '' });
  t.deepEqual(
    evidence.map(({ version, file, line, exercised }: typeof EVIDENCE) => [version, file, line, exercised]),
    [['1.0.0', 'index.js', 2, 'read']],
  );
  t.is((await run('compat/verify', 'thing')).stdout.split('\n', 1)[0], `ok: ${WHAT}`);
});

test('compat:new begins an entry for a package that patches', async t => {
  const patch = `const cp = require('child_process');\nconst { fork } = cp;\ncp.fork = (...args) => fork(...args);\n`;
  const { file, run } = house(t, { thing: { '1.0.0': { 'index.js': patch } } });
  t.is((await run('compat/new', 'thing@1.0.0')).code, 0);
  const { launches, passes } = JSON.parse(readFileSync(file, 'utf8'));
  t.is(passes, undefined);
  t.deepEqual(
    launches.map(({ range, purpose, evidence }: { evidence: [typeof EVIDENCE] } & Record<string, string>) => [
      range,
      purpose,
      evidence.map(({ line }) => line),
    ]),
    [['>=1.0.0 <=1.0.0', '', [3]]],
  );
});

for (const { name, files, said } of [
  {
    name: 'starts nothing',
    files: { 'index.js': OTHER },
    said: 'compat:new: thing@1.0.0 starts no process by itself (to record that: npm run compat:checked -- --write thing@1.0.0); nothing was written.',
  },
  {
    name: 'has native code',
    files: { 'index.js': OTHER, 'binding.gyp': '{}' },
    said: 'compat:new: thing@1.0.0 starts no process by itself, but has native code, of which only a run tells what it leaves open; nothing was written.',
  },
  {
    name: 'only has the words',
    files: { 'index.js': `const cp = require('child_process');\nargs.push('pipe:3');\n` },
    said: 'compat:new: thing@1.0.0 has no place that the scan takes for one; nothing was written.',
  },
] as const) {
  test(`compat:new writes nothing for a package that ${name}`, async t => {
    const { file, run } = house(t, { thing: { '1.0.0': files } });
    const { stderr, code } = await run('compat/new', 'thing');
    t.is(stderr, `${said}\n`);
    t.is(code, 1);
    t.false(existsSync(file));
  });
}

// ---------------------------------------------------------------------------------------------
// What they are called with
// ---------------------------------------------------------------------------------------------

for (const { script, args, code, said } of [
  {
    script: 'compat/new',
    args: [],
    code: 2,
    said: 'compat:new: expected NAME or NAME@1.2.3, found nothing.',
  },
  {
    script: 'compat/new',
    args: ['thing@^1'],
    code: 2,
    said: 'compat:new: expected NAME or NAME@1.2.3, found thing@^1.',
  },
  {
    script: 'compat/new',
    args: ['../thing'],
    code: 2,
    said: 'compat:new: expected NAME or NAME@1.2.3, found ../thing.',
  },
  {
    script: 'compat/new',
    args: ['a', 'b'],
    code: 2,
    said: 'compat:new: expected NAME or NAME@1.2.3, found a b.',
  },
  {
    script: 'compat/new',
    args: ['other'],
    code: 1,
    said: 'compat:new: compat/packages/other.json is there already; add to it by hand.',
  },
  {
    script: 'compat/new',
    args: ['nothing'],
    code: 1,
    said: 'compat:new: nothing cannot be had: 404 Not Found - GET nothing.',
  },
  {
    script: 'compat/new',
    args: ['thing@9.0.0'],
    code: 1,
    said: 'compat:new: thing@9.0.0 cannot be had: 404 Not Found - GET thing@9.0.0.',
  },
  { script: 'compat/verify', args: ['nobody'], code: 2, said: 'No such file: compat/packages/nobody.json' },
  {
    script: 'compat/verify',
    args: ['--wirte'],
    code: 2,
    said: `Unknown option '--wirte': expected --write, --fresh, --markdown FILE`,
  },
] as const) {
  test(`${script} ${args.join(' ')}: ${said}`, async t => {
    const { run } = house(t, { thing: FIRST });
    const result = await run(script, ...args);
    t.is(result.stderr, `${said}\n`);
    t.is(result.stdout, '');
    t.is(result.code, code);
  });
}
