// Statistics of measurements.

/** The value below which `share` of them lie; `list` need not be sorted. */
export function quantile(list, share) {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export function median(list) {
  return quantile(list, 0.5);
}

/**
 * The median with its 95 % confidence interval: the order statistics that the binomial distribution names, which
 * assume nothing about how the values are distributed. With fewer than six values, the least and the largest.
 */
export function interval(list) {
  const sorted = list.toSorted((a, b) => a - b);
  const half = (1.96 * Math.sqrt(sorted.length)) / 2;
  const low = Math.max(0, Math.floor(sorted.length / 2 - half) - 1);
  const high = Math.min(sorted.length - 1, Math.ceil(sorted.length / 2 + half));
  return { median: median(sorted), low: sorted[low], high: sorted[high] };
}

/** A median with its quartiles, as the tables show it. */
export function spread(list) {
  return { median: median(list), low: quantile(list, 0.25), high: quantile(list, 0.75) };
}

/** Whether a goal is met: when the whole interval is below it. */
export function verdict({ low, high }, goal) {
  if (high <= goal) return 'yes';
  return low > goal ? 'no' : 'not shown';
}

/** An object with each value changed. */
export function mapValues(of, change) {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, change(value)]));
}
