// closefds run with a baseline: runs a command, and compares its findings with a list of known ones.

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseBaselinePart, withBaselinePart } from '../base/baseline-file';
import { escapeControlChars } from '../base/sanitize';
import type { ReportRecord } from '../findings/record';
import { shownPlace } from '../model/caller';
import { readSettings, streamOf } from '../policy/settings';
import { FindingSites } from '../report/finding-key';
import { createRecordParser } from '../report/parse-records';
import { asUsageError } from './input-files';
import { choice } from './parse-args';
import { UsageError } from './usage-error';
import { type End, endAs } from './wrap-command';

export interface BaselineComparison {
  readonly file: string;
  readonly failOnNew: boolean;
  readonly write: boolean;
  /** The key of a finding is known by its number of call sites. */
  readonly known: ReadonlyMap<string, number>;
  readonly report: string | undefined;
}

/** undefined without a baseline. Reads it before the command runs for an hour. Throws UsageError. */
export function comparisonOf(given: Readonly<Record<string, string>>): BaselineComparison | undefined {
  const { baseline: file, failOn, writeBaseline, report } = given;
  if (failOn !== undefined) choice(failOn, ['new'], '--fail-on');
  if (file === undefined) {
    const lonely = failOn !== undefined ? '--fail-on' : writeBaseline && '--write-baseline';
    if (lonely) throw new UsageError(`expected --baseline FILE with ${lonely}, found none`);
    return undefined;
  }
  const [failOnNew, write] = [failOn !== undefined, writeBaseline !== undefined];
  if (failOnNew === write)
    throw new UsageError(
      `expected --fail-on new or --write-baseline with --baseline, found ${write ? 'both' : 'neither'}`,
    );
  const known = write ? new Map<string, number>() : readBaseline(file);
  return { file, failOnNew, write, known, report: oneFile(report) };
}

function oneFile(option: string | undefined): string | undefined {
  const report = option ?? (process.env.CLOSEFDS_REPORT || undefined);
  if (report === undefined || (streamOf(report) === undefined && !report.includes('%'))) return report;
  const where = option === undefined ? 'in CLOSEFDS_REPORT' : 'after --report';
  throw new UsageError(`expected one file ${where} with --baseline, found "${report}"`);
}

function readBaseline(file: string): Map<string, number> {
  try {
    return parseBaselinePart(readFileSync(file, 'utf8'), 'findings');
  } catch (error) {
    const hint = (error as NodeJS.ErrnoException).code === 'ENOENT' ? '; --write-baseline writes one' : '';
    throw new UsageError(`the baseline ${file} cannot be used: ${(error as Error).message}${hint}`);
  }
}

/** `run` gets the path of the report file. Resolves to the exit code, or ends this process as COMMAND ended. */
export async function runWithBaseline(
  comparison: BaselineComparison,
  run: (report: string) => Promise<End>,
): Promise<number> {
  const { end, isGood } = await compareRun(comparison, run);
  const code = endAs(end);
  return code === 0 && !isGood ? 1 : code;
}

async function compareRun(
  comparison: BaselineComparison,
  run: (report: string) => Promise<End>,
): Promise<{ end: End; isGood: boolean }> {
  const { appRoot } = readSettings({
    entryMode: undefined,
    env: process.env,
    script: undefined,
    cwd: process.cwd(),
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'closefds-run-'));
  try {
    const report = comparison.report ?? path.join(folder, 'findings.ndjson');
    const from = existsSync(report) ? statSync(report).size : 0;
    const end = await run(report);
    const { sites, unread } = findingsIn(report, from, appRoot);
    if (unread > 0)
      process.stderr.write(
        `closefds: expected findings in ${report}, found ${unread} ${unread === 1 ? 'line that is' : 'lines that are'} none\n`,
      );
    if (comparison.write) writeBaseline(comparison.file, sites);
    const hasNew = comparison.failOnNew && printNew(sites, comparison);
    return { end, isGood: unread === 0 && !hasNew };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Those that were written since the file had that size. */
function findingsIn(
  report: string,
  from: number,
  appRoot: string,
): { readonly sites: FindingSites; readonly unread: number } {
  const sites = new FindingSites(appRoot);
  const parser = createRecordParser(record => sites.add(record));
  // Without a finding there is no file.
  if (existsSync(report))
    for (const line of readFileSync(report).subarray(from).toString('utf8').split('\n'))
      parser.readLine(line);
  const { torn, invalid, foreign, newer } = parser.result();
  const ofNewer = newer.values.reduce((sum, { count }) => sum + count, newer.other);
  return { sites, unread: torn + invalid + foreign + ofNewer };
}

function writeBaseline(file: string, sites: FindingSites): void {
  try {
    const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    writeFileSync(file, withBaselinePart(before, 'findings', sites.counts()));
  } catch (error) {
    throw asUsageError(error, `the baseline ${file} cannot be written`);
  }
  const { size } = sites.counts();
  process.stderr.write(`closefds: ${size} ${size === 1 ? 'finding' : 'findings'} written to ${file}\n`);
}

/** Returns whether there are any. */
function printNew(sites: FindingSites, { file, known }: BaselineComparison): boolean {
  const fresh = sites.newIn(known);
  if (fresh.length === 0) return false;
  const lines = fresh.map(({ key, records }) => `  ${key}  (${records.map(lineOf).join(', ')})`);
  process.stderr.write(
    escapeControlChars(
      `closefds: ${fresh.length} ${fresh.length === 1 ? 'finding is' : 'findings are'} not in ${file}:`,
    ) +
      `\n${lines.map(line => `${escapeControlChars(line)}\n`).join('')}` +
      'Write a rule for each (closefds explain), or accept them with --write-baseline.\n',
  );
  return true;
}

function lineOf({ code, caller }: ReportRecord): string {
  const { line } = shownPlace(caller ?? {});
  return line === undefined ? code : `line ${line}`;
}
