// What every command is. Its help text is the one source: docs/cli.md repeats it, and completions and
// the man page are made from it.

export interface Command {
  readonly summary: string;
  /** The first line is the synopsis; an option stands at the beginning of a line, indented by two. */
  readonly usage: string;
  /** Resolves to the exit code. Throws UsageError for a wrong call. */
  readonly main: (args: readonly string[], commands: Commands) => Promise<number>;
}

export type Commands = Readonly<Record<string, Command>>;

/** What a command takes in place of files, where these are words to choose from; by its synopsis. */
export function wordsOf({ usage }: Command): readonly string[] {
  const [, words = ''] = /^closefds \w+ ([a-z-]+(?:\|[a-z-]+)+)$/m.exec(usage) ?? [];
  return words.split('|').filter(word => word !== '');
}

/** The long options that a help text tells of, with their values where those are words to choose from. */
export function optionsOf({ usage }: Command): { name: string; values: readonly string[] }[] {
  const lines = usage.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)(?:[ =](\S+))?/gm);
  return [...lines].map(([, name = '', value = '']) => ({
    name,
    values: /^[a-z-]+(?:\|[a-z-]+)+$/.test(value) ? value.split('|') : [],
  }));
}
