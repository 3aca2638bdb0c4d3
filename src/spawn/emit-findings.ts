// Reports each finding once and counts it afterwards, within bounds.

import type { Finding, Occurrence, PendingFinding, SpawnFinding } from '../findings/finding';
import type { Passed } from './offset-watch';
import type { TryOr } from './steps';

/** Beyond so many findings, what is new is counted as the first of its kind at its call site. */
const MOST_FINDINGS = 10_000;

/** Returns what was reported: the same finding for the same key, however often it occurs. */
export type EmitFinding = (pending: PendingFinding) => Passed[];

export function createEmitFinding(
  report: (finding: Finding, occurrence: Occurrence) => void,
  tryOr: TryOr,
): EmitFinding {
  const byKey = new Map<string, SpawnFinding>();
  const firstOfSite = new Map<string, SpawnFinding>();

  return ({ dedupKey, siteKey, sourceFd, make }) => {
    const isFull = byKey.size >= MOST_FINDINGS;
    const first = firstOfSite.get(siteKey);
    const before = byKey.get(dedupKey) ?? (isFull ? first : undefined);
    if (before !== undefined) {
      report(before, 'repeat');
      return [{ finding: before, fd: sourceFd }];
    }
    const finding = isFull ? undefined : tryOr('making a finding', make, undefined);
    if (finding === undefined) return [];
    byKey.set(dedupKey, finding);
    if (first === undefined) firstOfSite.set(siteKey, finding);
    report(finding, first === undefined ? 'first' : 'variant');
    return [{ finding, fd: sourceFd }];
  };
}
