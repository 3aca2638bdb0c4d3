// Merges the records of an audit: a thousand spawns of one thread with the same use become one record.

import type { ReportRecord } from '../findings/record';
import { targetPattern } from '../findings/target-pattern';
import type { ProgramUse, Use } from '../model/fd-use';

/** `proofs`: records of FDs that the offsets of their files prove to be used; they settle an unknown use. */
export function mergeRecords(
  records: readonly ReportRecord[],
  proofs: readonly ReportRecord[],
): ReportRecord[] {
  const proven = new Set(proofs.map(fdKey));
  const merged = new Map<string, ReportRecord>();
  for (const record of records) {
    const known: ReportRecord =
      record.used === 'unknown' && proven.has(fdKey(record)) ? { ...record, used: true } : record;
    const key = JSON.stringify([fdKey(known), known.used, useKey(known.use)]);
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
