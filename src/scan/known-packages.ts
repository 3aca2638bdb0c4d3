// What the compat table knows about packages that no source shows: strays, processes of addons.

import { matchesRange } from '../base/semver-range';
import type { Site } from './analysis/site';
import type { PackageOwner } from './package-owner';

export interface KnownPackages {
  readonly launchers: ReadonlySet<string>;
  readonly strays: readonly KnownEntry[];
  readonly starts: readonly KnownEntry[];
}

interface KnownEntry {
  readonly package: string;
  readonly range: string;
  readonly source: string;
  readonly purpose?: string;
  readonly target?: string;
}

export interface KnownSite extends Site {
  readonly known: string;
}

/** The sites of a package that the compat table lists. */
export function knownSitesOf(owner: PackageOwner, table: KnownPackages): readonly KnownSite[] {
  const isOfOwner = (entry: KnownEntry) =>
    entry.package === (owner.declaredName ?? owner.name) && matchesRange(owner.version, entry.range);
  return [
    ...table.strays
      .filter(isOfOwner)
      .map(({ target, purpose, source }) =>
        toSite(`it leaves ${target} open in each child (${purpose}; ${source})`),
      ),
    ...table.starts
      .filter(isOfOwner)
      .map(({ source }) => toSite(`its addon starts processes without child_process (${source})`)),
  ];
}

function toSite(known: string): KnownSite {
  return {
    line: 1,
    column: 1,
    lines: [1],
    snippetLine: 1,
    slots: [],
    more: true,
    confidence: 'certain',
    reason: 'compat',
    siteType: 'known',
    kinds: ['stray'],
    known,
    snippet: known,
  };
}
