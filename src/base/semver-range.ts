// Semver ranges for rules: a prerelease counts as the version that it precedes.

import type { Range as RangeClass, subset as Subset, valid as Valid } from 'semver';

const parsed = new Map<string, RangeClass>();

/** A missing or invalid version matches no range. */
export function matchesRange(version: string | undefined, range: string): boolean {
  return version !== undefined && parse(range).test(version);
}

/** Whether a text is one version, and not a range, a tag or anything else that a package.json may contain. */
export function isVersion(version: string): boolean {
  const valid = require('semver/functions/valid') as typeof Valid;
  return valid(version) !== null;
}

/** Whether semver accepts the range. */
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
    // Loaded by the first range: most processes never evaluate one.
    const Range = require('semver/classes/range') as typeof RangeClass;
    known = new Range(range, { includePrerelease: true });
    parsed.set(range, known);
  }
  return known;
}

/** Whether every version in `narrow` is in `wide`. */
export function isSubrange(narrow: string, wide: string): boolean {
  const subset = require('semver/ranges/subset') as typeof Subset;
  return subset(parse(narrow), parse(wide), { includePrerelease: true });
}
