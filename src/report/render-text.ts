// Renders a report for the terminal: a table with one group a row, and notes.

import type { Tally } from '../base/counter';
import { escapeControlChars } from '../base/sanitize';
import { alignColumns, type Column, toTable } from '../base/text-table';
import { APP, UNKNOWN } from '../model/caller';
import { type Group, shownSite } from './aggregate';
import type { AssessedGroup, State } from './assess';
import type { ParseResult } from './parse-records';
import { type Report, UNKNOWN_OPENERS } from './report';

export interface TextOptions {
  readonly colour: boolean;
  /** The width of the terminal; undefined: as wide as the text. */
  readonly columns: number | undefined;
}

export function toText(report: Report, options: TextOptions): string {
  const style = styles(options.colour);
  const { byCaller, bySelf, hidden, other, openers } = report;
  const parts = [headOf(report)];
  if (byCaller.length > 0)
    parts.push(toTable(COLUMNS, byCaller.map(rowOf), { columns: options.columns, style }));
  if (hidden.groups > 0)
    parts.push(
      `and ${number(hidden.groups)} more ${groupsTitle(hidden.groups)} with ${findings(hidden.count)}`,
    );
  if (other.records > 0)
    parts.push(
      `and ${number(other.count)} in groups for which there was no room: sums are right, rows are missing`,
    );
  if (openers.values.length > 0)
    parts.push(`${style.bold('Strays by who most likely opened them')}\n${openersOf(openers)}`);
  if (bySelf.length > 0)
    parts.push(
      [
        style.bold('About closefds itself'),
        ...bySelf.map(({ code, what, count }) => `  ${number(count)} x ${code}: ${escapeControlChars(what)}`),
      ].join('\n'),
    );
  if (report.reading.warnings > 0)
    parts.push(
      `${number(report.reading.warnings)} lines were warnings, which come once for each call site: their counts are lower bounds, and a process with records counts by these.`,
    );
  const skipped = skippedOf(report.reading);
  if (skipped !== undefined) parts.push(skipped);
  return `${parts.join('\n\n')}\n`;
}

/** One sentence, without text from the findings. */
export function headOf({ total, byCaller, hidden }: Report): string {
  if (total.records === 0) return 'No findings.';
  const groups = byCaller.length + hidden.groups;
  const { count, processes, first, last, dispositions } = total;
  const actions = dispositions.values.filter(({ count }) => count > 0);
  return [
    `${findings(count)} in ${processesOf(processes)}, ${number(groups)} ${groupsTitle(groups)}`,
    ...(first === undefined ? [] : [`${[...new Set([minute(first), minute(last)])].join(' to ')} UTC`]),
    ...actions.map(({ value, count }) => `${number(count)} ${value}`),
  ].join(', ');
}

function processesOf({ count, exact }: Report['total']['processes']): string {
  return `${exact ? '' : '>'}${number(count)} ${count === 1 ? 'process' : 'processes'}`;
}

export function findings(count: number): string {
  return `${number(count)} ${count === 1 ? 'finding' : 'findings'}`;
}

export function groupsTitle(count: number): string {
  return count === 1 ? 'group' : 'groups';
}

function minute(time: string | undefined): string {
  return time === undefined ? '' : `${time.slice(0, 10)} ${time.slice(11, 16)}`;
}

function number(value: number): string {
  return value.toLocaleString('en');
}

// ---------------------------------------------------------------------------------------------
// The table
// ---------------------------------------------------------------------------------------------

/** So that the table fits into 60 columns. */
const NARROWEST = 7;

const COLUMNS: readonly Column[] = [
  { title: 'STATE' },
  { title: 'COUNT', align: 'right' },
  { title: 'PROC', align: 'right' },
  { title: 'OUTCOME', flexible: true, narrowest: NARROWEST },
  { title: 'WHAT', flexible: true, narrowest: NARROWEST },
  { title: 'WHO', flexible: true, narrowest: NARROWEST },
  { title: 'TO', flexible: true, narrowest: NARROWEST },
];

type StyledText = { readonly text: string; readonly style?: keyof Style };

function rowOf(group: AssessedGroup): readonly StyledText[] {
  const { state, count, processes } = group;
  return [
    { text: state, style: state },
    { text: number(count) },
    { text: `${processes.exact ? '' : '>'}${number(processes.count)}` },
    { text: outcomeOf(group) },
    { text: whatOf(group) },
    { text: whoOf(group) },
    { text: someOf(group.commands) },
  ];
}

