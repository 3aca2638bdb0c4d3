// Merges the records of an audit: a thousand spawns of one thread with the same use become one record.

import type { ReportRecord } from '../findings/record';
import { targetPattern } from '../findings/target-pattern';
import type { ProgramUse, Use } from '../model/fd-use';

/** `likely`: records of FDs that are likely used, by the offsets of their files; they change an unknown use. */
export function mergeRecords(
  records: readonly ReportRecord[],
  likely: readonly ReportRecord[],
): ReportRecord[] {
  const moves = new Map(likely.map(record => [fdKey(record), record.offsetMoved]));
  const merged = new Map<string, ReportRecord>();
  for (const record of records) {
    const offsetMoved = record.used === 'unknown' ? moves.get(fdKey(record)) : undefined;
    const known: ReportRecord =
      offsetMoved === undefined ? record : { ...record, used: 'likely', offsetMoved };
    const key = JSON.stringify([fdKey(known), known.used, known.offsetMoved, useKey(known.use)]);
    const before = merged.get(key);
    merged.set(key, before === undefined ? known : mergeTwo(before, known));
  }
  return [...merged.values()];
}

function fdKey(record: ReportRecord): string {
  const { pid, thread, code, mode, disposition, kind, childFd, target, command, caller } = record;
  const where = [caller?.package, caller?.version, caller?.file, caller?.line, caller?.column];
  const what = target === undefined ? undefined : targetPattern(target, pid);
  return JSON.stringify([pid, thread, code, mode, disposition, kind, childFd, what, command, ...where]);
}

function useKey(use: Use | undefined): unknown {
  return [programKey(use), use?.heirs?.map(programKey), use?.running];
}

function programKey(use: ProgramUse | undefined): unknown {
  return [use?.verdict, use?.reason, use?.program, use?.calls];
}

/** The first record, with the shortest time to a use and the longest time that the FD was open. */
function mergeTwo(one: ReportRecord, other: ReportRecord): ReportRecord {
  const count = one.count + other.count;
  if (one.use === undefined || other.use === undefined) return { ...one, count };
  const after = least(one.use.after, other.use.after);
  const held = most(one.use.held, other.use.held);
  return {
    ...one,
    use: { ...one.use, ...(after !== undefined && { after }), ...(held !== undefined && { held }) },
    count,
  };
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}

function most(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}
