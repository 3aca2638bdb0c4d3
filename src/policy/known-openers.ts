// Guesses which loaded package opened a stray: one that leaves such a file open, by the compat table.
//
// Pure. The system does not record which code opened an FD.

import { matchesGlob } from '../base/glob';
import { matchesRange } from '../base/semver-range';
import type { Access, FileType, OpenFile } from '../model/spawn-request';

/** A `strays` entry of the compat table. */
export interface KnownStray {
  readonly package: string;
  /** Without an upper limit: a newer version very likely leaves the same file open. */
  readonly range: string;
  readonly target: string;
  readonly type: FileType;
  readonly access: Access;
  readonly source: string;
}

export interface Opener {
  readonly package: string;
  readonly version: string;
  /** The file of the compat table with this fact. */
  readonly source: string;
}

/** `versionsOf` returns the versions of a package that this process has loaded; it is slow, so it is called last. */
export function findOpener(
  file: OpenFile,
  known: readonly KnownStray[],
  versionsOf: (name: string) => readonly string[],
): Opener | undefined {
  // Read once: each may be a system call, and the table has many entries.
  const { type, access, target } = file;
  if (type === undefined || access === undefined || target === undefined) return undefined;
  const fitting = known
    .filter(entry => entry.type === type && entry.access === access && matchesGlob(target, entry.target))
    .sort((a, b) => literal(b) - literal(a));
  for (const { package: name, range, source } of fitting) {
    const version = versionsOf(name).find(version => matchesRange(version, range));
    if (version !== undefined) return { package: name, version, source };
  }
  return undefined;
}

/** The number of characters that are no wildcard: specific targets come first, `**` last. */
function literal({ target }: KnownStray): number {
  return target.replaceAll('*', '').length;
}