const USE_TITLES = { true: 'used', likely: 'likely used', false: 'not used' };

function outcomeOf({ dispositions, used, candidates, childFailed }: AssessedGroup): string {
  const actions = dispositions.values.map(({ value }) => value).join(', ');
  const told =
    used === undefined || used === 'unknown'
      ? ''
      : `, ${USE_TITLES[String(used) as keyof typeof USE_TITLES]}`;
  const others = candidates.values.filter(({ value }) => value !== dispositions.values[0]?.value);
  const tried = others.length === 0 ? '' : ` (candidate: ${others.map(({ value }) => value).join(', ')})`;
  const failed = childFailed ? ', child failed' : '';
  return `${actions}${told}${failed}${tried}`;
}

function whatOf({ kind, target, childFds, openers, announcements }: Group): string {
  if (kind === undefined) return 'nothing (unsafe() was used)';
  const by = openers.values.length === 0 ? '' : ` by ${someOf(openers)}`;
  const told = announcements.values.length === 0 ? '' : ` (announced: ${someOf(announcements)})`;
  return `${kind} ${someOf(childFds)}${target === undefined ? '' : ` ${escapeControlChars(target)}`}${by}${told}`;
}

function whoOf({ service, caller, launchers, outerCallers }: AssessedGroup): string {
  const site = shownSite(caller);
  const place = site === undefined ? '' : ` ${escapeControlChars(site)}`;
  const through = launchers.values.length === 0 ? '' : ` through ${someOf(launchers)}`;
  const outer = outerCallers.values.length === 0 ? '' : ` called by ${someOf(outerCallers)}`;
  const where = service === undefined || caller?.package === APP ? '' : `, in ${escapeControlChars(service)}`;
  return `${titleOf(caller, service)}${place}${through}${outer}${where}`;
}

function titleOf(caller: Group['caller'], service: string | undefined): string {
  if (caller === undefined) return 'unknown';
  if (caller.package === APP) return service === undefined ? 'the app' : escapeControlChars(service);
  if (caller.package === UNKNOWN) return 'code without a file';
  const { package: name, version, declaredName } = caller;
  const alias = declaredName === undefined ? '' : ` (package "${declaredName}")`;
  return escapeControlChars(`${version === undefined ? name : `${name}@${version}`}${alias}`);
}

const SHOWN = 3;

function someOf(tally: Tally<string | number>): string {
  const shown = tally.values.slice(0, SHOWN).map(({ value }) => escapeControlChars(String(value)));
  const more = tally.values.length - shown.length;
  if (tally.other > 0) return `${shown.join(', ')} and more`;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

function openersOf({ values, other }: Report['openers']): string {
  const named = values.map(({ value, count }) => ({
    name: OPENER_NAMES[value] ?? escapeControlChars(value),
    count,
  }));
  const all = other === 0 ? named : [...named, { name: 'others', count: other }];
  const rows = all.map(({ name, count }) => [number(count), name]);
  return alignColumns(rows, ['right'])
    .map(line => `  ${line}`)
    .join('\n');
}

const OPENER_NAMES: Readonly<Record<string, string>> = {
  [UNKNOWN_OPENERS.atStart]: 'no package here: inherited at start',
  [UNKNOWN_OPENERS.since]: 'a package that the compat table does not know',
};

/** The counts of skipped input in one sentence; undefined if nothing was skipped. */
export function skippedOf({
  lines,
  torn,
  invalid,
  foreign,
  tooLong,
  newer,
}: ParseResult): string | undefined {
  const sorts = [
    [torn, 'torn'],
    [invalid, 'not as the schema says'],
    [foreign, 'of other programs'],
    [tooLong, 'too long'],
    ...newer.values.map(({ value, count }) => [count, `of format ${value}, which is newer: update closefds`]),
    [newer.other, 'of other newer formats'],
  ] as const;
  const skipped = sorts.filter(([count]) => Number(count) > 0);
  if (skipped.length === 0) return undefined;
  return `Not read, of ${number(lines)} lines: ${skipped.map(([count, sort]) => `${number(Number(count))} ${sort}`).join(', ')}.`;
}

export type Style = Readonly<Record<'bold' | State, (text: string) => string>>;

function styles(colour: boolean): Style {
  const code = (on: number, off: number) => (text: string) =>
    colour ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: code(1, 22),
    broke: code(31, 39),
    undecided: code(33, 39),
    closed: text => text,
    allowed: code(32, 39),
    noise: code(2, 22),
  };
}
