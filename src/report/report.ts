// The report on the lines of report files. docs/cli.md documents its JSON form.

import { createTally, type Tally } from '../base/counter';
import { createGroups, type Groups } from './aggregate';
import { createRecordParser, type ParseResult } from './parse-records';
import { createTimeline, type Timeline } from './timeline';

/** Increased when a program that knows the old form would misread the new one. */
export const REPORT_FORMAT = 1;

export interface Report extends Groups {
  readonly closefdsReport: typeof REPORT_FORMAT;
  readonly reading: ParseResult;
  /** Strays by `name@version` of the package that most likely opened them, or a value of UNKNOWN_OPENERS. */
  readonly openers: Tally<string>;
  readonly timeline: Timeline;
}

/** In place of an opener. These are no valid names of packages. */
export const UNKNOWN_OPENERS = { atStart: 'inherited at start', since: 'unknown' } as const;

const MOST_OPENERS = 100;

export interface ReportMaker {
  /** `source`: see GroupsCounter in aggregate.ts. */
  readonly readLine: (line: string, isTooLong: boolean, source: number) => void;
  readonly recordsSoFar: () => number;
  readonly result: () => Report;
}

export function createReport(): ReportMaker {
  const groups = createGroups();
  const timeline = createTimeline();
  const openers = createTally<string>(MOST_OPENERS);
  let records = 0;
  let source = 0;
  const parser = createRecordParser(record => {
    records++;
    groups.add(record, source);
    timeline.add(record);
    if (record.kind === 'stray') openers.add(openerOf(record), record.count);
  });

  return {
    readLine(line, isTooLong, from) {
      source = from;
      parser.readLine(line, isTooLong);
    },
    recordsSoFar: () => records,
    result: () => ({
      closefdsReport: REPORT_FORMAT,
      reading: parser.result(),
      ...groups.result(),
      openers: openers.result(),
      timeline: timeline.result(),
    }),
  };
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
