// docs/getting-started.md, run from the page: an app in a folder in place of /app, with the tarball installed.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { command } from '../support/installs';
import { addWithYarn } from '../support/managers';
import { fences, section } from '../support/markdown';
import { temporaryFolder, write } from '../support/programs';
import { inheriting, LIST_FDS, ROOT, type RunResult, runCommand } from '../support/run';
import { pack } from '../support/tarball';

interface Context {
  readonly tarball: string;
  readonly nodes: ReadonlyMap<number, string>;
}

const test = anyTest as TestFn<Context>;
const PAGE = readFileSync(path.join(ROOT, 'docs', 'getting-started.md'), 'utf8');

const APP = `
  const { stdout } = require('node:child_process').spawnSync('${LIST_FDS}', ['1', '1000']);
  console.log('its child has ' + String(stdout).trim());
`;
const CLOSED = 'its child has [0,1,2]';
const PASSED = 'its child has [0,1,2,200]';

test.before(async t => {
  const listed = await command(ROOT, process.execPath, [path.join('scripts', 'verify', 'fetch-nodes.mjs')]);
  const nodes = new Map(
    listed.split('\n').map(line => {
      const [version = '', binary = ''] = line.split('\t');
      return [Number.parseInt(version, 10), binary];
    }),
  );
  Object.assign(t.context, { tarball: await pack(), nodes });
});

const blocks = (heading: string, language: string): string[] => fences(section(PAGE, heading), language);
const lines = (heading: string): string[] => blocks(heading, 'sh').flatMap(block => block.trim().split('\n'));
const [PACKAGE = ''] = blocks('npm scripts', 'json');

