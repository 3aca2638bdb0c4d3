// Compares two reports: groups that are new, gone, or changed.

import { withoutVersion } from '../model/caller';
import { siteFile } from './aggregate';
import { type AssessedGroup, needsDecision, STATES } from './assess';
import type { Report } from './report';

export interface Comparison {
  /** Only in the new report, in its order. */
  readonly added: readonly AssessedGroup[];
  /** Only in the old report, in its order. */
  readonly gone: readonly AssessedGroup[];
  readonly changed: readonly ChangedGroup[];
  /** The number of groups that did not change. */
  readonly same: number;
}

export interface ChangedGroup {
  readonly before: AssessedGroup;
  readonly after: AssessedGroup;
  /** `state: undecided to broke`. */
  readonly changes: readonly string[];
}

export function compareReports(old: Report, recent: Report): Comparison {
  const pairs = matchGroups(old.byCaller, recent.byCaller);
  const before = new Set(pairs.values());
  const compared = [...pairs].map(([after, before]) => ({
    before,
    after,
    changes: changesOf(before, after),
  }));
  const changed = compared.filter(({ changes }) => changes.length > 0);
  return {
    added: recent.byCaller.filter(group => !pairs.has(group)),
    gone: old.byCaller.filter(group => !before.has(group)),
    changed: changed.sort((a, b) => STATES.indexOf(a.after.state) - STATES.indexOf(b.after.state)),
    same: compared.length - changed.length,
  };
}

/** Whether a new group needs a decision, or a changed one that did not need it before. */
export function bringsDecisions({ added, changed }: Comparison): boolean {
  return (
    added.some(needsDecision) ||
    changed.some(({ before, after }) => needsDecision(after) && before.state !== after.state)
  );
}

/** New groups by old ones: first those of the same line and version, then those that moved. */
function matchGroups(
  old: readonly AssessedGroup[],
  recent: readonly AssessedGroup[],
): Map<AssessedGroup, AssessedGroup> {
  const pairs = new Map<AssessedGroup, AssessedGroup>();
  const taken = new Set<AssessedGroup>();
  for (const key of [exactKey, movedKey]) {
    const waiting = new Map<string, AssessedGroup[]>();
    for (const group of old)
      if (!taken.has(group)) waiting.set(key(group), [...(waiting.get(key(group)) ?? []), group]);
    for (const group of recent) {
      if (pairs.has(group)) continue;
      const match = waiting.get(key(group))?.shift();
      if (match === undefined) continue;
      pairs.set(group, match);
      taken.add(match);
    }
  }
  return pairs;
}

function exactKey(group: AssessedGroup): string {
  const { version, line, column } = group.caller ?? {};
  return [movedKey(group), version, line, column].join('\0');
}

/** A release moves lines and changes versions, the app's too. */
function movedKey({ app, script, caller, kind, target }: AssessedGroup): string {
  return [app && withoutVersion(app), caller?.package, siteFile(caller), kind, target, script].join('\0');
}

function changesOf(before: AssessedGroup, after: AssessedGroup): string[] {
  const facts = (group: AssessedGroup) => ({
    state: group.state,
    outcome: valuesOf(group.dispositions.values),
    used: String(group.used ?? 'unknown'),
    'child failed': group.childFailed ? 'yes' : 'no',
    version: group.caller?.version ?? 'unknown',
    'announced by': valuesOf(group.announcements.values),
  });
  const [old, recent] = [facts(before), facts(after)];
  return (Object.keys(old) as (keyof typeof old)[])
    .filter(name => old[name] !== recent[name])
    .map(name => `${name}: ${old[name]} to ${recent[name]}`);
}

function valuesOf(values: readonly { readonly value: string }[]): string {
  const sorted = values.map(({ value }) => value).sort();
  return sorted.join(', ') || 'nothing';
}
