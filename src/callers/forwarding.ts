// Whether a file only passes on the `stdio` of its own caller, judged by its text.
//
// The answer chooses the rule that a finding proposes; no FD passes by it. So the text is not parsed, and what
// is not understood counts as "sets FDs itself".

/** Larger files are bundles or programs, and no wrappers. In UTF-16 code units. */
const MOST_TEXT = 256 * 1024;

/** Caches by file. `readFile` may throw. */
export function createForwardingCheck(readFile: (file: string) => string): (file: string) => boolean {
  const known = new Map<string, boolean>();
  return file => {
    let answer = known.get(file);
    if (answer === undefined) {
      answer = check(file);
      known.set(file, answer);
    }
    return answer;
  };

  function check(file: string): boolean {
    try {
      return isForwarding(readFile(file));
    } catch {
      return false;
    }
  }
}

/** Whether code puts nothing at index 3 or up of a `stdio` that it writes, and does not change one it was given. */
export function isForwarding(code: string): boolean {
  if (code.length > MOST_TEXT) return false;
  const text = code.replace(COMMENT_LINE, '');
  for (const { index } of text.matchAll(/\bstdio\b/g)) {
    if (!isHarmless(text.slice(index + 'stdio'.length, index + MOST_VALUE))) return false;
  }
  return true;
}

const COMMENT_LINE = /^[ \t]*(?:\/\/|\*|\/\*).*$/gm;
const MOST_VALUE = 500;

/** What follows the word: a value that is written, an element, a method, or a mere read. */
function isHarmless(rest: string): boolean {
  // obj['stdio'], { 'stdio': ... }
  const after = rest.replace(/^['"]\]?/, '').trimStart();
  if (/^(?::|=(?![=>]))/.test(after)) return isShortValue(after.slice(1));
  if (after.startsWith('(')) return false;
  if (/^(?:\?\.)?\[/.test(after)) return isStandardElement(after);
  return !/^\??\.(?:push|unshift|splice|concat|fill|length\s*=(?!=))/.test(after);
}

/** Reads of FDs 0 to 2, and reads whose index is computed, as in a loop over all. */
function isStandardElement(after: string): boolean {
  const [, index = '', next = ''] = /^(?:\?\.)?\[([^\]]*)\]\s*(\S{0,2})/.exec(after) ?? [];
  return !/^=(?!=)/.test(next) && !/^\s*(?:[3-9]|\d\d+)\s*$/.test(index);
}

/** 'inherit', an array of at most three elements, another `stdio`, or a choice of these. */
function isShortValue(after: string): boolean {
  return alternativesOf(after).every(
    value =>
      /^(['"`])[\w-]*\1$/.test(value) ||
      /^(?:undefined|null|void 0)$/.test(value) ||
      /^[\w$.?]*\bstdio$/.test(value) ||
      isShortArray(value),
  );
}

/** Splits `a ? b : c`, `a || b` and `a ?? b` into the values that the expression may have. */
function alternativesOf(after: string): string[] {
  const expression = after.slice(0, endOf(after));
  const chosen = /^[^?]*\?(?![.?])/.exec(expression);
  const values = chosen === null ? expression : expression.slice(chosen[0].length);
  return values.split(/\|\||\?\?|:/).map(value => value.trim());
}

/** The index of what ends an expression: `,`, `;`, a closing bracket, or a line that is complete. */
function endOf(text: string): number {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string;
    if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character) && --depth < 0) return index;
    else if (depth === 0 && ',;'.includes(character)) return index;
    else if (depth === 0 && character === '\n' && isComplete(text, index)) return index;
  }
  return text.length;
}

function isComplete(text: string, lineEnd: number): boolean {
  return text.slice(0, lineEnd).trim() !== '' && !/^\s*(?:[?:.&|])/.test(text.slice(lineEnd));
}

function isShortArray(value: string): boolean {
  if (!/^\[[^[\](){}]*\]$/.test(value) || value.includes('...')) return false;
  const elements = value.slice(1, -1).replace(/,\s*$/, '').split(',');
  return elements.length <= 3;
}
