// Methods of strings that take a regular expression, in terms of a captured exec(): Node's own read `exec` and
// `flags` of the pattern, where a program may have replaced them. For src/base/primordials.ts, by whose rules this
// file is written.

/** Captured functions. */
export interface PatternKit {
  readonly apply: typeof Reflect.apply;
  readonly RegExp: typeof RegExp;
  readonly exec: Method;
  readonly flags: Method;
  readonly global: Method;
  readonly source: Method;
  /** Of strings. */
  readonly slice: Method;
  readonly indexOf: Method;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

export function executePattern(kit: PatternKit, pattern: RegExp, text: string): RegExpExecArray | null {
  return kit.apply(kit.exec, pattern, [text]) as RegExpExecArray | null;
}

/** All matches of a global pattern, the first one of another. */
export function allMatches(kit: PatternKit, text: string, pattern: RegExp): RegExpExecArray[] {
  const found: RegExpExecArray[] = [];
  const isGlobal = kit.apply(kit.global, pattern, []) as boolean;
  if (isGlobal) pattern.lastIndex = 0;
  for (let match = executePattern(kit, pattern, text); match; match = executePattern(kit, pattern, text)) {
    found[found.length] = match;
    if (!isGlobal) break;
    if (match[0] === '') pattern.lastIndex++;
  }
  return found;
}

/** `replace()` and `replaceAll()`. */
export function replaceMatches(kit: PatternKit, text: string, pattern: RegExp, by: unknown): string {
  const found = allMatches(kit, text, pattern);
  let result = '';
  let end = 0;
  for (let index = 0; index < found.length; index++) {
    const match = found[index] as RegExpExecArray;
    result += part(kit, text, end, match.index) + replacementOf(kit, match, by);
    end = match.index + match[0].length;
  }
  return result + part(kit, text, end, text.length);
}

function replacementOf(kit: PatternKit, match: RegExpExecArray, by: unknown): string {
  if (typeof by !== 'function') return expand(kit, match, `${by as string}`);
  const args: unknown[] = [];
  for (let index = 0; index < match.length; index++) args[index] = match[index];
  args[args.length] = match.index;
  args[args.length] = match.input;
  if (match.groups !== undefined) args[args.length] = match.groups;
  return `${kit.apply(by as Method, undefined, args) as string}`;
}

/** Replaces `$$`, `$&` and `$1` to `$9`. */
function expand(kit: PatternKit, match: RegExpExecArray, by: string): string {
  let result = '';
  let end = 0;
  for (let at = find(kit, by, '$', 0); at !== -1 && at + 1 < by.length; at = find(kit, by, '$', end)) {
    const sign = by[at + 1] as string;
    const group = sign === '&' ? 0 : sign > '0' && sign <= '9' ? +sign : match.length;
    const value = group < match.length ? (match[group] ?? '') : sign === '$' ? '$' : `$${sign}`;
    result += part(kit, by, end, at) + value;
    end = at + 2;
  }
  return result + part(kit, by, end, by.length);
}

export function splitAt(kit: PatternKit, text: string, pattern: RegExp, limit: unknown): string[] {
  const flags = kit.apply(kit.flags, pattern, []) as string;
  const source = kit.apply(kit.source, pattern, []) as string;
  const everywhere = new kit.RegExp(source, find(kit, flags, 'g', 0) === -1 ? `${flags}g` : flags);
  const found = allMatches(kit, text, everywhere);
  const most = typeof limit === 'number' ? limit : text.length + 1;
  const parts: string[] = [];
  let end = 0;
  for (let index = 0; index < found.length && parts.length < most; index++) {
    const match = found[index] as RegExpExecArray;
    const isBetween = match[0] !== '' || (match.index > end && match.index < text.length) || text === '';
    if (!isBetween) continue;
    parts[parts.length] = part(kit, text, end, match.index);
    for (let group = 1; group < match.length && parts.length < most; group++)
      parts[parts.length] = match[group] as string;
    end = match.index + match[0].length;
  }
  const isNothing = text === '' && found.length > 0;
  if (parts.length < most && !isNothing) parts[parts.length] = part(kit, text, end, text.length);
  return isNothing ? [] : parts;
}

function part(kit: PatternKit, text: string, start: number, end: number): string {
  return kit.apply(kit.slice, text, [start, end]) as string;
}

function find(kit: PatternKit, text: string, what: string, from: number): number {
  return kit.apply(kit.indexOf, text, [what, from]) as number;
}
