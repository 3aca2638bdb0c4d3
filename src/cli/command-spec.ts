// The type of a command. Completions and the man page are generated from its help text; docs/cli.md
// repeats it.

export interface Command {
  readonly summary: string;
  /** The first line is the synopsis. A line that documents an option begins with it, indented by two. */
  readonly usage: string;
  /** Resolves to the exit code. Throws UsageError for wrong arguments. */
  readonly main: (args: readonly string[], commands: Commands) => Promise<number>;
}

export type Commands = Readonly<Record<string, Command>>;

/** The words that a command takes as its argument, by its synopsis; empty if it takes files. */
export function wordsOf({ usage }: Command): readonly string[] {
  const [, words = ''] = /^closefds \w+ ([a-z-]+(?:\|[a-z-]+)+)$/m.exec(usage) ?? [];
  return words.split('|').filter(word => word !== '');
}

/** The long options in the help text, with their values if the text lists them. */
export function optionsOf({ usage }: Command): { name: string; values: readonly string[] }[] {
  const lines = usage.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)(?:[ =](\S+))?/gm);
  return [...lines].map(([, name = '', value = '']) => ({
    name,
    values: /^[a-z-]+(?:\|[a-z-]+)+$/.test(value) ? value.split('|') : [],
  }));
}
