// The baseline: places that are accepted, so that only new places fail.
//
// A place is identified by what it passes, not by its line or its package's version, which change
// with every update.

import type { Place } from './location';

export interface Baseline {
  /** How often each place occurs. */
  readonly places: ReadonlyMap<string, number>;
}

const FORMAT = 1;

export function fingerprint({ package: name, fileInPackage, siteType, callee, kinds, slots }: Place): string {
  return [name, fileInPackage, siteType, callee ?? '', [...kinds].sort().join('+'), slots.join('+')].join(
    ' | ',
  );
}

/** Sorted, one line a place, so that diffs are small. */
export function toBaseline(places: readonly Place[]): string {
  const counts = new Map<string, number>();
  for (const place of places) counts.set(fingerprint(place), (counts.get(fingerprint(place)) ?? 0) + 1);
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ closefdsBaseline: FORMAT, places: Object.fromEntries(sorted) }, null, 2)}\n`;
}

/** Throws an Error if the text is not a baseline. */
export function parseBaseline(text: string): Baseline {
  const json = JSON.parse(text) as { closefdsBaseline?: unknown; places?: unknown } | null;
  if (json?.closefdsBaseline !== FORMAT)
    throw new Error(
      `expected "closefdsBaseline": ${FORMAT}, found ${JSON.stringify(json?.closefdsBaseline)}`,
    );
  const { places } = json;
  if (typeof places !== 'object' || places === null)
    throw new Error(`expected an object under "places", found ${JSON.stringify(places)}`);
  for (const [place, count] of Object.entries(places))
    if (!Number.isInteger(count) || count < 1)
      throw new Error(`expected a count of 1 or more for "${place}", found ${JSON.stringify(count)}`);
  return { places: new Map(Object.entries(places as Record<string, number>)) };
}

export function newPlaces(places: readonly Place[], baseline: Baseline): readonly Place[] {
  const left = new Map(baseline.places);
  return places.filter(place => {
    const key = fingerprint(place);
    const count = left.get(key) ?? 0;
    left.set(key, count - 1);
    return count <= 0;
  });
}
