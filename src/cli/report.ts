// closefds report: aggregates the findings of report files.

import fs from 'node:fs';
import path from 'node:path';
import { toPage } from '../report/render-html';
import { toText } from '../report/render-text';
import { createReport, type Report } from '../report/report';
import { asUsageError, type Input, inputErrorReason, inputsOf, readInputs } from './input-files';
import { choice, readArguments } from './parse-args';
import { colourOf, writeOut } from './terminal';
import { UsageError } from './usage-error';

const usage = `closefds report [--format text|json] [--html FILE] [FILE...]

Sums up findings that CLOSEFDS_REPORT wrote: who passes what to whom. Reads any number of files, also
gzipped ones; stdin without FILE, or for "-". The warnings in a log are read, too, also as "journalctl
-o json" writes them.

  --format text|json   a table (the default), or all of it for programs
  --html FILE          a page to look at, in one file; prints no table unless --format asks for it

Exits with 0 when it has read all of it, 1 if something could not be read or was no report.

  closefds report /var/log/closefds/*.ndjson*
  closefds report --html report.html findings.ndjson
  journalctl -o json -u app | closefds report --format json | jq .total
`;

export const report = { summary: 'sum findings up: who passes what to whom', usage, main };

const FORMATS = ['text', 'json'] as const;

interface ReportArguments {
  readonly format: 'text' | 'json' | undefined;
  readonly html: string | undefined;
  readonly inputs: readonly Input[];
}

async function main(args: readonly string[]): Promise<number> {
  const { format, html, inputs } = parse(args);
  const maker = createReport();
  const problems = await readInputs(inputs, { onLine: maker.readLine, recordsSoFar: maker.recordsSoFar });
  const summary = maker.result();
  problems.push(...inputProblems(summary));

  if (html !== undefined) {
    const failures = writePage(html, summary);
    problems.push(...failures);
    const output = format === undefined ? process.stdout : process.stderr;
    if (failures.length === 0) output.write(`The page is ${path.resolve(html)}\n`);
  }
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
// Arguments
// ---------------------------------------------------------------------------------------------

function parse(args: readonly string[]): ReportArguments {
  const { values, positionals } = readArguments(args, {
    format: { type: 'string' },
    html: { type: 'string' },
  });
  const { html } = values;
  const format = values.format === undefined ? undefined : choice(values.format, FORMATS, '--format');
  const inputs = inputsOf(positionals);
  if (html !== undefined) checkPage(html, positionals);
  return { format, html, inputs };
}

/** The page must be writable, and must not replace an input. Throws UsageError. */
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
    // Tries to open the page for writing, without a change to the file system.
    fs.closeSync(fs.openSync(html, 'a', PERMISSIONS));
    if (page === undefined) fs.unlinkSync(html);
  } catch (error) {
    throw asUsageError(error, `${html} cannot be written`);
  }
}

function statOf(name: string): fs.Stats | undefined {
  return fs.statSync(name, { throwIfNoEntry: false });
}

/** Lines without a finding among them. Empty input is fine: a guarded program may have nothing to report. */
function inputProblems({ reading: { lines, newer }, total: { records } }: Report): string[] {
  const newest = Math.max(...newer.values.map(({ value }) => value));
  const tooNew = newer.values.length > 0 ? `; update closefds to read format ${newest}` : '';
  return lines > 0 && records === 0
    ? [`expected findings, found none in ${lines === 1 ? 'one line' : `${lines} lines`}${tooNew}`]
    : [];
}

// ---------------------------------------------------------------------------------------------
// The page
// ---------------------------------------------------------------------------------------------

/** For the owner alone: paths may be secret. */
const PERMISSIONS = 0o600;

function writePage(file: string, summary: Report): string[] {
  try {
    fs.writeFileSync(file, toPage(summary), { mode: PERMISSIONS });
    return [];
  } catch (error) {
    return [`${file} cannot be written: ${inputErrorReason(error)}`];
  }
}
