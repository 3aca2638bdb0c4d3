// Who most likely opened a stray: the loaded package of which the compat table says that it leaves
// such a file open.
//
// Pure, and a guess: an FD does not say who opened it.

import { matchesGlob } from '../base/glob';
import { matchesRange } from '../base/semver-range';
import type { Access, FileType, OpenFile } from '../model/spawn-request';

/** A `strays` entry of the compat table. */
export interface KnownStray {
  readonly package: string;
  /** Open-ended: a newer version very likely leaves open what the last one did. */
  readonly range: string;
  readonly target: string;
  readonly type: FileType;
  readonly access: Access;
  readonly source: string;
}

export interface Opener {
  readonly package: string;
  readonly version: string;
  /** The file of the compat table that says so. */
  readonly source: string;
}

/** `versionsOf` gives the versions of a package that this process has loaded, and is asked last. */
export function findOpener(
  file: OpenFile,
  known: readonly KnownStray[],
  versionsOf: (name: string) => readonly string[],
): Opener | undefined {
  const fitting = known.filter(entry => fits(entry, file)).sort((a, b) => literal(b) - literal(a));
  for (const { package: name, range, source } of fitting) {
    const version = versionsOf(name).find(version => matchesRange(version, range));
    if (version !== undefined) return { package: name, version, source };
  }
  return undefined;
}

function fits({ target, type, access }: KnownStray, file: OpenFile): boolean {
  return (
    file.target !== undefined &&
    type === file.type &&
    access === file.access &&
    matchesGlob(file.target, target)
  );
}

/** How much of a target is no wildcard: the most specific goes first, `**` last. */
function literal({ target }: KnownStray): number {
  return target.replaceAll('*', '').length;
}
