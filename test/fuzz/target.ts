// What a fuzz target is. The table of all of them is targets.ts.

import fc from 'fast-check';

/** One kind of input that comes from outside, and what must hold for all of it. */
export interface Target {
  readonly name: string;
  /** In words: what would be a bug. */
  readonly holds: string;
  /** How many inputs `npm test` tries; `npm run verify:fuzz` tries that many at a time, until time is up. */
  readonly runs: number;
  /** Tries that many inputs, the same for the same seed. Throws at the first that is a bug, and shows it. */
  readonly run: (seed: number, runs: number) => void | Promise<void>;
}

/** A target that is a property of fast-check's, which also makes the input that fails small. */
export function property<T>(
  name: string,
  holds: string,
  runs: number,
  input: fc.Arbitrary<T>,
  check: (input: T) => void | Promise<void>,
): Target {
  const run = (seed: number, numRuns: number) =>
    fc.assert(
      fc.asyncProperty(input, async value => check(value)),
      { seed, numRuns, includeErrorInReport: true },
    );
  return { name, holds, runs, run };
}

/** Text that is almost right: pieces of it cut out, doubled, moved or made something else. */
export function damaged(texts: fc.Arbitrary<string>, words: readonly string[]): fc.Arbitrary<string> {
  const damage = fc.record({
    at: fc.nat(),
    length: fc.nat(12),
    word: fc.oneof(fc.constantFrom('', ...words), fc.string({ unit: 'binary', maxLength: 3 })),
  });
  return fc
    .tuple(texts, fc.array(damage, { maxLength: 4 }))
    .map(([text, damages]) => damages.reduce(replaceOne, text));
}

function replaceOne(
  text: string,
  { at, length, word }: { readonly at: number; readonly length: number; readonly word: string },
): string {
  const from = at % (text.length + 1);
  return text.slice(0, from) + word + text.slice(from + length);
}

/** Throws if `holds` does not; for checks outside of AVA. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`not so: ${what}`);
}
