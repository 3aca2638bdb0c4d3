// Semver ranges as rules use them. Ranges include prereleases (`includePrerelease`).

import type { Range as RangeClass, subset as Subset, valid as Valid } from 'semver';
import { compare } from './counter';

const parsed = new Map<string, RangeClass>();

/** Whether `range` includes `version`. A missing or invalid version matches no range. */
export function matchesRange(version: string | undefined, range: string): boolean {
  return version !== undefined && parse(range).test(version);
}

/** Whether a text from a package.json is one version, not a range, a tag or a URL. */
export function isVersion(version: string): boolean {
  const valid = require('semver/functions/valid') as typeof Valid;
  return valid(version) !== null;
}

/** Whether semver can parse the range. */
export function isRange(range: string): boolean {
  try {
    parse(range);
    return true;
  } catch {
    return false;
  }
}

function parse(range: string): RangeClass {
  let known = parsed.get(range);
  if (known === undefined) {
    // Loaded with the first range: most processes evaluate none.
    const Range = require('semver/classes/range') as typeof RangeClass;
    known = new Range(range, { includePrerelease: true });
    parsed.set(range, known);
  }
  return known;
}

/** Whether `wide` includes every version that `narrow` includes. */
export function isSubrange(narrow: string, wide: string): boolean {
  const subset = require('semver/ranges/subset') as typeof Subset;
  return subset(parse(narrow), parse(wide), { includePrerelease: true });
}

/** For each major version among `versions`, the range from the lowest one to its end; undefined if one is missing. */
export function rangeOfVersions(versions: readonly (string | undefined)[]): string | undefined {
  if (!versions.every(version => version !== undefined && isVersion(version))) return undefined;
  const lowest = new Map<string, string>();
  for (const version of ([...versions] as string[]).sort(byVersion)) {
    const line = /^(?:0\.\d+|\d+)/.exec(version)?.[0] ?? version;
    if (!lowest.has(line)) lowest.set(line, version);
  }
  return [...lowest.values()].map(version => `^${version}`).join(' || ');
}

function byVersion(a: string, b: string): number {
  const numbers = (version: string) => version.split(/[.+-]/, 3).map(Number);
  const [x, y] = [numbers(a), numbers(b)];
  const at = x.findIndex((number, index) => number !== y[index]);
  return at === -1 ? compare(a, b) : (x[at] ?? 0) - (y[at] ?? 0);
}
