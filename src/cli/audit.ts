// closefds audit: reports which FDs the children used.

import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { collectAudit } from '../audit/collect';
import { mergeRecords } from '../audit/merge';
import { createVersions } from '../audit/program-version';
import { TOOLS_FILE } from '../audit/protocol';
import { toSummary } from '../audit/summary';
import { type ReportRecord, toLine } from '../findings/record';
import type { ProgramUse } from '../model/fd-use';
import { AUDIT_VARIABLE } from '../policy/variables';
import { findTracingTools } from './audit-setup';
import { UsageError } from './usage-error';
import { type End, endAs, readCommand, runCommand } from './wrap-command';

const MODES = ['warn', 'enforce', 'strict'] as const;

const usage = `closefds audit [--report FILE] [--mode MODE] [--config FILE] [--] COMMAND [ARGUMENT...]

Runs COMMAND with closefds in every Node process below it, and traces by strace the children that
get FDs beyond stdio from these processes. Then prints which of these FDs were used and which were
not.

  --report FILE   writes the findings to FILE, with the use of each FD; for report and learn
  --mode ${MODES.join('|')}   default: warn, so that strays pass and are observed
  --config FILE   the policy, in place of the app's own; as CLOSEFDS_CONFIG

Needs strace 5.3 and the permission to trace. Without them, COMMAND still runs, but most uses stay
unknown. The summary goes to stderr.

Exits with COMMAND's exit code, or by the signal that killed it; 127 if COMMAND cannot be started.

  closefds audit --report findings.ndjson -- npm test
`;

export const audit = { summary: 'find out by strace which FDs children use', usage, main };

async function main(args: readonly string[]): Promise<number> {
  const { given, command } = readCommand(args, {
    '--report': 'output',
    '--mode': 'mode',
    '--config': 'config',
  });
  const { output, mode = 'warn', config } = given;
  if (!(MODES as readonly string[]).includes(mode))
    throw new UsageError(`expected one of ${MODES.join(', ')} after --mode, found "${mode}"`);
  if (output !== undefined) createOutput(output);

  const folder = mkdtempSync(path.join(tmpdir(), 'closefds-audit-'));
  let end: End;
  try {
    await prepare(folder);
    end = await runCommand(command, {
      [AUDIT_VARIABLE]: folder,
      CLOSEFDS_MODE: mode,
      ...(config !== undefined && { CLOSEFDS_CONFIG: path.resolve(config) }),
    });
    await writeResult(folder, output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return endAs(end);
}

async function prepare(folder: string): Promise<void> {
  // Programs that run as other users must be able to write their traces here, but not list the folder.
  chmodSync(folder, 0o1733);
  const tools = await findTracingTools(folder);
  writeFileSync(path.join(folder, TOOLS_FILE), JSON.stringify(tools), { mode: 0o644 });
  if ('problem' in tools) writeError(`closefds audit: nothing can be traced: ${tools.problem}\n`);
}

async function writeResult(folder: string, output: string | undefined): Promise<void> {
  try {
    const result = await collectAudit(folder);
    const records = withVersions(mergeRecords(result.records, result.likely));
    if (output !== undefined) writeFileSync(output, records.map(toLine).join(''));
    writeError(toSummary(records, result));
  } catch (error) {
    // The exit code of COMMAND must still be passed on.
    writeError(`closefds audit: the result is lost: ${(error as Error).message}\n`);
  }
}

/** Fails before COMMAND runs for an hour. */
function createOutput(file: string): void {
  try {
    closeSync(openSync(file, 'w', 0o600));
  } catch (error) {
    throw new UsageError(`expected a file that can be written after --report: ${(error as Error).message}`);
  }
}

function writeError(text: string): void {
  process.stderr.write(text);
}

function withVersions(records: readonly ReportRecord[]): ReportRecord[] {
  const versionOf = createVersions();
  return records.map(record => {
    const { use } = record;
    if (use === undefined) return record;
    const { heirs } = use;
    return {
      ...record,
      use: { ...versioned(use), ...(heirs !== undefined && { heirs: heirs.map(versioned) }) },
    };
  });

  function versioned<T extends ProgramUse>(use: T): T {
    const version = use.program === undefined ? undefined : versionOf(use.program);
    return version === undefined ? use : { ...use, version };
  }
}
