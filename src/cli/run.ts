// closefds run: runs a command with closefds in every Node process that it starts.

import path from 'node:path';
import { MODES } from '../policy/rule';
import { streamOf } from '../policy/settings';
import { UsageError } from './usage-error';
import { endAs, readCommand, runCommand } from './wrap-command';

const usage = `closefds run [--mode MODE] [--config FILE] [--report FILE] [--] COMMAND [ARGUMENT...]

Runs COMMAND with NODE_OPTIONS set so that it, and every Node process it starts, loads closefds.

  --mode ${MODES.join('|')}   as CLOSEFDS_MODE
  --config FILE   the policy, in place of the app's own; as CLOSEFDS_CONFIG
  --report FILE   where findings are written, %p for the pid, or stderr; as CLOSEFDS_REPORT

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
  });
  const { mode, config, report } = given;
  if (mode !== undefined && !(MODES as readonly string[]).includes(mode))
    throw new UsageError(`expected one of ${MODES.join(', ')} after --mode, found "${mode}"`);

  const end = await runCommand(command, {
    ...(mode !== undefined && { CLOSEFDS_MODE: mode }),
    ...(config !== undefined && { CLOSEFDS_CONFIG: path.resolve(config) }),
    ...(report !== undefined && { CLOSEFDS_REPORT: streamOf(report) ?? path.resolve(report) }),
  });
  return endAs(end);
}
