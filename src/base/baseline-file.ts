// A baseline file: what is accepted by now, so that only what is new fails. `closefds scan` keeps places in it,
// `closefds run` findings; each leaves the part of the other as it is.

/** What each part is a list of. */
export type BaselinePart = 'places' | 'findings';

const BASELINE_FORMAT = 1;

/** The keys of one part with their counts; empty if the file has no such part. Throws an Error if the text is no baseline. */
export function parseBaselinePart(text: string, part: BaselinePart): Map<string, number> {
  const counts = parseAll(text)[part] ?? {};
  if (typeof counts !== 'object' || counts === null || Array.isArray(counts))
    throw new Error(`expected an object under "${part}", found ${JSON.stringify(counts)}`);
  for (const [key, count] of Object.entries(counts))
    if (!Number.isInteger(count) || (count as number) < 1)
      throw new Error(`expected a count of 1 or more for "${key}", found ${JSON.stringify(count)}`);
  return new Map(Object.entries(counts as Record<string, number>));
}

/** The file with one part replaced; sorted, one line a key, so that diffs are small. Throws an Error if `before` is no baseline. */
export function withBaselinePart(
  before: string | undefined,
  part: BaselinePart,
  counts: ReadonlyMap<string, number>,
): string {
  const rest = before === undefined ? {} : parseAll(before);
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  const whole = { ...rest, closefdsBaseline: BASELINE_FORMAT, [part]: Object.fromEntries(sorted) };
  const { closefdsBaseline, places, findings } = whole as Record<string, unknown>;
  return `${JSON.stringify({ closefdsBaseline, places, findings }, null, 2)}\n`;
}

function parseAll(text: string): Record<string, unknown> {
  const json = JSON.parse(text) as Record<string, unknown> | null;
  if (json?.closefdsBaseline !== BASELINE_FORMAT)
    throw new Error(
      `expected "closefdsBaseline": ${BASELINE_FORMAT}, found ${JSON.stringify(json?.closefdsBaseline)}`,
    );
  return json;
}
