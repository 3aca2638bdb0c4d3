// The programs that the measurements run, compiled into build/.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const REGISTER = path.join(ROOT, 'dist', 'register', 'index.js');
export const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

const BUILD = path.join(ROOT, 'build');
const require = createRequire(import.meta.url);

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

/** Processor time of this process and its children so far, in milliseconds. */
export function cpu() {
  return require(tool('usage.node')).cpu();
}

/** Page faults of this process and its children so far. */
export function faults() {
  return require(tool('usage.node')).faults();
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
