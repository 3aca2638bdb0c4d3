// Finds a program of this machine: its path, or why it is missing. With `install`, root installs it by apt.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

export function findProgram(name, install) {
  const place = which(name) ?? (install ? installProgram(name) : undefined);
  return place ?? { missing: `there is no ${name}${install ? '' : '; --install gets it from apt'}` };
}

function which(name) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.map(folder => path.join(folder, name)).find(file => existsSync(file));
}

function installProgram(name) {
  if (process.getuid?.() !== 0) return { missing: `there is no ${name}, and only root can install it` };
  const options = { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' };
  try {
    execFileSync('apt-get', ['update', '-q'], options);
    execFileSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', name], {
      ...options,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  } catch (error) {
    const why = String(error.stderr || error.message)
      .trim()
      .split('\n')
      .at(-1);
    return { missing: `there is no ${name}, and apt-get could not install it: ${why}` };
  }
  return which(name);
}
