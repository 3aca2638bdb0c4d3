// Globs: `*` is any run of characters without a slash, `**` any run at all, `?` one character.
//
// Nothing else is special. What FDs point to is full of brackets (`pipe:[8123]`), so classes
// would only surprise; and Node's own path.matchesGlob is newer than the floor, Node 18.
//
// Not by a regular expression, which tries each way of sharing a text among the stars in turn:
// `*a*a*a*a*b` can keep one busy for minutes. All ways are followed at once here, so the time is
// at most the length of the text times that of the glob.

type Token = '**/' | '**' | '*' | '?' | { readonly character: string };

const compiled = new Map<string, readonly Token[]>();

/** Whether the whole of `text` fits the glob. */
export function matchesGlob(text: string, glob: string): boolean {
  let tokens = compiled.get(glob);
  if (tokens === undefined) {
    tokens = toTokens(glob);
    compiled.set(glob, tokens);
  }

  // Each place in the glob that some way through the text so far has led to.
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

/** Gets to a place, and past what may stand for nothing: `a/**` + `/b` also fits `a/b`. */
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
      // What it stands for ends with a slash.
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
