// Suggests what a mistyped word was meant to be. Loaded only for an error.

/** Returns ` Did you mean "warn"?` for the known word that is most like `found`; empty if no word is like it. */
export function didYouMean(found: unknown, known: readonly string[]): string {
  const near = nearestOf(found, known);
  return near === undefined ? '' : ` Did you mean ${JSON.stringify(near)}?`;
}

/** The known word that is most like `found`, in upper or lower case. */
export function nearestOf(found: unknown, known: readonly string[]): string | undefined {
  if (typeof found !== 'string') return undefined;
  return known
    .map(name => ({ name, distance: editDistance(found.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0]?.name;
}

/** Insertions, deletions, replacements, and swaps of neighbours (optimal string alignment), one row at a time. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 5) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = Number(row[j - 1]) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? Number(before[j - 2]) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(replaced, swapped, Number(row[j]) + 1, Number(next[j - 1]) + 1));
    }
    before = row;
    row = next;
  }
  return Number(row[b.length]);
}
