// closefds run: runs a command with closefds in every Node process that it starts.

import path from 'node:path';
import { orList } from '../policy/parse-value';
import { MODES } from '../policy/rule';
import { streamOf, WARNINGS } from '../policy/settings';
import { choice, suggested } from './parse-args';
import { comparisonOf, runWithBaseline } from './run-baseline';
import { UsageError } from './usage-error';
import { endAs, readCommand, runCommand } from './wrap-command';

const usage = `closefds run [--mode MODE] [--config FILE] [--report FILE] [--warnings PLACE]
             [--baseline FILE [--fail-on new] [--write-baseline]] [--] COMMAND [ARGUMENT...]

Runs COMMAND and sets NODE_OPTIONS, so that COMMAND and every Node process below it load closefds.

  --mode ${MODES.join('|')}   as CLOSEFDS_MODE
  --config FILE   the policy, in place of the app's own; as CLOSEFDS_CONFIG
  --report FILE   writes findings to FILE, %p for the pid, or to stderr; as CLOSEFDS_REPORT
  --warnings stderr|report   where warnings go; as CLOSEFDS_WARNINGS. Default: report with --mode
                             warn and --report or --baseline, so that tests that check stderr still
                             pass; else stderr
  --baseline FILE   known findings, for CI; a baseline of "closefds scan" may be in the same file. A
                    finding is identified by package, file, kind, number and command: it is not new
                    because of a new version or a moved line
  --fail-on new     prints findings that are not in the baseline, and exits with 1 if there is one
  --write-baseline  writes all findings of this run to the baseline's file

Exits with COMMAND's exit code, or by the signal that killed it; 127 if COMMAND cannot be started.
With --baseline, exits with 1 if COMMAND succeeds but a finding cannot be read, or (with --fail-on
new) a finding is new. This command is itself a Node program, so COMMAND does not get FDs 3 to 16
that your shell opened for it. If COMMAND needs them, set NODE_OPTIONS yourself.

  closefds run -- npm start
  closefds run --mode warn --report findings.ndjson -- node server.js
  closefds run --mode warn --baseline closefds-baseline.json --fail-on new -- npm test
`;

export const run = { summary: 'run a command with every Node process below it under closefds', usage, main };

async function main(args: readonly string[]): Promise<number> {
  const { given, command } = readCommand(
    args,
    {
      '--mode': 'mode',
      '--config': 'config',
      '--report': 'report',
      '--warnings': 'warnings',
      '--baseline': 'baseline',
      '--fail-on': 'failOn',
    },
    { '--write-baseline': 'writeBaseline' },
  );
  const { mode, config, report } = given;
  if (mode !== undefined && !(MODES as readonly string[]).includes(mode))
    throw new UsageError(`expected ${orList(MODES)} after --mode, found "${mode}"${suggested(mode, MODES)}`);
  const warnings = given.warnings && choice(given.warnings, WARNINGS, '--warnings');
  // In mode warn, the program is to behave as before.
  const hasFile = given.baseline !== undefined || (report !== undefined && streamOf(report) === undefined);
  const isQuiet = mode === 'warn' && hasFile;

  const variables = (file: string | undefined) => ({
    ...(mode !== undefined && { CLOSEFDS_MODE: mode }),
    ...(config !== undefined && { CLOSEFDS_CONFIG: path.resolve(config) }),
    ...(file !== undefined && { CLOSEFDS_REPORT: streamOf(file) ?? path.resolve(file) }),
    ...((warnings ?? isQuiet) && { CLOSEFDS_WARNINGS: warnings ?? 'report' }),
  });
  const comparison = comparisonOf(given);
  if (comparison === undefined) return endAs(await runCommand(command, variables(report)));
  return runWithBaseline(comparison, file => runCommand(command, variables(file)));
}
