// Runs a command with closefds in all Node processes that it starts.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { addPreload } from '../base/node-options';
import { orList } from '../policy/parse-value';
import { PACKAGE_ROOT } from '../preload/install';
import { suggested } from './parse-args';
import { UsageError } from './usage-error';

export interface CommandLine {
  /** The values of closefds's own options. */
  readonly given: Readonly<Record<string, string>>;
  readonly command: readonly [string, ...string[]];
}

/**
 * Everything from the first word that is no option of ours belongs to the command, so parseArgs() cannot be used.
 * `options` have a value, `flags` have none. Throws UsageError.
 */
export function readCommand(
  args: readonly string[],
  options: Readonly<Record<string, string>>,
  flags: Readonly<Record<string, string>> = {},
): CommandLine {
  const given: Record<string, string> = {};
  let at = 0;
  for (; at < args.length; at++) {
    const word = args[at] ?? '';
    if (word === '--') {
      at++;
      break;
    }
    if (!word.startsWith('-')) break;
    if (Object.hasOwn(flags, word)) {
      given[flags[word] as string] = 'true';
      continue;
    }
    const [name = '', inline] = word.split(/=(.*)/s, 2);
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) {
      const names = [...Object.keys(options), ...Object.keys(flags)];
      throw new UsageError(`expected ${orList(names)}, found "${word}"${suggested(word, names)}`);
    }
    const value = inline ?? args[++at];
    if (value === undefined || value === '')
      throw new UsageError(`expected a value after ${name}, found none`);
    // `--report -- npm start` forgot the FILE.
    if (inline === undefined && value.startsWith('-'))
      throw new UsageError(`expected a value after ${name}, found "${value}"`);
    given[option] = value;
  }
  const [file, ...rest] = args.slice(at);
  if (file === undefined) throw new UsageError('expected a COMMAND to run, found none');
  return { given, command: [file, ...rest] };
}

/** How a command ended. */
export type End = { readonly code: number } | { readonly signal: NodeJS.Signals };

/** Forwarded to the command. The terminal itself sends the signal of Ctrl-C to the whole process group. */
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGQUIT', 'SIGCONT', 'SIGWINCH'] as const;

/** Resolves to code 127, after a message, if the command cannot be started. */
export function runCommand(
  [file, ...args]: CommandLine['command'],
  variables: Readonly<Record<string, string>>,
): Promise<End> {
  const env = { ...process.env, NODE_OPTIONS: nodeOptions(process.env.NODE_OPTIONS), ...variables };
  return new Promise(resolve => {
    const child = spawn(file, args, { stdio: 'inherit', env });
    for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
    // The command gets it, too, and decides whether to end.
    process.on('SIGINT', () => {});
    child.on('error', error => {
      process.stderr.write(`closefds: ${file} could not be started: ${error.message}\n`);
      resolve({ code: 127 });
    });
    child.on('exit', (code, signal) => resolve(signal === null ? { code: code ?? 1 } : { signal }));
  });
}

/** Our preload comes first, so that it patches child_process before other preloads of its flag start processes. */
function nodeOptions(before: string | undefined): string {
  const register = path.join(PACKAGE_ROOT, 'dist', 'register', 'index.js');
  return addPreload(before, register, pathToFileURL(register).href);
}

/** The exit code of the command; or ends this process by the same signal. */
export function endAs(end: End): number {
  if ('code' in end) return end.code;
  process.removeAllListeners(end.signal);
  process.kill(process.pid, end.signal);
  // If the signal does not end this process (it was ignored at start), the exit code of a shell.
  return 128 + constants.signals[end.signal];
}
