// The rules that allow the FDs of a warning, for a person to copy into a config.

import { type Responsible, responsibleFor, UNKNOWN } from '../model/caller';
import type { Kind } from '../model/spawn-request';
import type { SpawnFinding } from './finding';
import { REDACTED } from './redact';
import { targetPattern } from './target-pattern';

/** A rule of a config file, in the order in which people read it. The reason is theirs to write. */
export type RuleToCopy = Readonly<Record<string, unknown>>;

/** The rules for findings of one call site; undefined if no rule can name the caller. */
export function rulesToCopy(findings: readonly SpawnFinding[]): RuleToCopy[] | undefined {
  const { place, via } = responsibleForAll(findings);
  if (place === undefined || place.name === UNKNOWN) return undefined;
  const conditions = findings[0]?.kind === 'stray' ? strayConditions(findings) : [slotConditions(findings)];
  const caller = { caller: place.name, ...(via.length > 0 && { via }) };
  return conditions.map(own => ({ ...caller, ...own, effect: 'allow', reason: '...' }));
}

/** Whom rules for findings of one call site name. */
export function responsibleForAll(
  findings: readonly SpawnFinding[],
): Partial<Responsible> & Pick<Responsible, 'via'> {
  const [{ caller } = {}] = findings;
  const [kind] = findings.map(finding => finding.kind).filter(isOfOptions);
  return caller === undefined ? { via: [] } : responsibleFor(caller, kind);
}

function isOfOptions(kind: Kind | undefined): boolean {
  return kind === 'fd' || kind === 'pipe';
}

function slotConditions(findings: readonly SpawnFinding[]): RuleToCopy {
  const kinds = [...new Set(findings.map(({ kind }) => kind))];
  const fds = [...new Set(findings.map(({ childFd }) => childFd ?? 0))].sort((a, b) => a - b);
  return { kinds, fds };
}

/** The number of a stray differs from run to run, so a rule names its file. */
function strayConditions(findings: readonly SpawnFinding[]): RuleToCopy[] {
  const byText = new Map(
    findings.map(fileCondition).map(condition => [JSON.stringify(condition), condition] as const),
  );
  return [...byText.values()].map(condition => ({ kinds: ['stray'], ...condition }));
}

function fileCondition({ target, type, childFd }: SpawnFinding): RuleToCopy {
  if (target !== undefined && target !== REDACTED) return { target: targetPattern(target, process.pid) };
  return type === undefined ? { fds: [childFd] } : { type };
}
