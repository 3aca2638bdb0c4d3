// Findings as sentences: the only prose of the preload.

import { escapeControlChars } from '../base/sanitize';
import { type Caller, callerTitle, UNKNOWN } from '../model/caller';
import type { Access, FileType } from '../model/spawn-request';
import { type Finding, isSpawnFinding, type SelfFinding, type SpawnFinding } from './finding';
import { REDACTED } from './redact';

export const DOCUMENTATION = 'docs/findings.md';

/** One line, even if a path or a name contains line feeds. */
export function toMessage(finding: Finding): string {
  return escapeControlChars(isSpawnFinding(finding) ? spawnMessage(finding) : finding.what);
}

/** What to do about a finding; shown below the message. */
export function toAdvice(finding: Finding): string {
  const see = `See ${DOCUMENTATION}#${finding.code.toLowerCase()} in the package.`;
  return escapeControlChars(`${isSpawnFinding(finding) ? spawnAdvice(finding) : selfAdvice(finding)} ${see}`);
}

function spawnMessage(finding: SpawnFinding): string {
  const { caller, command, route, disposition } = finding;
  const who = `${callerTitle(caller)} starting "${command}" with ${route}()${place(caller)}`;
  if (finding.code === 'CLOSEFDS_UNSAFE') {
    const what = finding.childFd === undefined ? 'unsafe() was used' : `unsafe() passed ${subject(finding)}`;
    return `${what}: ${who}`;
  }
  const verb = { passed: 'passes to the child', closed: 'was closed', refused: 'is not allowed' }[
    disposition
  ];
  const meant =
    finding.announcement === undefined ? '' : `; the child is told of it by "${finding.announcement}"`;
  return `${subject(finding)} ${verb}: ${who}${meant}${known(finding)}${tried(finding)}`;
}

/** Empty if the candidate policy has the same result. */
function tried({ candidate, disposition }: SpawnFinding): string {
  if (candidate === undefined || candidate.disposition === disposition) return '';
  const would = { passed: 'let it pass', closed: 'close it', refused: 'refuse the spawn' };
  return `; the candidate policy would ${would[candidate.disposition]}`;
}

function known({ rule, caller }: SpawnFinding): string {
  const { knownUpTo, knownIn = [] } = rule ?? {};
  const where = knownUpTo === undefined ? knownIn.map(spell).join(' and ') : `up to ${knownUpTo}`;
  return where === '' ? '' : `; ${caller?.declaredName ?? caller?.name} is known ${where}`;
}

/** `>=3.12.0 <=4.5.0` as `from 3.12.0 to 4.5.0`; the compat table's schema asks for that form. */
function spell(range: string): string {
  const [, first, closed, last] = /^>=(\S+) <(=?)(\S+)$/.exec(range) ?? [];
  return first === undefined ? `in ${range}` : `from ${first} to ${closed ? '' : 'before '}${last}`;
}

function subject(finding: SpawnFinding): string {
  const { kind, childFd, sourceFd, atStart, opener } = finding;
  const what = file(finding);
  if (kind === 'stray') {
    const by = opener === undefined ? '' : `, most likely by ${opener.package}@${opener.version}`;
    const origin = atStart ? 'inherited at start' : `opened since start${by}`;
    return `stray FD ${childFd} (${[what, origin].filter(Boolean).join(', ')})`;
  }
  if (kind === 'pipe') return `designated FD ${childFd} (a new pipe)`;
  if (kind === 'ipc') return `designated FD ${childFd} (the message channel)`;
  const from = sourceFd === undefined || sourceFd === childFd ? '' : `FD ${sourceFd} here`;
  return `designated FD ${childFd} (${[what, from].filter(Boolean).join(', ') || 'an open FD'})`;
}

