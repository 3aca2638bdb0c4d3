// Statistics of measurements.

/** The value below which `share` of them lie; `list` need not be sorted. */
export function quantile(list, share) {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export function median(list) {
  return quantile(list, 0.5);
}

/** A median with its quartiles, as the tables show it. */
export function spread(list) {
  return { median: median(list), low: quantile(list, 0.25), high: quantile(list, 0.75) };
}
