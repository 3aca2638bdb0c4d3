// The arguments of closefds report.

import fs from 'node:fs';
import type { ReportOptions } from '../report/report';
import { SELECTED_KINDS } from '../report/select-records';
import { asUsageError, type Input, inputsOf } from './input-files';
import { choice, pointInTime, readArguments, wholeNumberOf } from './parse-args';
import { UsageError } from './usage-error';

const FORMATS = ['text', 'json', 'markdown'] as const;
export type Format = (typeof FORMATS)[number];

export interface ReportArguments {
  readonly format: Format | undefined;
  readonly html: string | undefined;
  readonly options: ReportOptions;
  readonly diff: boolean;
  readonly opener: string | undefined;
  readonly failOn: string | undefined;
  readonly follow: boolean;
  /** The port of --serve; undefined without it. */
  readonly port: number | undefined;
  readonly inputs: readonly Input[];
}

/** For the owner alone: paths may be secret. */
export const PAGE_PERMISSIONS = 0o600;

export function parseReportArguments(args: readonly string[]): ReportArguments {
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
    follow: { type: 'boolean' },
    serve: { type: 'boolean' },
    port: { type: 'string' },
  });
  const { html, diff = false, opener, follow = false } = values;
  const format = values.format === undefined ? undefined : choice(values.format, FORMATS, '--format');
  const failOn = values['fail-on'] && choice(values['fail-on'], ['needs-decision'], '--fail-on');
  const options = reportOptions(values);
  checkTogether({ ...values, html, diff, opener, format, positionals });
  const port = livePort({ ...values, html, diff, opener, format });
  const inputs = inputsOf(positionals);
  if (html !== undefined) checkPage(html, positionals);
  return { format, html, options, diff, opener, failOn, follow, port, inputs };
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

type Live = Pick<Combination, 'html' | 'diff' | 'opener' | 'format'> & {
  readonly follow?: boolean;
  readonly serve?: boolean;
  readonly port?: string;
  readonly 'fail-on'?: string;
};

/** The port of --serve, 0 for any; undefined without it. A report that goes on has no end to print something at. */
function livePort({ follow, serve, port, ...values }: Live): number | undefined {
  const live = follow ? '--follow' : '--serve';
  const others = {
    '--serve': follow === true && serve === true,
    '--html': values.html !== undefined,
    '--diff': values.diff,
    '--opener': values.opener !== undefined,
    '--format': values.format !== undefined,
    '--fail-on': values['fail-on'] !== undefined,
  };
  const [other] = Object.entries(others).find(([, isGiven]) => isGiven) ?? [];
  if ((follow || serve) && other !== undefined)
    throw new UsageError(`expected ${live} without ${other}, found both`);
  if (follow && !process.stdout.isTTY)
    throw new UsageError('expected a terminal for --follow, found a file or pipe; --serve shows a page');
  if (port !== undefined && !serve) throw new UsageError('expected --port with --serve, found it alone');
  if (!serve) return undefined;
  const number = port === undefined ? 0 : wholeNumberOf(port, '--port');
  if (number > 65_535) throw new UsageError(`expected a number up to 65535 after --port, found "${port}"`);
  return number;
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
    fs.closeSync(fs.openSync(html, 'a', PAGE_PERMISSIONS));
    if (page === undefined) fs.unlinkSync(html);
  } catch (error) {
    throw asUsageError(error, `${html} cannot be written`);
  }
}

function statOf(name: string): fs.Stats | undefined {
  return fs.statSync(name, { throwIfNoEntry: false });
}
