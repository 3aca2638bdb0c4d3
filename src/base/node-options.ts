// Reads and changes preloads in NODE_OPTIONS and in command lines, by Node's own rules of quoting.

/** Key of a thread's environment data: the whole command line, for a worker that was started with a part of it. */
export const EXEC_ARGV_KEY = 'closefds.execArgv';

/** Quotes the file: Node reads a backslash as an escape only within quotes. */
export function requireFlag(file: string): string {
  return `--require ${quote(file)}`;
}

export type PreloadFlag = '--require' | '-r' | '--import';

/** Returns the new name of a preload, or undefined to keep the old one. */
export type RenamePreload = (name: string, flag: PreloadFlag) => string | undefined;

/** Renames preloads in the words of a command line, such as `process.execArgv`. Other words stay unchanged. */
export function renamePreloads(words: readonly string[], rename: RenamePreload): string[] {
  const renameWord = createWordRenamer(rename);
  return words.map(word => renameWord(word) ?? word);
}

/** Renames preloads in the text of NODE_OPTIONS. All other text stays unchanged, including spaces and quotes. */
export function renameInNodeOptions(text: string, rename: RenamePreload): string {
  const renameWord = createWordRenamer(rename, name => (/[ "]/.test(name) ? quote(name) : name));
  return text.replace(WORD, written => renameWord(unquote(written)) ?? written);
}

/**
 * Adds a preload to the text of NODE_OPTIONS, in front, unless it has it already. `file` is an absolute path, `href`
 * its URL. The flag is one that the text does not have, if there is one: Next.js 14 to 16 parses NODE_OPTIONS for the
 * processes that it starts, and joins the names of two `--require` into one, or drops the first
 * (https://github.com/vercel/next.js/issues/96582).
 */
export function addPreload(text: string | undefined, file: string, href: string): string {
  if (!text) return requireFlag(file);
  const names = new Map<string, PreloadFlag>();
  renameInNodeOptions(text, (name, flag) => {
    names.set(name, flag);
    return undefined;
  });
  if (names.has(file) || names.has(href)) return text;
  const flags = [...names.values()];
  const own =
    flags.includes('--require') && !flags.includes('--import') ? `--import ${href}` : requireFlag(file);
  return `${own} ${text}`;
}

/** Only a space ends a word. Quotes may begin in the middle of a word. */
const WORD = /(?:"(?:\\[\s\S]|[^"\\])*(?:"|$)|[^ "])+/g;

function unquote(written: string): string {
  return written.replace(/"((?:\\[\s\S]|[^"\\])*)"/g, (_, quoted: string) =>
    quoted.replace(/\\([\s\S])/g, '$1'),
  );
}

function quote(word: string): string {
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/**
 * Returns a function that takes the words in order. A preload's name is the word after the flag, or follows `=`;
 * `-r` has no form with `=`.
 */
function createWordRenamer(
  rename: RenamePreload,
  write: (name: string) => string = name => name,
): (word: string) => string | undefined {
  let flag: PreloadFlag | undefined;

  return word => {
    const [, joined, name = word] = /^(--require|--import)=(.*)$/s.exec(word) ?? [];
    const named = flag ?? (joined as PreloadFlag | undefined);
    flag = flag === undefined && isPreloadFlag(word) ? word : undefined;
    const renamed = named && rename(name, named);
    if (renamed === undefined) return undefined;
    return joined === undefined ? write(renamed) : `${joined}=${write(renamed)}`;
  };
}

function isPreloadFlag(word: string): word is PreloadFlag {
  return word === '--require' || word === '-r' || word === '--import';
}