/** The app, installed. What the page calls /app is its folder. */
async function writeApp(t: ExecutionContext<Context>): Promise<{ folder: string; here: Here }> {
  const folder = path.join(temporaryFolder(t), 'app');
  write(folder, { 'package.json': PACKAGE, 'app.js': APP, 'test.js': APP });
  await command(folder, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', t.context.tarball]);
  return { folder, here: text => text.replaceAll(/(?<![\w.])\/app(?![\w-])/g, folder) };
}

type Here = (text: string) => string;

/** Runs a command in the app's folder, from a shell that holds an FD behind a gap. */
function start(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunResult> {
  const held = write(folder, { held: '' });
  return runCommand([...inheriting(200, held), ...args], { cwd: folder, env });
}

/** What the app's child had, by the lines that the app printed. */
const found = ({ stdout }: RunResult): string[] => stdout.split('\n').filter(line => line.startsWith('its '));
const shell = (line: string): string[] => ['bash', '-c', line];

test('without closefds the FD arrives', async t => {
  const { folder } = await writeApp(t);
  t.deepEqual(found(await start(folder, ['node', 'app.js'])), [PASSED]);
});

test('on the command line', async t => {
  const { folder } = await writeApp(t);
  const commands = lines('On the command line');
  t.is(commands.length, 2);
  for (const line of commands) t.deepEqual(found(await start(folder, shell(line))), [CLOSED], line);
  const path = 'node_modules/closefds/dist/register/index.js';
  t.deepEqual(found(await start(folder, ['node', '--require', `${folder}/${path}`, 'app.js'])), [CLOSED]);
});

test('in the code', async t => {
  const { folder } = await writeApp(t);
  const [line = ''] = blocks('In the code', 'js');
  const [, module = ''] = /In a module, `([^`]+)`/.exec(section(PAGE, 'In the code')) ?? [];
  write(folder, { 'first.js': line + APP, 'first.mjs': `${module} await import('./app.js');` });
  t.deepEqual(found(await start(folder, ['node', 'first.js'])), [CLOSED]);
  t.deepEqual(found(await start(folder, ['node', 'first.mjs'])), [CLOSED]);
});

test('a whole tree of processes', async t => {
  const { folder, here } = await writeApp(t);
  write(folder, { 'package.json': JSON.stringify({ ...JSON.parse(PACKAGE), scripts: SCRIPTS }) });
  const commands = lines('A whole tree of processes');
  const expected = [CLOSED, PASSED, CLOSED];
  for (const [index, line] of commands.entries()) {
    const result = await start(folder, shell(here(line)));
    t.deepEqual(found(result), [expected[index]], line + result.stderr);
  }
  t.is(commands.length, expected.length);
});

/** Scripts that know nothing of closefds. */
const SCRIPTS = { start: 'sh -c "node app.js; true"', test: 'node test.js' };

test('npm scripts', async t => {
  const { folder } = await writeApp(t);
  t.deepEqual(found(await start(folder, ['npm', 'start'])), [CLOSED]);
  const warned = await start(folder, ['npm', 'run', 'start:warn']);
  t.deepEqual(found(warned), [PASSED]);
  t.regex(warned.stderr, /CLOSEFDS_STRAY/);
  t.deepEqual(found(await start(folder, ['npm', 'test'])), [PASSED]);
});

test("Yarn Plug'n'Play", async t => {
  const folder = path.join(temporaryFolder(t), 'app');
  write(folder, { 'package.json': PACKAGE, 'app.js': APP });
  const { program, env } = await addWithYarn(folder, 'pnp', t.context.tarball);
  t.false(existsSync(path.join(folder, 'node_modules')));
  const yarn = write(folder, { 'bin/yarn': `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n` });
  chmodSync(yarn, 0o755);
  const through = { ...env, PATH: `${path.dirname(yarn)}:${process.env.PATH}` };
  const commands = lines("Yarn Plug'n'Play");
  t.is(commands.length, 2);
  for (const line of [...commands, 'yarn start', commands[0]?.replace('--require', '--import') ?? '']) {
    const result = await start(folder, shell(line), through);
    t.deepEqual(found(result), [CLOSED], line + result.stdout + result.stderr);
  }
});

test('Docker: the file is right, and what it starts is guarded', async t => {
  const { folder, here } = await writeApp(t);
  const [file = ''] = blocks('Docker', 'dockerfile');
  t.deepEqual(validate(file), []);
  const [, options = ''] = /^ENV NODE_OPTIONS="(.+)"$/m.exec(file) ?? [];
  const [, program = '[]'] = /^CMD (\[.+\])$/m.exec(file) ?? [];
  const result = await start(folder, JSON.parse(program), { NODE_OPTIONS: here(options) });
  t.deepEqual(found(result), [CLOSED], result.stderr);
});

test('Kubernetes: the YAML is right, and its environment loads closefds in mode warn', async t => {
  const { folder, here } = await writeApp(t);
  const { spec } = parse(blocks('Kubernetes', 'yaml')[0] ?? '', { strict: true });
  const { env } = spec.template.spec.containers[0];
  const pairs = env.map(({ name, value }: { name: string; value: string }) => [name, here(value)]);
  const result = await start(folder, ['node', 'app.js'], Object.fromEntries(pairs));
  t.deepEqual(found(result), [PASSED], result.stderr);
  t.regex(result.stderr, /CLOSEFDS_STRAY/);
});

test('systemd: the unit is right, and what it starts has closefds in mode warn', async t => {
  const { folder, here } = await writeApp(t);
  const unit = here(blocks('systemd', 'ini')[0] ?? '').replace('/usr/bin/node', process.execPath);
  const file = write(folder, { 'app.service': unit });
  const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  if (verified.error) t.log('the unit is not checked: systemd-analyze is not installed');
  else t.is(verified.stderr + verified.stdout, '');

  const value = (key: string) => new RegExp(`^${key}=(.+)$`, 'm').exec(unit)?.[1] ?? '';
  t.is(value('WorkingDirectory'), folder);
  const [name = '', setting = ''] = value('Environment').split('=');
  const result = await start(folder, value('ExecStart').split(' '), { [name]: setting });
  t.deepEqual(found(result), [PASSED], result.stderr);
  t.regex(result.stderr, /CLOSEFDS_STRAY/);
});

const PM2 = 'pm2@7.0.4';

for (const { title, more, mode, fds } of [
  { title: 'fork mode', more: '', mode: 'warn', fds: PASSED },
  { title: 'fork mode, enforce', more: '', mode: 'enforce', fds: CLOSED },
  { title: 'cluster mode', more: `instances: 2, exec_mode: 'cluster',`, mode: 'warn', fds: PASSED },
  {
    title: 'cluster mode, enforce',
    more: `instances: 2, exec_mode: 'cluster',`,
    mode: 'enforce',
    fds: CLOSED,
  },
] as const) {
  test(`pm2, ${title}`, async t => {
    const { folder, here } = await writeApp(t);
    await command(folder, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', PM2]);
    const config = here(blocks('pm2', 'js')[0] ?? '')
      .replace("name: 'app',", `name: 'app', ${more}`)
      .replace("'warn'", `'${mode}'`);
    write(folder, { 'ecosystem.config.js': config, 'app.js': `${APP} setInterval(() => {}, 1000);` });
    const env = { PM2_HOME: path.join(folder, 'pm2'), HOME: folder };
    const pm2 = [process.execPath, path.join(folder, 'node_modules', 'pm2', 'bin', 'pm2')];
    const expected = Array(more === '' ? 1 : 2).fill(fds);
    try {
      const started = await start(folder, [...pm2, 'start', 'ecosystem.config.js'], env);
      t.is(started.code, 0, started.stdout + started.stderr);
      t.deepEqual(await logged(path.join(folder, 'pm2', 'logs'), expected.length), expected);
    } finally {
      await start(folder, [...pm2, 'kill'], env);
    }
  });
}

/** Each process of a cluster has a log of its own. */
async function logged(folder: string, count: number): Promise<string[]> {
  const read = () => spawnSync('sh', ['-c', `cat ${folder}/*out*.log`], { encoding: 'utf8' }).stdout;
  for (let tries = 0; tries < 300; tries++) {
    const text = read()
      .split('\n')
      .filter(line => line.startsWith('its '));
    if (text.length >= count) return text;
    await sleep(100);
  }
  return [`nothing was logged: ${read()}`];
}

for (const major of [20, 22, 24, 26]) {
  test(`the permission model, Node ${major}`, async t => {
    const { folder, here } = await writeApp(t);
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    symlinkSync(t.context.nodes.get(major) ?? '', path.join(bin, 'node'));
    const env = { PATH: `${bin}:${process.env.PATH}` };
    const [addon = '', fallback = ''] = lines('The permission model').map(line =>
      here(major === 20 ? line.replace('--permission', '--experimental-permission') : line),
    );

    const guarded = await start(folder, shell(addon), env);
    t.deepEqual(found(guarded), [CLOSED], guarded.stderr);
    t.notRegex(guarded.stderr, /CLOSEFDS_(?:STAND_IN|UNGUARDED|INTERNAL_ERROR)/);

    // A placeholder lies over the stray, which the list leaves out.
    const covered = await start(folder, shell(fallback), env);
    t.deepEqual(found(covered), [CLOSED], covered.stderr);
    t.regex(covered.stderr, /CLOSEFDS_STAND_IN/);
  });
}
