// Finds the version of a program that an audit has seen, from its package. Executes only the package
// manager, never the program.

import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

/** Returns a function that looks up each program once. */
export function createVersions(): (program: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  return program => {
    if (!known.has(program))
      known.set(
        program,
        attempt(() => versionOf(program)),
      );
    return known.get(program);
  };
}

function versionOf(program: string): string | undefined {
  if (!path.isAbsolute(program)) return undefined;
  const real = realpathSync(program);
  if (real === realpathSync(process.execPath)) return process.version;
  return (
    attempt(() => fromManifest(real)) ??
    attempt(() => fromDpkg(program)) ??
    attempt(() => fromDpkg(real)) ??
    // Debian's package lists have /bin/ls; since /bin is a link, its real path is /usr/bin/ls.
    attempt(() => fromDpkg(real.replace(/^\/usr/, ''))) ??
    attempt(() => query('rpm', ['--query', '--file', real, '--queryformat', '%{VERSION}-%{RELEASE}']))
  );
}

function fromManifest(file: string): string | undefined {
  const [folder] = /^.*\/node_modules\/(?:@[^/]+\/)?[^/@.][^/]*(?=\/)/.exec(file) ?? [];
  if (folder === undefined) return undefined;
  const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    version?: unknown;
  };
  return typeof version === 'string' ? version : undefined;
}

/** `--search` prints `coreutils: /bin/ls`, or `a, b: /x` for files of several packages. */
function fromDpkg(file: string): string | undefined {
  const [, name] = /^([^\s,:]+)/.exec(query('dpkg-query', ['--search', file])) ?? [];
  return name && query('dpkg-query', ['--show', '--showformat', `\${Version}`, name]);
}

function query(command: string, args: readonly string[]): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 10_000,
  }).trim();
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
