// Installs the packages of test/packages/cases.mjs: exact versions, from npm, without their install scripts.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { findProgram } from './find-program.mjs';

/** Returns the folder with the packages of some cases; a change to any version makes a new one. */
export function installPackages(cases, cache) {
  const specs = cases.flatMap(({ installs }) => Object.entries(installs).map(spec => spec.join('@'))).sort();
  const key = createHash('sha256').update(specs.join()).digest('hex').slice(0, 12);
  const folder = path.join(cache, key);
  if (existsSync(folder)) return folder;

  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  writeFileSync(path.join(unfinished, 'package.json'), '{"private": true}');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--save-exact'];
  execFileSync('npm', ['install', ...options, ...specs], { cwd: unfinished, stdio: 'inherit' });
  for (const { builds, installs } of cases)
    if (builds) compile(path.join(unfinished, 'node_modules', Object.keys(installs)[0]));
  renameSync(unfinished, folder);
  return folder;
}

/** By npm's own node-gyp, with the headers beside this Node where it has them. */
function compile(folder) {
  const prefix = path.dirname(path.dirname(realpathSync(process.execPath)));
  const headers = existsSync(path.join(prefix, 'include', 'node', 'node.h')) ? [`--nodedir=${prefix}`] : [];
  const npm = realpathSync(findProgram('npm', false));
  const gyp = createRequire(npm).resolve('node-gyp/bin/node-gyp.js');
  execFileSync(process.execPath, [gyp, 'rebuild', ...headers], { cwd: folder, stdio: 'inherit' });
}
