// Reads tallies, `{ values: [{ value, count }], other }`, and sums them by name.

export const DISPOSITIONS = ['passed', 'closed', 'refused'];

/** In the order of a report, see src/report/assess.ts. */
export const STATES = ['broke', 'undecided', 'closed', 'allowed', 'noise'];

export function valuesOf(tally) {
  return tally.values.map(({ value }) => String(value));
}

export function listOf(tally) {
  return valuesOf(tally).join(', ') + (tally.other > 0 ? ' ...' : '');
}

export function countOf(tally, wanted) {
  return tally.values.find(({ value }) => value === wanted)?.count ?? 0;
}

export function addTo(map, key, count) {
  map.set(key, (map.get(key) ?? 0) + count);
}

export function byCount(count, name) {
  return (a, b) => count(b) - count(a) || (name(a) < name(b) ? -1 : 1);
}
