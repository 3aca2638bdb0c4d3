// Parses JSON strictly: errors have a position, and duplicate keys are errors.
//
// JSON.parse silently takes the last of two equal keys. In a policy, that hides a rule.

/** The most levels of nesting. The limit keeps a hostile file from exhausting the stack. */
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

/** Throws JsonError. Skips a leading byte-order mark. */
export function parseJson(text: string): unknown {
  return new JsonParser(text).parse();
}

const LITERAL = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/y;
const STRING = /"(?:[^"\\]|\\.)*"/sy;

class JsonParser {
  readonly #text: string;
  #at: number;

  constructor(text: string) {
    this.#text = text;
    this.#at = text.startsWith('\uFEFF') ? 1 : 0;
  }

  parse(): unknown {
    const value = this.#readValue(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail('the end of the file');
    return value;
  }

  #readValue(depth: number): unknown {
    this.#skipSpace();
    if (depth > DEEPEST) this.#fail(`at most ${DEEPEST} levels of nesting`, 'more');
    const character = this.#text[this.#at];
    if (character === '{') return this.#readObject(depth);
    if (character === '[') return this.#readArray(depth);
    if (character === '"') return this.#readString();
    const word = this.#match(LITERAL) ?? this.#fail('a value');
    this.#at += word.length;
    return JSON.parse(word);
  }

  #readObject(depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    this.#readItems('}', () => {
      const key = this.#readKey(result);
      const value = this.#readValue(depth + 1);
      // An assignment to "__proto__" would set the prototype.
      Object.defineProperty(result, key, { value, writable: true, enumerable: true, configurable: true });
    });
    return result;
  }

  /** Reads a key and the colon after it. */
  #readKey(object: Readonly<Record<string, unknown>>): string {
    this.#skipSpace();
    if (this.#text[this.#at] !== '"') this.#fail('a key in double quotes');
    const start = this.#at;
    const key = this.#readString();
    if (Object.hasOwn(object, key)) {
      this.#at = start;
      this.#fail('each key once', `a second ${JSON.stringify(key)}`);
    }
    this.#skipSpace();
    if (this.#text[this.#at] !== ':') this.#fail('":"');
    this.#at++;
    return key;
  }

  #readArray(depth: number): unknown[] {
    const result: unknown[] = [];
    this.#readItems(']', () => {
      result.push(this.#readValue(depth + 1));
    });
    return result;
  }

  /** Reads from the opening bracket to the closing one, `end`. */
  #readItems(end: string, readItem: () => void): void {
    this.#at++;
    if (this.#skipIf(end)) return;
    for (;;) {
      readItem();
      if (this.#skipIf(end)) return;
      if (this.#text[this.#at] !== ',') this.#fail(`"," or "${end}"`);
      this.#at++;
    }
  }

  #readString(): string {
    const raw = this.#match(STRING) ?? this.#fail('a string that ends', 'the end of the file');
    try {
      const value = JSON.parse(raw) as string;
      this.#at += raw.length;
      return value;
    } catch {
      return this.#fail('a string without control characters and wrong escapes', raw.slice(0, 40));
    }
  }

  /** The text that a sticky pattern matches at the current position. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0];
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && ' \t\n\r'.includes(this.#text.charAt(this.#at))) this.#at++;
  }

  /** Skips space, and `character` if it comes next. */
  #skipIf(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #fail(expected: string, found = this.#describeRest()): never {
    const before = this.#text.slice(0, this.#at).split('\n');
    throw new JsonError(expected, found, before.length, (before.at(-1)?.length ?? 0) + 1);
  }

  #describeRest(): string {
    const rest = this.#text.slice(this.#at, this.#at + 40);
    if (rest === '') return 'the end of the file';
    if (rest.startsWith('//') || rest.startsWith('/*')) return 'a comment, which JSON does not have';
    return JSON.stringify(/^(?:[\w.+-]+|[\s\S])/.exec(rest)?.[0]);
  }
}
