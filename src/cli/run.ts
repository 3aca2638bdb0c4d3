// closefds run: runs a command with closefds in every Node process that it starts.

import path from 'node:path';
import { orList } from '../policy/parse-value';
import { MODES } from '../policy/rule';
import { streamOf, WARNINGS } from '../policy/settings';
import { choice, suggested } from './parse-args';
import { UsageError } from './usage-error';
import { endAs, readCommand, runCommand } from './wrap-command';

const usage = `closefds run [--mode MODE] [--config FILE] [--report FILE] [--warnings PLACE] [--] COMMAND
             [ARGUMENT...]

Runs COMMAND with NODE_OPTIONS set so that it, and every Node process it starts, loads closefds.

  --mode ${MODES.join('|')}   as CLOSEFDS_MODE
  --config FILE   the policy, in place of the app's own; as CLOSEFDS_CONFIG
  --report FILE   where findings are written, %p for the pid, or stderr; as CLOSEFDS_REPORT
  --warnings stderr|report   where warnings go; as CLOSEFDS_WARNINGS. Default: report with --mode warn
                             and --report, so that tests that check stderr still pass; else stderr

Exits with COMMAND's exit code, or as it was killed; 127 if it cannot be started.
This command is itself a Node program: FDs 3 to 16 that your shell opened for COMMAND end here. Where
that matters, set NODE_OPTIONS by hand.

  closefds run -- npm start
  closefds run --mode warn --report findings.ndjson -- node server.js
`;

export const run = { summary: 'run a command with every Node process below it under closefds', usage, main };

async function main(args: readonly string[]): Promise<number> {
  const { given, command } = readCommand(args, {
    '--mode': 'mode',
    '--config': 'config',
    '--report': 'report',
    '--warnings': 'warnings',
  });
  const { mode, config, report } = given;
  if (mode !== undefined && !(MODES as readonly string[]).includes(mode))
    throw new UsageError(`expected ${orList(MODES)} after --mode, found "${mode}"${suggested(mode, MODES)}`);
  const warnings = given.warnings && choice(given.warnings, WARNINGS, '--warnings');
  // In mode warn, the program is to behave as before.
  const isQuiet = mode === 'warn' && report !== undefined && streamOf(report) === undefined;

  const end = await runCommand(command, {
    ...(mode !== undefined && { CLOSEFDS_MODE: mode }),
    ...(config !== undefined && { CLOSEFDS_CONFIG: path.resolve(config) }),
    ...(report !== undefined && { CLOSEFDS_REPORT: streamOf(report) ?? path.resolve(report) }),
    ...((warnings ?? isQuiet) && { CLOSEFDS_WARNINGS: warnings ?? 'report' }),
  });
  return endAs(end);
}
