// A finding as a record: one line of a report file, one message of the diagnostics channel. The fields are
// declared in fields.ts.

import type { Caller, CodePlace } from '../model/caller';
import type { Use } from '../model/fd-use';
import {
  RECORDED,
  type RecordedCaller,
  type RecordedPlace,
  type RecordMetadata,
  type RecordSource,
  type ReportRecord,
  withoutMissing,
} from './fields';
import { type Finding, isSpawnFinding } from './finding';

export type { RecordedCaller, RecordedRule, RecordMetadata, ReportRecord } from './fields';

/** Leaves out what is not known. */
export function toRecord(finding: Finding, metadata: RecordMetadata, use?: Use): ReportRecord {
  const isSpawn = isSpawnFinding(finding);
  const source: RecordSource = {
    finding,
    spawn: isSpawn ? finding : undefined,
    what: isSpawn ? undefined : finding.what,
    metadata,
    use,
  };
  const fields = Object.entries(RECORDED).map(([key, read]) => [key, read(source)]);
  return withoutMissing<ReportRecord>(Object.fromEntries(fields));
}

/** The caller of a record. */
export function toCallerAgain({ launchers = [], calledBy, ...place }: RecordedCaller): Caller {
  return {
    ...toPlaceAgain(place),
    launchers,
    ...(calledBy !== undefined && { calledBy: calledBy.map(toPlaceAgain) }),
  };
}

function toPlaceAgain({ package: name, ...recorded }: RecordedPlace): CodePlace {
  return {
    version: undefined,
    declaredName: undefined,
    file: undefined,
    fileInPackage: undefined,
    line: undefined,
    column: undefined,
    function: undefined,
    ...recorded,
    name,
  };
}

/** With its line feed. JSON escapes those within, so a record is one line whatever a path holds. */
export function toLine(record: ReportRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** What every line begins with. */
export const LINE_START = '{"closefds":';
