// How Node reads the words of NODE_OPTIONS, and which of them name a preload.

/** The key in a thread's environment data of the command line that a worker has to see, where it got a part of it. */
export const EXEC_ARGV_KEY = 'closefds.execArgv';

/** A backslash stands for what follows it only within quotes. */
export function requireFlag(file: string): string {
  return `--require ${quote(file)}`;
}

export type PreloadFlag = '--require' | '-r' | '--import';

/** Returns the name that replaces a preload's, or undefined where it stays. */
export type RenamePreload = (name: string, flag: PreloadFlag) => string | undefined;

/** Renames preloads in a command line's words, as in `process.execArgv`. All other words stay as they are. */
export function renamePreloads(words: readonly string[], rename: RenamePreload): string[] {
  const renameWord = createWordRenamer(rename);
  return words.map(word => renameWord(word) ?? word);
}

/** Renames preloads in the text of NODE_OPTIONS. All else stays as it is written, spaces and quotes too. */
export function renameInNodeOptions(text: string, rename: RenamePreload): string {
  const renameWord = createWordRenamer(rename, name => (/[ "]/.test(name) ? quote(name) : name));
  return text.replace(WORD, written => renameWord(unquote(written)) ?? written);
}

/** Only a space ends a word, and quotes may begin in the middle of one. */
const WORD = /(?:"(?:\\[\s\S]|[^"\\])*(?:"|$)|[^ "])+/g;

function unquote(written: string): string {
  return written.replace(/"((?:\\[\s\S]|[^"\\])*)"/g, (_, quoted: string) =>
    quoted.replace(/\\([\s\S])/g, '$1'),
  );
}

function quote(word: string): string {
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Takes one word after the other. The name is in the word after the flag, or behind a `=`, which `-r` does not have. */
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
