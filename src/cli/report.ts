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
import { SELECTED_KINDS } from '../report/select-records';
import { asUsageError, type Input, inputErrorReason, inputsOf, readInputs } from './input-files';
import { choice, pointInTime, readArguments, wholeNumberOf } from './parse-args';
import { colourOf, writeOut } from './terminal';
import { UsageError } from './usage-error';

const usage = `closefds report [OPTION...] [FILE...]

Sums up findings that CLOSEFDS_REPORT wrote: who passes what to whom. Reads any number of files, also
gzipped ones; stdin without FILE, or for "-". The warnings in a log are read, too, also as "journalctl
-o json" writes them. What needs a decision comes first.

  --format text|json|markdown   a table (the default), all of it for programs, or for a pull request
  --html FILE          a page to look at, in one file; prints no table unless --format asks for it
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
  --fail-on needs-decision   exit with 1 if a group needs a decision; with --diff, a new or changed one
  --opener PACKAGE     strays that PACKAGE most likely left open, as a text in Markdown for its authors

Exits with 0 when it has read all of it, 1 if something could not be read or was no report, or for
--fail-on.

  closefds report /var/log/closefds/*.ndjson*
  closefds report --html report.html findings.ndjson
  closefds report --since 2h --app api --needs-decision findings.ndjson
  closefds report --diff --format markdown --fail-on needs-decision main.ndjson branch.ndjson
  journalctl -o json -u app | closefds report --format json | jq .total
`;

export const report = { summary: 'sum findings up: who passes what to whom', usage, main };

const FORMATS = ['text', 'json', 'markdown'] as const;
type Format = (typeof FORMATS)[number];

interface ReportArguments {
  readonly format: Format | undefined;
  readonly html: string | undefined;
  readonly options: ReportOptions;
  readonly diff: boolean;
  readonly opener: string | undefined;
  readonly failOn: string | undefined;
  readonly inputs: readonly Input[];
}

async function main(args: readonly string[]): Promise<number> {
  const call = parse(args);
  return call.diff ? await showComparison(call) : await showReport(call);
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

// ---------------------------------------------------------------------------------------------
// Arguments
// ---------------------------------------------------------------------------------------------

function parse(args: readonly string[]): ReportArguments {
  const { values, positionals } = readArguments(args, {
    format: { type: 'string' },
    html: { type: 'string' },
    since: { type: 'string' },
    until: { type: 'string' },
    app: { type: 'string' },
    script: { type: 'string' },
    host: { type: 'string' },
    kind: { type: 'string' },
    caller: { type: 'string' },
    'needs-decision': { type: 'boolean' },
    top: { type: 'string' },
    diff: { type: 'boolean' },
    'fail-on': { type: 'string' },
    opener: { type: 'string' },
  });
  const { html, diff = false, opener } = values;
  const format = values.format === undefined ? undefined : choice(values.format, FORMATS, '--format');
  const failOn = values['fail-on'] && choice(values['fail-on'], ['needs-decision'], '--fail-on');
  const options = reportOptions(values);
  checkTogether({ ...values, html, diff, opener, format, positionals });
  const inputs = inputsOf(positionals);
  if (html !== undefined) checkPage(html, positionals);
  return { format, html, options, diff, opener, failOn, inputs };
}

interface SelectingValues {
  readonly since?: string;
  readonly until?: string;
  readonly app?: string;
  readonly script?: string;
  readonly host?: string;
  readonly kind?: string;
  readonly caller?: string;
  readonly 'needs-decision'?: boolean;
  readonly top?: string;
}

function reportOptions({ since, until, kind, top, ...values }: SelectingValues): ReportOptions {
  const filter = {
    ...(since !== undefined && { since: pointInTime(since, '--since') }),
    ...(until !== undefined && { until: pointInTime(until, '--until') }),
    ...(kind !== undefined && { kind: choice(kind, SELECTED_KINDS, '--kind') }),
    ...givenOf(values, ['app', 'script', 'host', 'caller']),
  };
  if (filter.since !== undefined && filter.until !== undefined && filter.since > filter.until)
    throw new UsageError(`expected --since before --until, found ${filter.since} after ${filter.until}`);
  const needsDecision = values['needs-decision'] ?? false;
  return { filter, needsDecision, ...(top !== undefined && { top: wholeNumberOf(top, '--top') }) };
}

function givenOf<K extends 'app' | 'script' | 'host' | 'caller'>(
  values: Pick<SelectingValues, K>,
  names: readonly K[],
): { readonly [N in K]?: string } {
  const given = names.filter(name => values[name] !== undefined).map(name => [name, values[name]]);
  return Object.fromEntries(given);
}

interface Combination extends SelectingValues {
  readonly html: string | undefined;
  readonly diff: boolean;
  readonly opener: string | undefined;
  readonly format: Format | undefined;
  readonly positionals: readonly string[];
}

/** Options that hide groups would make a comparison, or a text for authors, wrong. */
function checkTogether({ html, diff, opener, format, positionals, ...values }: Combination): void {
  if (diff && positionals.length !== 2)
    throw new UsageError(`expected two files, OLD and NEW, after --diff, found ${positionals.length}`);
  const whole = diff ? '--diff' : opener === undefined ? undefined : '--opener';
  const others = {
    '--html': html !== undefined,
    '--opener': diff && opener !== undefined,
    '--top': values.top !== undefined,
    '--needs-decision': values['needs-decision'] === true,
  };
  const [other] = Object.entries(others).find(([, isGiven]) => isGiven) ?? [];
  if (whole !== undefined && other !== undefined)
    throw new UsageError(`expected ${whole} without ${other}, found both`);
  if (opener !== undefined && format !== undefined && format !== 'markdown')
    throw new UsageError(`expected --format markdown with --opener, found "${format}"`);
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
