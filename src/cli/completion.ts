// closefds completion: prints the completions for a shell.

import { type Commands, optionsOf, wordsOf } from './command-spec';
import { readArguments } from './parse-args';
import { UsageError } from './usage-error';

const usage = `closefds completion bash|zsh|fish

Prints the completions for a shell, generated from the help of all commands.

  source <(closefds completion bash)
  closefds completion zsh > "\${fpath[1]}/_closefds"
  closefds completion fish > ~/.config/fish/completions/closefds.fish
`;

export const completion = { summary: 'completions for your shell', usage, main };

const SHELLS: Readonly<Record<string, (commands: Commands) => string>> = { bash, zsh, fish };

async function main(args: readonly string[], commands: Commands): Promise<number> {
  const { positionals } = readArguments(args, {});
  const [name = '', ...more] = positionals;
  const shell = Object.hasOwn(SHELLS, name) && more.length === 0 ? SHELLS[name] : undefined;
  if (shell === undefined)
    throw new UsageError(
      `expected one of ${Object.keys(SHELLS).join(', ')}, found ${positionals.length === 0 ? 'nothing' : `"${positionals.join(' ')}"`}`,
    );
  process.stdout.write(shell(commands));
  return 0;
}

function bash(commands: Commands): string {
  const names = Object.keys(commands).join(' ');
  const cases = Object.entries(commands).map(([name, command]) => {
    const options = ['--help', ...optionsOf(command).map(option => option.name)].join(' ');
    return `    ${name}) options="${options}" words="${wordsOf(command).join(' ')}" ;;`;
  });
  const values = Object.entries(commands).flatMap(([name, command]) =>
    optionsOf(command)
      .filter(({ values }) => values.length > 0)
      .map(({ name: option, values }) => `    ${name}:${option}) words="${values.join(' ')}" ;;`),
  );
  return `# bash completion for closefds
_closefds() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="\${COMP_WORDS[1]}" options="" words="" IFS=$' \\t\\n'
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names} help --help --version" -- "$current"))
    return
  fi
  case "$command" in
    help) words="${names}" ;;
${cases.join('\n')}
  esac
  case "$command:$previous" in
${values.join('\n')}
    *:-*) words="" ;;
  esac
  if [[ "$current" = -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    # Names of files may hold spaces.
    IFS=$'\\n'
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _closefds closefds
`;
}

function zsh(commands: Commands): string {
  const names = [...Object.entries(commands).map(([name, { summary }]) => [name, summary]), HELP];
  const described = names.map(([name, summary]) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = Object.entries(commands).map(([name, command]) => {
    const specs = optionsOf(command).map(({ name: option, values }) =>
      quoted(values.length > 0 ? `${option}=[]:value:(${values.join(' ')})` : `${option}[]`),
    );
    const words = wordsOf(command);
    const rest = words.length > 0 ? `1:value:(${words.join(' ')})` : '*:file:_files';
    return `    ${name}) _arguments ${[...specs, quoted('--help[]'), quoted(rest)].join(' ')} ;;`;
  });
  return `#compdef closefds
local -a commands
if (( CURRENT == 2 )); then
  commands=(
${described.join('\n')}
  )
  _describe command commands
else
  local name="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$name" in
${cases.join('\n')}
    help) _arguments ${quoted(`1:command:(${Object.keys(commands).join(' ')})`)} ;;
  esac
fi
`;
}

function fish(commands: Commands): string {
  const names = [...Object.entries(commands).map(([name, { summary }]) => [name, summary]), HELP].map(
    ([name, summary]) =>
      `complete -c closefds -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary ?? '')}`,
  );
  const words = [
    ...Object.entries(commands).map(([name, command]) => [name, wordsOf(command)] as const),
    ['help', Object.keys(commands)] as const,
  ]
    .filter(([, words]) => words.length > 0)
    .map(
      ([name, words]) =>
        `complete -c closefds -n '__fish_seen_subcommand_from ${name}' -f -a ${quoted(words.join(' '))}`,
    );
  const options = Object.entries(commands).flatMap(([name, command]) =>
    [...optionsOf(command), { name: '--help', values: [] }].map(({ name: option, values }) => {
      const choices = values.length > 0 ? ` -x -a ${quoted(values.join(' '))}` : '';
      return `complete -c closefds -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}${choices}`;
    }),
  );
  return `# fish completion for closefds\n${[...names, ...words, ...options].join('\n')}\n`;
}

const HELP = ['help', 'what a command does'] as const;

/** In single quotes, by the rules of all three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
