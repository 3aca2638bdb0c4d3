// The report on the lines of report files. docs/cli.md documents its JSON form.

import { createTally, type Tally } from '../base/counter';
import type { ReportRecord } from '../findings/record';
import { createGroups, fdCount, type Groups } from './aggregate';
import { type AssessedGroup, assess, needsDecision, sortByState } from './assess';
import { createRecordParser, type ParseResult } from './parse-records';
import { createWarningParser } from './parse-warnings';
import { isSelected, type RecordFilter } from './select-records';
import { createServiceTitle } from './service';
import { createTimeline, type Timeline } from './timeline';

/** Increased when a program that knows the old form would misread the new one. */
export const REPORT_FORMAT = 1;

export interface Report extends Omit<Groups, 'byCaller'> {
  readonly closefdsReport: typeof REPORT_FORMAT;
  /** By state: what needs a decision first. */
  readonly byCaller: readonly AssessedGroup[];
  /** Groups that `needsDecision` and `top` of ReportOptions left out; they are in the sums. */
  readonly hidden: { readonly groups: number; readonly count: number };
  /** Records that `filter` of ReportOptions left out; they are in `reading` only. */
  readonly filtered: number;
  readonly reading: ParseResult;
  /** Strays by `name@version` of the package that most likely opened them, or a value of UNKNOWN_OPENERS. */
  readonly openers: Tally<string>;
  readonly timeline: Timeline;
}

/** In place of an opener. These are no valid names of packages. */
export const UNKNOWN_OPENERS = { atStart: 'inherited at start', since: 'unknown' } as const;

const MOST_OPENERS = 100;
/** Warnings that wait for the end of the input, where it is known which processes wrote records, too. */
const MOST_WAITING = 50_000;

export interface ReportOptions {
  readonly filter?: RecordFilter;
  /** Only groups that need a decision. */
  readonly needsDecision?: boolean;
  /** Only so many groups. */
  readonly top?: number;
}

export interface ReportMaker {
  /** `source`: see GroupsCounter in aggregate.ts. */
  readonly readLine: (line: string, isTooLong: boolean, source: number) => void;
  readonly recordsSoFar: () => number;
  /** `goesOn`: further lines may come, so that a warning whose lines are not all there waits for them. */
  readonly result: (goesOn?: boolean) => Report;
}

export function createReport({ filter = {}, ...shown }: ReportOptions = {}): ReportMaker {
  const groups = createGroups();
  const timeline = createTimeline();
  const openers = createTally<string>(MOST_OPENERS);
  let records = 0;
  let filtered = 0;
  let source = 0;
  /** The processes whose records were read: their warnings say the same. */
  const reported = new Set<number>();
  const waiting: { readonly record: ReportRecord; readonly source: number }[] = [];
  /** How many of them waited for the last result already: their processes had the time to write records. */
  let due = 0;
  const warnings = createWarningParser(record => {
    if (waiting.length < MOST_WAITING) waiting.push({ record, source });
    else addWarning(record, source);
  });
  const parser = createRecordParser(
    record => {
      if (reported.size < MOST_WAITING) reported.add(record.pid);
      add(record, source);
    },
    (line, origin) => warnings.readLine(line, origin),
  );

  function add(record: ReportRecord, from: number): void {
    records++;
    if (!isSelected(record, filter)) {
      filtered++;
      return;
    }
    groups.add(record, from);
    timeline.add(record);
    if (record.kind === 'stray') openers.add(openerOf(record), fdCount(record));
  }

  function addWarning(record: ReportRecord, from: number): void {
    if (!reported.has(record.pid)) add(record, from);
  }

  function result(goesOn = false): Report {
    if (!goesOn) warnings.end();
    const ready = waiting.splice(0, goesOn ? due : waiting.length);
    due = waiting.length;
    for (const { record, source } of ready) addWarning(record, source);
    const { byCaller, ...sums } = groups.result();
    const serviceTitle = createServiceTitle(byCaller);
    const assessed = byCaller.map(group => assess(group, serviceTitle(group)));
    return {
      closefdsReport: REPORT_FORMAT,
      reading: parser.result(),
      ...sums,
      ...select(sortByState(assessed), shown),
      filtered,
      openers: openers.result(),
      timeline: timeline.result(),
    };
  }

  return {
    readLine(line, isTooLong, from) {
      source = from;
      parser.readLine(line, isTooLong);
    },
    recordsSoFar: () => records,
    result,
  };
}

function select(
  groups: readonly AssessedGroup[],
  options: Pick<ReportOptions, 'needsDecision' | 'top'>,
): Pick<Report, 'byCaller' | 'hidden'> {
  const wanted = options.needsDecision ? groups.filter(needsDecision) : groups;
  const byCaller = wanted.slice(0, options.top);
  const sum = (all: readonly AssessedGroup[]) => all.reduce((total, { count }) => total + count, 0);
  const hidden = { groups: groups.length - byCaller.length, count: sum(groups) - sum(byCaller) };
  return { byCaller, hidden };
}

function openerOf({
  opener,
  atStart,
}: {
  readonly opener?: { readonly package: string; readonly version: string };
  readonly atStart?: boolean;
}): string {
  if (opener !== undefined) return `${opener.package}@${opener.version}`;
  return atStart ? UNKNOWN_OPENERS.atStart : UNKNOWN_OPENERS.since;
}
