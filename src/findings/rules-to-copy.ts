// The rules that allow the FDs of a warning, for a person to copy into a config.

import { type Responsible, responsibleFor, UNKNOWN } from '../model/caller';
import type { Kind } from '../model/spawn-request';
import type { SpawnFinding } from './finding';
import { REDACTED } from './redact';
import { targetPattern } from './target-pattern';

/** A rule of a config file, in the order in which people read it. The reason is theirs to write. */
export type RuleToCopy = Readonly<Record<string, unknown>>;

/** What a rule can say of one FD. */
export type FdToAllow = Pick<SpawnFinding, 'caller' | 'kind' | 'childFd' | 'target' | 'type'>;

/**
 * The rules for FDs of one call site; undefined if no rule can name the caller. `toPattern` makes a glob of a
 * target.
 */
export function rulesToCopy(
  fds: readonly FdToAllow[],
  toPattern: (target: string) => string = target => targetPattern(target, process.pid),
): RuleToCopy[] | undefined {
  const { place, via } = responsibleForAll(fds);
  if (place === undefined || place.name === UNKNOWN) return undefined;
  const conditions = fds[0]?.kind === 'stray' ? strayConditions(fds, toPattern) : [slotConditions(fds)];
  const caller = { caller: place.name, ...(via.length > 0 && { via }) };
  return conditions.map(own => ({ ...caller, ...own, effect: 'allow', reason: '...' }));
}

/** Whom rules for FDs of one call site name. */
export function responsibleForAll(
  findings: readonly FdToAllow[],
): Partial<Responsible> & Pick<Responsible, 'via'> {
  const [{ caller } = {}] = findings;
  const [kind] = findings.map(finding => finding.kind).filter(isOfOptions);
  return caller === undefined ? { via: [] } : responsibleFor(caller, kind);
}

function isOfOptions(kind: Kind | undefined): boolean {
  return kind === 'fd' || kind === 'pipe';
}

function slotConditions(all: readonly FdToAllow[]): RuleToCopy {
  const kinds = [...new Set(all.map(({ kind }) => kind))];
  const fds = [...new Set(all.map(({ childFd }) => childFd ?? 0))].sort((a, b) => a - b);
  return { kinds, fds };
}

/** The number of a stray differs from run to run, so a rule names its file. */
function strayConditions(fds: readonly FdToAllow[], toPattern: (target: string) => string): RuleToCopy[] {
  const conditions = fds.map(fd => fileCondition(fd, toPattern));
  const byText = new Map(conditions.map(condition => [JSON.stringify(condition), condition] as const));
  return [...byText.values()].map(condition => ({ kinds: ['stray'], ...condition }));
}

function fileCondition(
  { target, type, childFd }: FdToAllow,
  toPattern: (target: string) => string,
): RuleToCopy {
  if (target !== undefined && target !== REDACTED) return { target: toPattern(target) };
  return type === undefined ? { fds: [childFd] } : { type };
}
