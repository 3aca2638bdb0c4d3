// The programs that the measurements run, compiled into build/.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const REGISTER = path.join(ROOT, 'dist', 'register', 'index.js');
export const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

const BUILD = path.join(ROOT, 'build');
const require = createRequire(import.meta.url);

/** Modules of Node that closefds has to have before the program runs. */
export const BUILTINS = ['child_process', 'module', 'worker_threads'];
/** The text of a preload that loads them. */
export const LOADING_BUILTINS = BUILTINS.map(name => `require('node:${name}');\n`).join('');

export const program = name => path.join(ROOT, 'bench', 'programs', name);
export const tool = name => path.join(BUILD, name);

export function buildTools() {
  if (!existsSync(REGISTER)) throw new Error('expected a build: npm run build');
  execFileSync(process.execPath, [path.join(ROOT, 'scripts', 'build', 'test-tools.mjs')], {
    stdio: 'inherit',
  });
  mkdirSync(BUILD, { recursive: true });
  const headers = require('node-api-headers').include_dir;
  compile('usage.c', 'usage.node', ['-shared', '-fPIC', '-isystem', headers, '-DNAPI_VERSION=8']);
  for (const name of ['nothing', 'close-launcher', 'no-close-range']) compile(`${name}.c`, name, ['-static']);
}

function compile(source, output, flags) {
  const from = path.join(ROOT, 'bench', 'native', source);
  const all = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', ...flags];
  execFileSync(process.env.CC ?? 'cc', [...all, '-o', tool(output), from], { stdio: 'inherit' });
}

/** The environment of a measured program. Reading certificates would take most of the start of a Node child. */
export function environment(more = {}) {
  const { NODE_OPTIONS, NODE_EXTRA_CA_CERTS, ...rest } = process.env;
  const own = Object.entries(rest).filter(([name]) => !name.startsWith('CLOSEFDS_'));
  return { ...Object.fromEntries(own), ...more };
}

/** Runs a program to its end, as a player of harness.mjs. A stray of ours would be a finding for closefds to report. */
export function playStart(command, more) {
  const before = { cpu: cpu(), faults: faults() };
  const begin = performance.now();
  const { status, stderr } = spawnSync(tool('close-launcher'), command, {
    env: environment(more),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const times = [performance.now() - begin];
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr}`);
  return { times, cpu: cpu() - before.cpu, faults: faults() - before.faults };
}

/** Processor time of this process and its children so far, in milliseconds. */
export function cpu() {
  return require(tool('usage.node')).cpu();
}

/** Page faults of this process and its children so far. */
export function faults() {
  return require(tool('usage.node')).faults();
}

/** How many FDs a child may open. Node raises its own limit to the hard one, which children inherit. */
export function mostFds() {
  return Number(execFileSync('sh', ['-c', 'ulimit -Sn'], { encoding: 'utf8' })) || 1_000_000;
}

/** The lines of a report file. */
export function readRecords(file) {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
}

/** closefds as it is installed where no addon fits: its preload is the fallback guard's. */
export function withoutAddon(folder) {
  const copy = path.join(folder, 'without-addon');
  mkdirSync(copy, { recursive: true });
  for (const part of ['register', 'src', 'compat'])
    cpSync(path.join(ROOT, 'dist', part), path.join(copy, 'dist', part), { recursive: true });
  cpSync(path.join(ROOT, 'package.json'), path.join(copy, 'package.json'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  return path.join(copy, 'dist', 'register', 'index.js');
}
