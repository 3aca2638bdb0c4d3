// The baseline: places that are accepted, so that only new places fail.
//
// A place is identified by what it passes, not by its line or its package's version, which change
// with every update.

import { parseBaselinePart, withBaselinePart } from '../base/baseline-file';
import type { Place } from './location';

export interface Baseline {
  /** How often each place occurs. */
  readonly places: ReadonlyMap<string, number>;
}

export function fingerprint({ package: name, fileInPackage, siteType, callee, kinds, slots }: Place): string {
  return [name, fileInPackage, siteType, callee ?? '', [...kinds].sort().join('+'), slots.join('+')].join(
    ' | ',
  );
}

/** The text of the file; `before` is what is in it, of which the part of `closefds run` stays. Throws an Error if that is no baseline. */
export function toBaseline(places: readonly Place[], before?: string): string {
  const counts = new Map<string, number>();
  for (const place of places) counts.set(fingerprint(place), (counts.get(fingerprint(place)) ?? 0) + 1);
  return withBaselinePart(before, 'places', counts);
}

/** Throws an Error if the text is not a baseline. */
export function parseBaseline(text: string): Baseline {
  return { places: parseBaselinePart(text, 'places') };
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
