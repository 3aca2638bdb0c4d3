// closefds run: a command, with every Node process below it under closefds.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import { requireFlag } from '../core/node-options';
import { MODES } from '../core/policy';
import { PACKAGE_ROOT } from '../install';
import { UsageError } from './usage-error';

const usage = `closefds run [--mode MODE] [--config FILE] [--report FILE] [--] COMMAND [ARGUMENT...]

Runs COMMAND with NODE_OPTIONS set so that it, and every Node process it starts, loads closefds.

  --mode ${MODES.join('|')}   as CLOSEFDS_MODE
  --config FILE   the policy, in place of the app's own; as CLOSEFDS_CONFIG
  --report FILE   where findings are written, %p for the pid; as CLOSEFDS_REPORT

Exits with COMMAND's exit code, or as it was killed; 127 if it cannot be started.
This command is itself a Node program: FDs 3 to 16 that your shell opened for COMMAND end here. Where
that matters, set NODE_OPTIONS by hand.

  closefds run -- npm start
  closefds run --mode warn --report findings.ndjson -- node server.js
`;

/** Sent to us, meant for the command. A terminal's Ctrl-C reaches the whole group by itself. */
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGQUIT', 'SIGCONT', 'SIGWINCH'] as const;

export const run = { summary: 'run a command with every Node process below it under closefds', usage, main };

async function main(args: readonly string[]): Promise<number> {
  const { mode, config, report, command } = parse(args);
  const [file, ...rest] = command;
  if (file === undefined) throw new UsageError('expected a COMMAND to run, found none');

  const env = { ...process.env, NODE_OPTIONS: nodeOptions(process.env.NODE_OPTIONS) };
  if (mode !== undefined) Object.assign(env, { CLOSEFDS_MODE: mode });
  if (config !== undefined) Object.assign(env, { CLOSEFDS_CONFIG: path.resolve(config) });
  if (report !== undefined) Object.assign(env, { CLOSEFDS_REPORT: path.resolve(report) });

  return new Promise(resolve => {
    const child = spawn(file, rest, { stdio: 'inherit', env });
    for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
    // The terminal tells both; the command decides what to do about it.
    process.on('SIGINT', () => {});
    child.on('error', error => {
      process.stderr.write(`closefds: ${file} could not be started: ${error.message}\n`);
      resolve(127);
    });
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : dieOf(signal)));
  });
}

/** Ours first, so that the patch is in place before other preloads start anything. */
function nodeOptions(before: string | undefined): string {
  const register = path.join(PACKAGE_ROOT, 'dist', 'register', 'index.js');
  const own = requireFlag(register);
  return before ? `${own} ${before}` : own;
}

/** Whoever started us is to see the same end. */
function dieOf(signal: NodeJS.Signals): number {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // If we survive that (stopped, or ignored from outside), as a shell would say it.
  return 128 + constants.signals[signal];
}

interface Parsed {
  readonly mode: string | undefined;
  readonly config: string | undefined;
  readonly report: string | undefined;
  readonly command: readonly string[];
}

/** By hand: everything from the first word that is no option of ours belongs to the command. */
function parse(args: readonly string[]): Parsed {
  const given: Record<string, string> = {};
  let at = 0;
  for (; at < args.length; at++) {
    const word = args[at] ?? '';
    if (word === '--') {
      at++;
      break;
    }
    if (!word.startsWith('-')) break;
    const [name = '', inline] = word.split(/=(.*)/s, 2);
    if (!['--mode', '--config', '--report'].includes(name))
      throw new UsageError(`expected --mode, --config or --report, found "${word}"`);
    const value = inline ?? args[++at];
    if (value === undefined || value === '')
      throw new UsageError(`expected a value after ${name}, found none`);
    given[name] = value;
  }
  const mode = given['--mode'];
  if (mode !== undefined && !(MODES as readonly string[]).includes(mode))
    throw new UsageError(`expected one of ${MODES.join(', ')} after --mode, found "${mode}"`);
  return { mode, config: given['--config'], report: given['--report'], command: args.slice(at) };
}
