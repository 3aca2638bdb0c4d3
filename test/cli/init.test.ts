// closefds init, as a user calls it.

import { chmodSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readConfig } from '../../src/policy/settings';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, type RunResult, run, runCommand } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

async function init(
  t: ExecutionContext,
  files: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<RunResult & { readonly folder: string }> {
  const folder = temporaryFolder(t);
  write(folder, { 'README.md': '', ...files });
  return { ...(await run(MAIN, { nodeArgs: [], args: ['init', ...args], cwd: folder })), folder };
}

const manifest = (content: object) => ({ 'package.json': JSON.stringify({ name: 'app', ...content }) });

for (const { title, files, commands } of [
  {
    title: 'npm, a start script of Node, CommonJS',
    files: {
      ...manifest({ scripts: { start: 'node --max-old-space-size=64 server.js' } }),
      'package-lock.json': '',
    },
    commands: [
      'npx closefds audit --report findings.ndjson -- npm start',
      'npx closefds learn --write findings.ndjson',
      'CLOSEFDS_MODE=enforce node --require closefds/register --max-old-space-size=64 server.js',
    ],
  },
  {
    title: 'pnpm, ESM',
    files: { ...manifest({ type: 'module', scripts: { start: 'node server.mjs' } }), 'pnpm-lock.yaml': '' },
    commands: [
      'pnpm exec closefds audit --report findings.ndjson -- pnpm start',
      'pnpm exec closefds learn --write findings.ndjson',
      'CLOSEFDS_MODE=enforce node --import closefds/register server.mjs',
    ],
  },
  {
    title: 'Yarn by name, a start script that is no call of Node',
    files: manifest({ packageManager: 'yarn@4.1.0', scripts: { start: 'next start && node a.js' } }),
    commands: [
      'yarn closefds audit --report findings.ndjson -- yarn start',
      'yarn closefds learn --write findings.ndjson',
      'yarn closefds run --mode enforce -- yarn start',
    ],
  },
  {
    title: 'Yarn by its lock file',
    files: { ...manifest({ scripts: { start: 'node .' } }), 'yarn.lock': '' },
    commands: [
      'yarn closefds audit --report findings.ndjson -- yarn start',
      'yarn closefds learn --write findings.ndjson',
      'CLOSEFDS_MODE=enforce yarn node --require closefds/register .',
    ],
  },
  {
    title: 'no start script',
    files: manifest({ main: 'lib/app.js' }),
    commands: [
      'npx closefds audit --report findings.ndjson -- node lib/app.js',
      'npx closefds learn --write findings.ndjson',
      'CLOSEFDS_MODE=enforce node --require closefds/register lib/app.js',
    ],
  },
]) {
  test(`init writes a config and prints three commands: ${title}`, async t => {
    const { code, stdout, stderr, folder } = await init(t, files);
    t.deepEqual([code, stderr], [0, '']);
    t.deepEqual(
      stdout.match(/^ {2}.*$/gm),
      commands.map(command => `  ${command}`),
    );
    const file = path.join(folder, 'closefds.json');
    t.is(readConfig(file).mode, 'warn');
    t.is(JSON.parse(readFileSync(file, 'utf8')).$schema, './node_modules/closefds/config.schema.json');
  });
}

test('the commands of init run, one after the other', async t => {
  const { stdout, folder } = await init(t, {
    ...manifest({ scripts: { start: 'node server.js' } }),
    'server.js': `require('node:child_process').spawnSync('true', { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });`,
  });
  const commands = (stdout.match(/^ {2}.*$/gm) ?? []).map(line =>
    line
      .trim()
      .replace('npx closefds', `"${process.execPath}" "${MAIN}"`)
      .replace('closefds/register', path.join(ROOT, 'dist', 'register', 'index.js')),
  );
  const results: RunResult[] = [];
  for (const command of commands) results.push(await runCommand(['sh', '-c', command], { cwd: folder }));
  t.deepEqual(
    results.map(({ code }) => code),
    [0, 0, 0],
  );
  t.deepEqual(
    results.map(({ stderr }) => /\[CLOSEFDS_DESIGNATED\].* was closed/.test(stderr)),
    [false, false, true],
  );
  t.regex(results[1]?.stdout ?? '', /Close, no use seen \(1\)/);
});

for (const { title, files, args = [], message } of [
  {
    title: 'a config that is there',
    files: { ...manifest({}), 'closefds.json': '{}' },
    message: 'expected no config, found closefds.json',
  },
  {
    title: 'a config in package.json',
    files: manifest({ closefds: {} }),
    message: 'expected no config, found the key "closefds" in package.json',
  },
  {
    title: 'a folder without a package.json',
    files: {},
    message: 'expected a package.json in the current folder, found none',
  },
  {
    title: 'a package.json that is not JSON',
    files: { 'package.json': '{' },
    message: 'expected an object of JSON in package.json, found something else',
  },
  { title: 'an argument', files: manifest({}), args: ['x'], message: 'expected no argument, found "x"' },
] as {
  title: string;
  files: Record<string, string>;
  args?: readonly string[];
  message: string;
}[]) {
  test(`init refuses ${title}`, async t => {
    const { code, stdout, stderr, folder } = await init(t, files, args);
    t.deepEqual([code, stdout, stderr], [2, '', `closefds: ${message}. See "closefds init --help".\n`]);
    t.is(existsSync(path.join(folder, 'closefds.json')), 'closefds.json' in files);
  });
}

test('init in a folder that cannot be written says so in one sentence', async t => {
  const folder = temporaryFolder(t);
  write(folder, manifest({}));
  chmodSync(folder, 0o555);
  const user =
    process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
  const { code, stderr } = await runCommand([...user, process.execPath, MAIN, 'init'], {
    cwd: folder,
    env: { NODE_V8_COVERAGE: '' },
  });
  chmodSync(folder, 0o755);
  const expected = `closefds: ${folder}/closefds.json cannot be used: permission denied. See "closefds init --help".\n`;
  t.deepEqual([code, stderr], [2, expected]);
});
