// closefds report: what the lines of report files add up to.

import fs from 'node:fs';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { createReport, type Report, type ReportMaker } from '../core/report';
import { readLines } from '../node/report-lines';
import { createProgress } from './progress';
import { toText } from './report-text';
import { colourOf, endQuietlyOnEpipe, writeOut } from './terminal';
import { UsageError } from './usage-error';

const usage = `closefds report [--format text|json] [FILE...]

Sums up findings that CLOSEFDS_REPORT wrote: who passes what to whom. Reads any number of files, also
gzipped ones; stdin without FILE, or for "-".

  --format text|json   a table (the default), or all of it for programs

Exits with 0 when it has read all of it, 1 if something could not be read or was no report.

  closefds report /var/log/closefds/*.ndjson*
  zstdcat findings.ndjson.zst | closefds report
  journalctl -o cat -u app | closefds report --format json | jq .total
`;

export const report = { summary: 'sum findings up: who passes what to whom', usage, main };

interface Call {
  readonly format: 'text' | 'json';
  readonly inputs: readonly Input[];
}

interface Input {
  /** For messages. */
  readonly name: string;
  readonly size: number;
  readonly open: () => Readable;
}

async function main(args: readonly string[]): Promise<number> {
  endQuietlyOnEpipe();
  const { format, inputs } = parse(args);
  const maker = createReport();
  const problems = await readAll(inputs, maker);
  const summary = maker.result();
  problems.push(...doubts(summary));

  if (format === 'json') await writeOut(`${JSON.stringify(summary, null, 2)}\n`);
  else await writeOut(textOf(summary));
  for (const problem of problems) process.stderr.write(`closefds: ${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

function textOf(summary: Report): string {
  const { isTTY, columns } = process.stdout;
  return toText(summary, {
    colour: colourOf(process.stdout, process.env),
    columns: isTTY ? columns : undefined,
  });
}

// ---------------------------------------------------------------------------------------------
// The call
// ---------------------------------------------------------------------------------------------

function parse(args: readonly string[]): Call {
  const { values, positionals } = parsed(args);
  const { format } = values;
  if (format !== undefined && format !== 'text' && format !== 'json')
    throw new UsageError(`expected text or json after --format, found "${format}"`);
  const names = positionals.length === 0 ? ['-'] : positionals;
  if (positionals.length === 0 && process.stdin.isTTY)
    throw new UsageError('expected FILE, or findings on stdin, found a terminal there');
  if (names.filter(name => name === '-').length > 1)
    throw new UsageError('expected "-" for stdin once, found it twice');
  const inputs = names.map(inputOf);
  return { format: format ?? 'text', inputs };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { format: { type: 'string' } },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Said before anything is read: a mistyped name must not cost a minute's reading. */
function inputOf(name: string): Input {
  if (name === '-') return { name: 'stdin', size: 0, open: () => process.stdin };
  try {
    const stat = fs.statSync(name);
    if (stat.isDirectory()) throw new UsageError(`expected a file, found a folder: ${name}`);
    fs.accessSync(name, fs.constants.R_OK);
    return { name, size: stat.size, open: () => fs.createReadStream(name, { highWaterMark: 2 ** 20 }) };
  } catch (error) {
    throw asUsageError(error, `${name} cannot be read`);
  }
}

function asUsageError(error: unknown, what: string): UsageError {
  return error instanceof UsageError ? error : new UsageError(`${what}: ${reasonOf(error)}`);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is no folder',
  EACCES: 'permission denied',
};

function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}

// ---------------------------------------------------------------------------------------------
// Reading
// ---------------------------------------------------------------------------------------------

/** Resolves to what could not be read; the rest counts all the same. */
async function readAll(inputs: readonly Input[], maker: ReportMaker): Promise<string[]> {
  const problems: string[] = [];
  const sources = new Map<string, number>();
  const progress = createProgress({
    stream: process.stderr,
    size: inputs.reduce((sum, { size }) => sum + size, 0),
    records: maker.recordsSoFar,
  });
  for (const { name, open } of inputs) {
    const source = sources.get(withoutRotation(name)) ?? sources.size;
    sources.set(withoutRotation(name), source);
    const onLine = (line: string, isTooLong: boolean) => maker.readLine(line, isTooLong, source);
    try {
      await readLines(open(), { onLine, onBytes: progress.onBytes });
    } catch (error) {
      problems.push(`${name} could not be read to its end: ${reasonOf(error)}`);
    }
  }
  progress.end();
  return problems;
}

/** What was rotated away is of the same processes: findings.ndjson, .ndjson.1, .ndjson-20261124.gz */
function withoutRotation(name: string): string {
  return name.replace(/\.gz$/, '').replace(/[.-]\d+$/, '');
}

/** Nothing at all is no problem: a guarded program may have nothing to report. */
function doubts({ reading: { lines, records, newer } }: Report): string[] {
  const newest = Math.max(...newer.values.map(({ value }) => value));
  const tooNew = newer.values.length > 0 ? `; update closefds to read format ${newest}` : '';
  return lines > 0 && records === 0
    ? [
        `expected findings, found ${lines === 1 ? 'one line that is' : `${lines} lines that are`} none${tooNew}`,
      ]
    : [];
}
