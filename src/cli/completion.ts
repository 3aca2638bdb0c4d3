// closefds completion: what the shell completes.

import { type Commands, optionsOf } from './command';
import { UsageError } from './usage-error';

const usage = `closefds completion bash|zsh|fish

Prints the completions for a shell, made from the help of all commands.

  source <(closefds completion bash)
  closefds completion zsh > "\${fpath[1]}/_closefds"
  closefds completion fish > ~/.config/fish/completions/closefds.fish
`;

export const completion = { summary: 'completions for your shell', usage, main };

const SHELLS: Readonly<Record<string, (commands: Commands) => string>> = { bash, zsh, fish };

async function main(args: readonly string[], commands: Commands): Promise<number> {
  const [name = '', ...more] = args;
  const shell = Object.hasOwn(SHELLS, name) && more.length === 0 ? SHELLS[name] : undefined;
  if (shell === undefined)
    throw new UsageError(
      `expected one of ${Object.keys(SHELLS).join(', ')}, found ${args.length === 0 ? 'nothing' : `"${args.join(' ')}"`}`,
    );
  process.stdout.write(shell(commands));
  return 0;
}

function bash(commands: Commands): string {
  const names = Object.keys(commands);
  const cases = Object.entries(commands).flatMap(([name, command]) => {
    const options = optionsOf(command);
    return [
      ...options
        .filter(({ values }) => values.length > 0)
        .map(({ name: option, values }) => `    ${name}:${option}) words="${values.join(' ')}" ;;`),
      `    ${name}:-*) ;;`,
      `    ${name}:*) words="${['--help', ...options.map(option => option.name)].join(' ')}" ;;`,
    ];
  });
  return `# bash completion for closefds
_closefds() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names.join(' ')} --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}:$previous" in
${cases.join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) if [ "\${words#--}" = "$words" ] && [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi ;;
  esac
}
complete -o filenames -F _closefds closefds
`;
}

function zsh(commands: Commands): string {
  const names = Object.entries(commands).map(([name, { summary }]) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = Object.entries(commands).map(([name, command]) => {
    const specs = optionsOf(command).map(({ name: option, values }) =>
      quoted(values.length > 0 ? `${option}=[]:value:(${values.join(' ')})` : `${option}[]`),
    );
    return `    ${name}) _arguments ${[...specs, quoted('--help[]'), quoted('*:file:_files')].join(' ')} ;;`;
  });
  return `#compdef closefds
local -a commands
if (( CURRENT == 2 )); then
  commands=(
${names.join('\n')}
  )
  _describe command commands
else
  local name="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$name" in
${cases.join('\n')}
  esac
fi
`;
}

function fish(commands: Commands): string {
  const names = Object.entries(commands).map(
    ([name, { summary }]) =>
      `complete -c closefds -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
  );
  const options = Object.entries(commands).flatMap(([name, command]) =>
    optionsOf(command).map(({ name: option, values }) => {
      const choices = values.length > 0 ? ` -x -a ${quoted(values.join(' '))}` : '';
      return `complete -c closefds -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}${choices}`;
    }),
  );
  return `# fish completion for closefds\n${[...names, ...options].join('\n')}\n`;
}

/** In single quotes, for any of these shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
