#!/usr/bin/env node

// The command line: finds the command, passes the other arguments to it, and prints its errors.

import { DIST } from '../base/dist-folder';
import { ClosefdsError } from '../base/errors';
import { alignColumns } from '../base/text-table';
import { COMMANDS } from './commands';
import { inputErrorReason } from './input-files';
import { suggested } from './parse-args';
import { endQuietlyOnEpipe } from './terminal';
import { HelpRequest, UsageError } from './usage-error';
import { version } from './version';

endQuietlyOnEpipe();
main(process.argv.slice(2)).then(
  code => {
    process.exitCode = code;
  },
  (error: unknown) => {
    // Any other error is a bug of closefds; the stack is for the bug report.
    process.stderr.write(`closefds: ${(error as Error).stack}\n`);
    process.exitCode = 70;
  },
);

async function main(argv: readonly string[]): Promise<number> {
  const [name = '--help', ...args] = argv;
  if (name === '--help' || name === '-h') return print(overview());
  if (name === 'help') return args[0] === undefined ? print(overview()) : runCommand(args[0], ['--help']);
  if (name === '--version' || name === '-v') return print(`${version()}\n`);
  return runCommand(name, args);
}

async function runCommand(name: string, args: readonly string[]): Promise<number> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const known = Object.keys(COMMANDS).join(', ');
    return failUsage(
      `expected a command (${known}), found "${name}"${suggested(name, Object.keys(COMMANDS))}`,
      'closefds --help',
    );
  }
  if (args[0] === '--help' || args[0] === '-h') return print(command.usage);
  try {
    return await command.main(args, COMMANDS);
  } catch (error) {
    if (error instanceof HelpRequest) return print(command.usage);
    if (error instanceof UsageError) return failUsage(error.message, `closefds ${name} --help`);
    if (error instanceof ClosefdsError) return fail(error.message);
    // Node resolves a relative path in a deleted current folder.
    if ((error as NodeJS.ErrnoException).syscall === 'uv_cwd')
      return failUsage('expected a current folder, found that it was deleted', `closefds ${name} --help`);
    const why = whyUnusable(error);
    if (why !== undefined) return failUsage(why, `closefds ${name} --help`);
    throw error;
  }
}

/** Errors of the file system about a path of the user: not those about the files of closefds itself. */
function whyUnusable(error: unknown): string | undefined {
  const { syscall, code, path: file, dest } = error as NodeJS.ErrnoException & { dest?: string };
  if (syscall === undefined || code === undefined || file === undefined) return undefined;
  if (file.startsWith(DIST)) return undefined;
  return `${dest ?? file} cannot be used: ${inputErrorReason(error)}`;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function failUsage(what: string, help: string): number {
  process.stderr.write(`closefds: ${what}. See "${help}".\n`);
  return 2;
}

function fail(what: string): number {
  process.stderr.write(`closefds: ${what}\n`);
  return 1;
}

function overview(): string {
  const lines = alignColumns(Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary]));
  return `closefds COMMAND [ARGUMENTS]

Children of Node.js get stdin, stdout, stderr and only the FDs that were designated for them.
The preload does that: node --require closefds/register app.js. These commands help with it:

${lines.map(line => `  ${line}`).join('\n')}

closefds COMMAND --help says more, with examples. Exit codes: 0 done, 1 a problem was found, 2 a wrong
call, 70 an error of closefds itself.
`;
}
