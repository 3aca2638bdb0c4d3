// closefds report: aggregates the findings of report files.

import fs from 'node:fs';
import path from 'node:path';
import { needsDecision } from '../report/assess';
import { bringsDecisions, type Comparison, compareReports } from '../report/compare-reports';
import { comparisonToMarkdown, comparisonToText } from '../report/render-comparison';
import { toPage } from '../report/render-html';
import { toMarkdown } from '../report/render-markdown';
import { toOpenerIssue } from '../report/render-opener';
import { toText } from '../report/render-text';
import { createReport, type Report, type ReportOptions } from '../report/report';
import { type Input, inputErrorReason, readInputs } from './input-files';
import { showLive } from './live/live-report';
import type * as PageServerModule from './live/page-server';
import { createTerminalView } from './live/terminal-view';
import {
  type Format,
  PAGE_PERMISSIONS,
  parseReportArguments,
  type ReportArguments,
} from './report-arguments';
import { colourOf, writeOut } from './terminal';

const usage = `closefds report [OPTION...] [FILE...]

Sums up findings that CLOSEFDS_REPORT wrote: which caller passes which FD to which command. Reads
any number of files, also gzipped ones; stdin without FILE, or for "-". Also reads the warnings in a
log, and the output of "journalctl -o json". Groups that need a decision come first.

  --format text|json|markdown   a table (the default), JSON for programs, or for a pull request
  --html FILE          writes an HTML page, in one file; prints a table only if --format is given
  --since TIME         only later findings: 30m, 2h or 7d ago, or a time like 2026-11-24T03:00Z
  --until TIME         only earlier findings
  --app NAME           only of this service: its name, or name@version, * for any text
  --script GLOB        only of processes with this main script: below the app's root, or absolute
  --host GLOB          only of this host
  --kind designated|stray|fd|pipe|ipc   only FDs of this kind; all but strays are designated
  --caller NAME        only of this caller: a package, or "." for the app's own code
  --needs-decision     only groups that need a decision
  --top N              only the first N groups
  --diff               compares two files, OLD and NEW: what is new, changed and gone
  --fail-on needs-decision   exits with 1 if a group needs a decision; with --diff, only if such a
                       group is new or changed
  --follow             updates the table as the files grow, until Ctrl-C
  --serve              serves a page that updates itself, on this machine only
  --port N             the port of --serve; default: a free one
  --opener PACKAGE     strays that PACKAGE most likely left open, as a Markdown text for its authors

Exits with 0 if it read all input, with 1 if it could not read a part, if the input is not a report,
or for --fail-on.

  closefds report /var/log/closefds/*.ndjson*
  closefds report --html report.html findings.ndjson
  closefds report --since 2h --app api --needs-decision findings.ndjson
  closefds report --diff --format markdown --fail-on needs-decision main.ndjson branch.ndjson
  closefds report --follow --since 1h /var/log/closefds/findings.ndjson
  journalctl -o json -u app | closefds report --format json | jq .total
`;

export const report = { summary: 'sum findings up: who passes what to whom', usage, main };

async function main(args: readonly string[]): Promise<number> {
  const call = parseReportArguments(args);
  if (call.follow || call.port !== undefined) return await showGrowing(call);
  return call.diff ? await showComparison(call) : await showReport(call);
}

async function showGrowing({ options, inputs, port }: ReportArguments): Promise<number> {
  const problems: string[] = [];
  if (port === undefined) {
    const view = createTerminalView(process.stdout, process.env);
    await showLive(inputs, options, view, problem => problems.push(problem));
    // Until then, the screen is that of the table.
    complain(problems);
    return problems.length === 0 ? 0 : 1;
  }
  // Of all commands, this alone needs Node's http.
  const { servePage } = require('./live/page-server') as typeof PageServerModule;
  const server = await servePage(port, createReport(options).result());
  process.stdout.write(`The page is ${server.address} until Ctrl-C.\n`);
  await showLive(inputs, options, server, problem => {
    problems.push(problem);
    complain([problem]);
  });
  return problems.length === 0 ? 0 : 1;
}

async function showReport({
  format,
  html,
  opener,
  options,
  failOn,
  inputs,
}: ReportArguments): Promise<number> {
  const { summary, problems } = await read(inputs, options);
  if (html !== undefined) {
    const failures = writePage(html, summary);
    problems.push(...failures);
    const output = format === undefined && opener === undefined ? process.stdout : process.stderr;
    if (failures.length === 0) output.write(`The page is ${path.resolve(html)}\n`);
  }
  if (opener !== undefined) {
    const issue = toOpenerIssue(summary, opener);
    if (issue === undefined) problems.push(`expected strays by ${opener}, found none`);
    else await writeOut(issue);
  } else if (format !== undefined || html === undefined) await writeOut(rendered(summary, format));
  complain(problems);
  const fails = failOn !== undefined && summary.byCaller.some(needsDecision);
  return problems.length === 0 && !fails ? 0 : 1;
}

async function showComparison({ format, options, failOn, inputs }: ReportArguments): Promise<number> {
  const [before, after] = [await read(inputs.slice(0, 1), options), await read(inputs.slice(1), options)];
  const comparison = compareReports(before.summary, after.summary);
  const problems = [...before.problems, ...after.problems];
  await writeOut(renderedComparison(comparison, format));
  complain(problems);
  return problems.length === 0 && !(failOn !== undefined && bringsDecisions(comparison)) ? 0 : 1;
}

async function read(inputs: readonly Input[], options: ReportOptions) {
  const maker = createReport(options);
  const problems = await readInputs(inputs, { onLine: maker.readLine, recordsSoFar: maker.recordsSoFar });
  const summary = maker.result();
  return { summary, problems: [...problems, ...inputProblems(summary)] };
}

function complain(problems: readonly string[]): void {
  for (const problem of problems) process.stderr.write(`closefds: ${problem}\n`);
}

function rendered(summary: Report, format: Format | undefined): string {
  if (format === 'json') return `${JSON.stringify(summary, null, 2)}\n`;
  if (format === 'markdown') return toMarkdown(summary);
  const { isTTY, columns } = process.stdout;
  return toText(summary, {
    colour: colourOf(process.stdout, process.env),
    columns: isTTY ? columns : undefined,
  });
}

function renderedComparison(comparison: Comparison, format: Format | undefined): string {
  if (format === 'json') return `${JSON.stringify(comparison, null, 2)}\n`;
  return format === 'markdown' ? comparisonToMarkdown(comparison) : comparisonToText(comparison);
}

/** Lines without a finding among them. Empty input is fine: a guarded program may have nothing to report. */
function inputProblems({ reading: { lines, newer }, total, filtered }: Report): string[] {
  const newest = Math.max(...newer.values.map(({ value }) => value));
  const tooNew = newer.values.length > 0 ? `; update closefds to read format ${newest}` : '';
  return lines > 0 && total.records + filtered === 0
    ? [`expected findings, found none in ${lines === 1 ? 'one line' : `${lines} lines`}${tooNew}`]
    : [];
}

// ---------------------------------------------------------------------------------------------
// The page
// ---------------------------------------------------------------------------------------------

function writePage(file: string, summary: Report): string[] {
  try {
    fs.writeFileSync(file, toPage(summary), { mode: PAGE_PERMISSIONS });
    return [];
  } catch (error) {
    return [`${file} cannot be written: ${inputErrorReason(error)}`];
  }
}
