// Semver ranges, as rules use them: prereleases count as the versions they lead to.

import type { Range as RangeClass, subset as Subset, valid as Valid } from 'semver';

const parsed = new Map<string, RangeClass>();

/** Whether `version` lies in `range`; one that is missing or no semver version lies in none. */
export function matchesRange(version: string | undefined, range: string): boolean {
  return version !== undefined && parse(range).test(version);
}

/** Whether it is one version, rather than a range, a tag or anything else that a package.json may say. */
export function isVersion(version: string): boolean {
  const valid = require('semver/functions/valid') as typeof Valid;
  return valid(version) !== null;
}

/** Whether semver can read it. */
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
    // Loaded with the first range that is looked at: most processes never see one.
    const Range = require('semver/classes/range') as typeof RangeClass;
    known = new Range(range, { includePrerelease: true });
    parsed.set(range, known);
  }
  return known;
}

/** Whether all that lies in `narrow` lies in `wide`. */
export function isSubrange(narrow: string, wide: string): boolean {
  const subset = require('semver/ranges/subset') as typeof Subset;
  return subset(parse(narrow), parse(wide), { includePrerelease: true });
}
