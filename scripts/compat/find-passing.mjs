// Finds the places in a package's code that may hand FDs beyond stdio to a child.
//
// It is a search for text, and errs on the side of showing too much: who finds nothing here, or
// reads each place and finds it harmless, can say that a package passes nothing.

const CODE = /\.[cm]?js$/;
/** Commands often have no extension. */
const SCRIPT = /^#!.*\bnode\b/;
/** Node's words for a slot of `stdio`. */
const SLOT = /(["'`])(pipe|overlapped|ignore|inherit|ipc)\1/g;
const STDIO_ARRAY = /\bstdio\w*["']?\s*[:=]\s*\[/gi;
const LITERAL = /^(["'`])(.*)\1$/s;

/** What else tells of a slot beyond stdio, beside an array that is long enough. */
const SIGNS = [
  { sign: 'ipc', pattern: /(["'`])ipc\1/g },
  { sign: 'grown stdio', pattern: /\bstdio\w*\s*\??\.\s*(?:push|concat|splice|unshift)\s*\(/gi },
  { sign: 'grown stdio', pattern: /\bstdio\w*\s*\[\s*(?![012]\s*\])[^\]\n]{1,40}\]\s*=(?!=)/gi },
  { sign: 'spread stdio', pattern: /\bstdio\w*["']?\s*[:=]\s*\[[^\]]{0,200}\.\.\./gi },
  { sign: 'filled array', pattern: /\.fill\(\s*(["'`])(?:pipe|overlapped|ignore|inherit)\1/g },
  { sign: 'announcement', pattern: /remote-debugging-pipe|\bpipe:[3-9]\b|NODE_CHANNEL_FD/g },
];

/** What is searched for, in words; it goes with each record that was made by it. */
export const SEARCHED =
  'in .js, .cjs, .mjs and scripts for node: stdio arrays of four or more slots or grown, spread or filled, "ipc", --remote-debugging-pipe, pipe:N, NODE_CHANNEL_FD';

/** What a file that starts processes names: Node's module, or a launcher much in use. */
const STARTER =
  /["'`:/](?:child_process|cross-spawn|execa|foreground-child|nano-spawn|tinyexec|@npmcli\/promise-spawn)\b/;

/** `files`: the tarball's text by path. Returns the code files searched, those that start processes, and the places. */
export function findPassing(files) {
  const code = [...files]
    .filter(([file, text]) => CODE.test(file) || SCRIPT.test(text))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    searched: code.map(([file]) => file),
    starters: code.filter(([, text]) => STARTER.test(text)).map(([file]) => file),
    places: code.flatMap(([file, text]) => placesIn(file, text)),
  };
}

/** How far apart two signs are shown as two places; a minified line holds many. */
const APART = 60;

function placesIn(file, text) {
  const found = [];
  for (const { index } of text.matchAll(SLOT)) {
    const start = longArray(text, index);
    if (start !== undefined) found.push({ sign: 'long array', index: start });
  }
  for (const { 0: assignment, index } of text.matchAll(STDIO_ARRAY)) {
    const start = index + assignment.length - 1;
    if ((elementsFrom(text, start)?.length ?? 0) > 3) found.push({ sign: 'long array', index: start });
  }
  for (const { sign, pattern } of SIGNS)
    for (const { index } of text.matchAll(pattern)) found.push({ sign, index });

  const places = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const { sign, index } of found.sort((a, b) => a.index - b.index)) {
    if (index - last < APART) continue;
    last = index;
    places.push({ file, line: text.slice(0, index).split('\n').length, sign, shows: excerpt(text, index) });
  }
  return places;
}

/** A piece of the line around the place, with what stands before it. */
function excerpt(text, index) {
  const start = Math.max(text.lastIndexOf('\n', index) + 1, index - 40);
  const end = text.indexOf('\n', index);
  return text.slice(start, Math.min(end === -1 ? text.length : end, index + 60)).trim();
}

/** Where the innermost array around `index` begins, if it has a fourth element and no words but Node's. */
function longArray(text, index) {
  const start = opening(text, index);
  const elements = start === undefined ? undefined : elementsFrom(text, start);
  if (elements === undefined || elements.length < 4) return undefined;
  const isSlot = element => {
    const [, , word] = LITERAL.exec(element) ?? [];
    return word === undefined || /^(pipe|overlapped|ignore|inherit|ipc)$/.test(word);
  };
  return elements.every(isSlot) ? start : undefined;
}

const FAR = 600;

function opening(text, index) {
  let depth = 0;
  for (let at = index - 1; at >= 0 && index - at < FAR; at--) {
    if (')]}'.includes(text[at])) depth++;
    else if ('([{'.includes(text[at]) && depth-- === 0) return text[at] === '[' ? at : undefined;
  }
  return undefined;
}

function elementsFrom(text, start) {
  const elements = [];
  let depth = 0;
  let from = start + 1;
  for (let at = from; at < text.length && at - start < FAR; at++) {
    if ('([{'.includes(text[at])) depth++;
    else if (depth === 0 && (text[at] === ',' || text[at] === ']')) {
      elements.push(text.slice(from, at).trim());
      from = at + 1;
      // A trailing comma ends no element.
      if (text[at] === ']') return elements.at(-1) === '' ? elements.slice(0, -1) : elements;
    } else if (')]}'.includes(text[at])) depth--;
  }
  return undefined;
}
