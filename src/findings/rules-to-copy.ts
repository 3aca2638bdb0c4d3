// The rules that allow the FDs of a warning, for a person to copy into a config.

import { UNKNOWN } from '../model/caller';
import type { SpawnFinding } from './finding';
import { REDACTED } from './redact';
import { targetPattern } from './target-pattern';

/** A rule of a config file, in the order in which people read it. The reason is theirs to write. */
export type RuleToCopy = Readonly<Record<string, unknown>>;

/** The rules for findings of one call site; undefined if no rule can name the caller. */
export function rulesToCopy(findings: readonly SpawnFinding[]): RuleToCopy[] | undefined {
  const [{ caller } = {}] = findings;
  if (caller === undefined || caller.name === UNKNOWN) return undefined;
  const conditions = findings[0]?.kind === 'stray' ? strayConditions(findings) : [slotConditions(findings)];
  return conditions.map(own => ({ caller: caller.name, ...own, effect: 'allow', reason: '...' }));
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
