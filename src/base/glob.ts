// Globs: `*` matches any characters except a slash, `**` any characters, `?` one character except a slash.
//
// The matcher follows all positions in the glob at once, so its time is at most the length of the text times
// the length of the glob. docs/dev/decisions/own-globs.md has the reasons.

type Token = '**/' | '**' | '*' | '?' | { readonly character: string };

interface CompiledGlob {
  /** What each matching text begins with: most texts are rejected by it. */
  readonly start: string;
  readonly tokens: readonly Token[];
}

const compiled = new Map<string, CompiledGlob>();

/** Whether the glob matches the whole of `text`. */
export function matchesGlob(text: string, glob: string): boolean {
  let known = compiled.get(glob);
  if (known === undefined) {
    known = { start: /^[^*?]*/.exec(glob)?.[0] ?? '', tokens: toTokens(glob) };
    compiled.set(glob, known);
  }
  const { start, tokens } = known;
  if (!text.startsWith(start)) return false;

  // All positions in the glob that the text so far can lead to.
  let places = new Set<number>();
  reach(0, tokens, places);
  for (const character of text) {
    const next = new Set<number>();
    for (const place of places) step(place, character, tokens, next);
    if (next.size === 0) return false;
    places = next;
  }
  return places.has(tokens.length);
}

function toTokens(glob: string): Token[] {
  const words = glob.match(/\*\*\/?|[\s\S]/gu) ?? [];
  return words.map(word => (/^(?:\*\*\/?|[*?])$/.test(word) ? (word as Token) : { character: word }));
}

/** Adds a position, and those after it that need no character: `a/**` + `/b` also matches `a/b`. */
function reach(place: number, tokens: readonly Token[], places: Set<number>): void {
  let at = place;
  places.add(at);
  while (tokens[at] === '**/' || tokens[at] === '**' || tokens[at] === '*') places.add(++at);
}

function step(place: number, character: string, tokens: readonly Token[], next: Set<number>): void {
  const token = tokens[place];
  switch (token) {
    case undefined:
      return;
    case '**/':
      // The text that this token matches ends with a slash.
      next.add(place);
      if (character === '/') reach(place + 1, tokens, next);
      return;
    case '**':
      reach(place, tokens, next);
      return;
    case '*':
      if (character !== '/') reach(place, tokens, next);
      return;
    case '?':
      if (character !== '/') reach(place + 1, tokens, next);
      return;
    default:
      if (character === token.character) reach(place + 1, tokens, next);
  }
}
