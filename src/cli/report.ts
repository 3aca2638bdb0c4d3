// closefds report: what the lines of report files add up to.

import fs from 'node:fs';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { createReport, type Report, type ReportMaker } from '../core/report';
import { readLines } from '../node/report-lines';
import { createProgress } from './progress';
import { toPage } from './report-page';
import { toText } from './report-text';
import { colourOf, endQuietlyOnEpipe, writeOut } from './terminal';
import { UsageError } from './usage-error';

const usage = `closefds report [--format text|json] [--html FILE] [FILE...]

Sums up findings that CLOSEFDS_REPORT wrote: who passes what to whom. Reads any number of files, also
gzipped ones; stdin without FILE, or for "-".

  --format text|json   a table (the default), or all of it for programs
  --html FILE          a page to look at, in one file; prints no table unless --format asks for it

Exits with 0 when it has read all of it, 1 if something could not be read or was no report.

  closefds report /var/log/closefds/*.ndjson*
  closefds report --html report.html findings.ndjson
  journalctl -o cat -u app | closefds report --format json | jq .total
`;

export const report = { summary: 'sum findings up: who passes what to whom', usage, main };

interface Call {
  readonly format: 'text' | 'json' | undefined;
  readonly html: string | undefined;
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
  const { format, html, inputs } = parse(args);
  const maker = createReport();
  const problems = await readAll(inputs, maker);
  const summary = maker.result();
  problems.push(...doubts(summary));

  if (html !== undefined) problems.push(...writePage(html, summary));
  if (format === 'json') await writeOut(`${JSON.stringify(summary, null, 2)}\n`);
  else if (format === 'text' || html === undefined) await writeOut(textOf(summary));
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
  const { format, html } = values;
  if (format !== undefined && format !== 'text' && format !== 'json')
    throw new UsageError(`expected text or json after --format, found "${format}"`);
  const names = positionals.length === 0 ? ['-'] : positionals;
  if (positionals.length === 0 && process.stdin.isTTY)
    throw new UsageError('expected FILE, or findings on stdin, found a terminal there');
  if (names.filter(name => name === '-').length > 1)
    throw new UsageError('expected "-" for stdin once, found it twice');
  const inputs = names.map(inputOf);
  if (html !== undefined) checkPage(html, names);
  return { format, html, inputs };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { format: { type: 'string' }, html: { type: 'string' } },
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

/** The page must not take the place of what it is made of. */
function checkPage(html: string, names: readonly string[]): void {
  if (html === '' || html === '-') throw new UsageError(`expected a FILE after --html, found "${html}"`);
  try {
    const page = statOf(html);
    if (page?.isDirectory()) throw new UsageError(`expected a file after --html, found a folder: ${html}`);
    const isInput = (name: string) => {
      const input = statOf(name);
      return input !== undefined && input.dev === page?.dev && input.ino === page.ino;
    };
    if (names.some(isInput))
      throw new UsageError(`expected another FILE after --html than what is read: ${html}`);
    // Appends nothing, changes nothing, and leaves no file that was not there.
    fs.closeSync(fs.openSync(html, 'a', PERMISSIONS));
    if (page === undefined) fs.unlinkSync(html);
  } catch (error) {
    throw asUsageError(error, `${html} cannot be written`);
  }
}

function statOf(name: string): fs.Stats | undefined {
  return fs.statSync(name, { throwIfNoEntry: false });
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

// ---------------------------------------------------------------------------------------------
// The page
// ---------------------------------------------------------------------------------------------

/** Paths may be secret. */
const PERMISSIONS = 0o600;

function writePage(file: string, summary: Report): string[] {
  try {
    fs.writeFileSync(file, toPage(summary), { mode: PERMISSIONS });
    return [];
  } catch (error) {
    return [`${file} cannot be written: ${reasonOf(error)}`];
  }
}