/** `file /data/LOCK, read-write`. */
export function file(opened: {
  readonly target: string | undefined;
  readonly type: FileType | undefined;
  readonly access: Access | undefined;
}): string {
  const access = { read: 'read-only', write: 'write-only', both: 'read-write' };
  const isPath = opened.target?.startsWith('/') || opened.target === REDACTED;
  const named = isPath ? [opened.type, opened.target].filter(Boolean).join(' ') : opened.target;
  return [named ?? opened.type, opened.access && access[opened.access]].filter(Boolean).join(', ');
}

function place(caller: Caller | undefined): string {
  if (caller?.file === undefined) return '';
  const line = caller.line === undefined ? '' : `:${caller.line}:${caller.column ?? 0}`;
  const by = caller.launchers.length === 0 ? '' : `, through ${caller.launchers.join(', ')}`;
  return ` at ${caller.file}${line}${by}`;
}

function spawnAdvice(finding: SpawnFinding): string {
  const { kind, caller, effect, rule } = finding;
  if (finding.code === 'CLOSEFDS_UNSAFE') return `Reason given: ${rule?.reason}.`;
  if (finding.code === 'CLOSEFDS_UNVERIFIED')
    return `This version is newer than those that were checked for ${rule?.source} (${rule?.reason}). A rule of yours, or "unverified" in the config, can decide otherwise.`;
  if (finding.code === 'CLOSEFDS_CANDIDATE') return candidateAdvice(finding);
  if (effect === 'warn') return `A rule lets it pass and asks for this report: ${rule?.source}.`;
  if (rule !== undefined && rule.source !== 'default')
    return `Denied by ${rule.source}${rule.reason === undefined ? '' : `: ${rule.reason}`}.`;
  if (kind === 'stray')
    return `No call designated it. If the child needs it, pass it by withFds(), or allow it by a rule with "kinds": ["stray"].`;
  if (caller === undefined || caller.name === UNKNOWN)
    return 'The caller is unknown, so no rule can name it. Only a rule without "caller" can allow this, for every caller.';
  // The app's own code can call withFds(); a dependency cannot be changed.
  const inCode = caller.name === '.' ? 'designate it with withFds(), or ' : '';
  return `If the child needs it, ${inCode}allow it in closefds.json: {"caller": ${JSON.stringify(caller.name)}, "kinds": ["${kind}"], "fds": [${finding.childFd}], "effect": "allow", "reason": "..."}.`;
}

function candidateAdvice({ candidate, rule }: SpawnFinding): string {
  const { source, reason } = candidate?.rule ?? {};
  const because = reason === undefined ? source : `${source} (${reason})`;
  return `The candidate policy decides by ${because}; in force is ${rule?.source}.`;
}

function selfAdvice(finding: SelfFinding): string {
  return {
    CLOSEFDS_STAND_IN: 'Run `npx closefds doctor` to see what is missing.',
    CLOSEFDS_UNGUARDED: 'Run `npx closefds doctor` to see what is missing.',
    CLOSEFDS_RULE_EXPIRED: 'Renew the rule or remove it.',
    CLOSEFDS_RUNTIME: 'Use Node.js where all of it has to hold.',
    CLOSEFDS_SECOND_COPY: 'Load one copy, by one preload.',
    CLOSEFDS_REPORT_FAILED:
      'What was not written is kept in memory, as far as it is not too much, and tried again.',
    CLOSEFDS_INTERNAL_ERROR:
      'This is a bug in closefds; what it could not find out was not allowed, save in mode "warn". Please report it.',
  }[finding.code];
}

/** Why `strict` refused a spawn. */
export function toRefusal(findings: readonly SpawnFinding[]): string {
  const refused = findings.filter(finding => finding.disposition === 'refused');
  return [
    `closefds refused to start "${escapeControlChars(refused[0]?.command ?? '')}": ${refused.length === 1 ? 'one FD is' : `${refused.length} FDs are`} not allowed`,
    ...refused.map(
      finding =>
        `  ${escapeControlChars(spawnMessage(finding))}\n    ${escapeControlChars(spawnAdvice(finding))}`,
    ),
  ].join('\n');
}
