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

Runs COMMAND with NODE_OPTIONS set so that it, and every Node process it starts, loads closefds.

  --mode ${MODES.join('|')}   as CLOSEFDS_MODE
  --config FILE   the policy, in place of the app's own; as CLOSEFDS_CONFIG
  --report FILE   where findings are written, %p for the pid, or stderr; as CLOSEFDS_REPORT
  --warnings stderr|report   where warnings go; as CLOSEFDS_WARNINGS. Default: report with --mode warn
                             and --report or --baseline, so that tests that check stderr still pass;
                             else stderr
  --baseline FILE   findings that are known already, for CI; a baseline of "closefds scan" may be in the
                    same file. Findings are known by package, file, kind, number and command: neither a
                    new version nor a moved line makes one new
  --fail-on new     prints the findings that are not in the baseline, and exits with 1 if there are any
  --write-baseline  writes all findings of this run to the baseline's file

Exits with COMMAND's exit code, or as it was killed; 127 if it cannot be started. With --baseline, 1
for a COMMAND that succeeds if a finding is new with --fail-on new, or if a finding cannot be read.
This command is itself a Node program: FDs 3 to 16 that your shell opened for COMMAND end here. Where
that matters, set NODE_OPTIONS by hand.

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
