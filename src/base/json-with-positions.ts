// JSON, read strictly: says where it is wrong, and refuses a key that stands twice.
//
// JSON.parse silently takes the last of two equal keys. In a policy, that hides a rule.

/** Deeper nesting is no config; the limit keeps a hostile file from exhausting the stack. */
const DEEPEST = 64;

export class JsonError extends Error {
  constructor(
    readonly expected: string,
    readonly found: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(`line ${line}, column ${column}: expected ${expected}, found ${found}`);
  }
}

/** Throws JsonError. A leading byte-order mark is passed over. */
export function parseJson(text: string): unknown {
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  const value = readValue(0);
  skipSpace();
  if (at < text.length) fail('the end of the file');
  return value;

  function readValue(depth: number): unknown {
    skipSpace();
    if (depth > DEEPEST) fail(`at most ${DEEPEST} levels of nesting`, 'more');
    const character = text[at];
    if (character === '{') return readObject(depth);
    if (character === '[') return readArray(depth);
    if (character === '"') return readString();
    const literal = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/y;
    literal.lastIndex = at;
    const word = literal.exec(text)?.[0];
    if (word === undefined) fail('a value');
    at += word.length;
    return JSON.parse(word);
  }

  function readObject(depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    readItems('}', () => {
      skipSpace();
      if (text[at] !== '"') fail('a key in double quotes');
      const start = at;
      const key = readString();
      if (Object.hasOwn(result, key)) {
        at = start;
        fail('each key once', `a second ${JSON.stringify(key)}`);
      }
      skipSpace();
      if (text[at] !== ':') fail('":"');
      at++;
      const value = readValue(depth + 1);
      // Not by assignment: that would take "__proto__" for something else.
      Object.defineProperty(result, key, { value, writable: true, enumerable: true, configurable: true });
    });
    return result;
  }

  function readArray(depth: number): unknown[] {
    const result: unknown[] = [];
    readItems(']', () => {
      result.push(readValue(depth + 1));
    });
    return result;
  }

  function readItems(end: string, readItem: () => void): void {
    at++;
    skipSpace();
    if (text[at] === end) {
      at++;
      return;
    }
    for (;;) {
      readItem();
      skipSpace();
      if (text[at] === end) {
        at++;
        return;
      }
      if (text[at] !== ',') fail(`"," or "${end}"`);
      at++;
    }
  }

  function readString(): string {
    const string = /"(?:[^"\\]|\\.)*"/sy;
    string.lastIndex = at;
    const raw = string.exec(text)?.[0];
    if (raw === undefined) fail('a string that ends', 'the end of the file');
    try {
      const value = JSON.parse(raw) as string;
      at += raw.length;
      return value;
    } catch {
      return fail('a string without control characters and wrong escapes', raw.slice(0, 40));
    }
  }

  function skipSpace(): void {
    while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at++;
  }

  function fail(expected: string, found = describeRest()): never {
    const before = text.slice(0, at).split('\n');
    throw new JsonError(expected, found, before.length, (before.at(-1)?.length ?? 0) + 1);
  }

  function describeRest(): string {
    if (at >= text.length) return 'the end of the file';
    if (text.startsWith('//', at) || text.startsWith('/*', at)) return 'a comment, which JSON does not have';
    return JSON.stringify(/^(?:[\w.+-]+|[\s\S])/.exec(text.slice(at, at + 40))?.[0]);
  }
}
