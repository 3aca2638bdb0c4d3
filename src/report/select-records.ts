// Selects the records that a report is about: by time, app, kind and caller.

import { matchesGlob } from '../base/glob';
import type { ReportRecord } from '../findings/fields';
import { withoutVersion } from '../model/caller';
import { KINDS } from '../policy/rule';
import { isAboutSpawn } from './aggregate';

/** `designated` is every kind but `stray`. */
export const SELECTED_KINDS = ['designated', ...KINDS] as const;

export interface RecordFilter {
  /** ISO 8601, UTC, with milliseconds, as in records; both ends are included. */
  readonly since?: string;
  readonly until?: string;
  /** A glob on `name@version` or `name`. */
  readonly app?: string;
  /** A glob on the main script: below the app's root, or absolute. */
  readonly script?: string;
  /** A glob. */
  readonly host?: string;
  readonly kind?: (typeof SELECTED_KINDS)[number];
  /** A glob on the caller's `name@version` or `name`; `.` is the app. */
  readonly caller?: string;
}

export function isSelected(record: ReportRecord, filter: RecordFilter): boolean {
  const { since, until, app, script, host, kind, caller } = filter;
  // A warning in a log may have no time.
  if (record.time === '' && (since !== undefined || until !== undefined)) return false;
  if (since !== undefined && record.time < since) return false;
  if (until !== undefined && record.time > until) return false;
  if (app !== undefined && !matchesName(record.app, app)) return false;
  if (script !== undefined && !matchesText(record.script, script)) return false;
  if (host !== undefined && !matchesText(record.host, host)) return false;
  if (kind === undefined && caller === undefined) return true;
  if (!isAboutSpawn(record)) return false;
  if (kind !== undefined && !isOfKind(record, kind)) return false;
  return caller === undefined || matchesName(titleOf(record.caller), caller);
}

function isOfKind(record: ReportRecord, kind: NonNullable<RecordFilter['kind']>): boolean {
  if (kind !== 'designated') return record.kind === kind;
  return record.kind !== undefined && record.kind !== 'stray';
}

function titleOf(caller: ReportRecord['caller']): string | undefined {
  return caller?.version === undefined ? caller?.package : `${caller.package}@${caller.version}`;
}

function matchesText(text: string | undefined, glob: string): boolean {
  return text !== undefined && matchesGlob(text, glob);
}

function matchesName(title: string | undefined, glob: string): boolean {
  return title !== undefined && (matchesGlob(title, glob) || matchesGlob(withoutVersion(title), glob));
}
