// Findings as sentences: the only prose of the preload.

import { escapeControlChars } from '../base/sanitize';
import { APP, type Caller, type CodePlace, callerTitle, shownPlace } from '../model/caller';
import type { Access, FileType } from '../model/spawn-request';
import { type Finding, isSpawnFinding, type SelfFinding, type SpawnFinding } from './finding';
import { REDACTED } from './redact';
import { responsibleForAll, rulesToCopy } from './rules-to-copy';

export const DOCUMENTATION = 'docs/findings.md';

/** The findings of one spawn that are told together, with the same code and disposition; or one about closefds. */
export type Told = readonly [Finding, ...Finding[]];

/** One line, even if a path or a name contains line feeds. */
export function toMessage(told: Told): string {
  const [finding, ...others] = told;
  if (!isSpawnFinding(finding)) return escapeControlChars(finding.what);
  const findings = [finding, ...others.filter(isSpawnFinding)] as const;
  return escapeControlChars(countOf(findings) === 1 ? oneMessage(finding) : groupMessage(findings));
}

/** What to do about the findings; shown below the message. With several FDs, a line for each of the first ten. */
export function toAdvice(told: Told): string {
  const [finding] = told;
  const see = `See ${DOCUMENTATION}#${finding.code.toLowerCase()} in the package.`;
  if (!isSpawnFinding(finding)) return `${selfAdvice(finding)} ${see}`;
  const findings = told.filter(isSpawnFinding);
  const fds = countOf(findings) === 1 ? [] : fdLines(findings);
  return [...fds, ...toAllow(findings), see].map(escapeControlChars).join('\n');
}

/** Of all FDs that the findings stand for. */
function countOf(findings: readonly SpawnFinding[]): number {
  return findings.reduce((sum, { more = 0 }) => sum + 1 + more, 0);
}

function who({ caller, command, route }: SpawnFinding): string {
  return `${callerTitle(caller)} starting "${command}" with ${route}()${place(caller)}`;
}

function oneMessage(finding: SpawnFinding): string {
  if (finding.code === 'CLOSEFDS_UNSAFE') {
    const what = finding.childFd === undefined ? 'unsafe() was used' : `unsafe() passed ${subject(finding)}`;
    return `${what}: ${who(finding)}`;
  }
  const { disposition } = finding;
  return `${subject(finding)} ${EFFECTS[disposition].one}: ${who(finding)}${notes(finding)}`;
}

const EFFECTS = {
  passed: { one: 'passes to the child', many: 'pass to the child' },
  closed: { one: 'was closed', many: 'were closed' },
  refused: { one: 'is not allowed', many: 'are not allowed' },
};

function groupMessage(findings: readonly [SpawnFinding, ...SpawnFinding[]]): string {
  const [first] = findings;
  const subject = `${first.kind === 'stray' ? 'stray' : 'designated'} FDs ${numbers(findings)}`;
  if (first.code === 'CLOSEFDS_UNSAFE') return `unsafe() passed ${subject}: ${who(first)}`;
  return `${subject} ${EFFECTS[first.disposition].many}: ${who(first)}`;
}

/** So many FDs of a spawn are listed one by one. */
const MOST_LISTED = 10;

/** `3, 4 and 5`, `20, 21, 22, 23, 24, 25, 26, 27, 28, 29 and 90 more`. */
function numbers(findings: readonly SpawnFinding[]): string {
  const listed = findings.slice(0, MOST_LISTED).map(({ childFd }) => String(childFd));
  const others = countOf(findings) - listed.length;
  const last = others > 0 ? `${grouped(others)} more` : listed.pop();
  return `${listed.join(', ')} and ${last}`;
}

function fdLines(findings: readonly SpawnFinding[]): string[] {
  const line = (finding: SpawnFinding) => `  FD ${title(finding)}: ${description(finding)}${notes(finding)}`;
  const single = findings.filter(({ more }) => more === undefined);
  const unlisted = single.length - MOST_LISTED;
  return [
    ...single.slice(0, MOST_LISTED).map(line),
    ...(unlisted > 0 ? [`  and ${unlisted} more`] : []),
    ...findings.filter(({ more }) => more !== undefined).map(line),
  ];
}

function title({ childFd, more }: SpawnFinding): string {
  return more === undefined ? String(childFd) : `${childFd} and ${grouped(more)} more`;
}

/** `9,990`. toLocaleString() takes 20 ms the first time. */
function grouped(number: number): string {
  return String(number).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** What is known of one FD besides its file. */
function notes(finding: SpawnFinding): string {
  const { announcement } = finding;
  const meant = announcement === undefined ? '' : `; announced to the child by "${announcement}"`;
  return `${meant}${known(finding)}${tried(finding)}${nativeNote(finding)}`;
}

/** A library of the system belongs to no package, so it is no caller. */
function nativeNote({ native, caller }: SpawnFinding): string {
  if (native === undefined) return '';
  const runs = native.program === undefined ? '' : `; the shell runs "${native.program}"`;
  const from = caller === undefined && native.object !== undefined ? `; called by ${native.object}` : '';
  return `${runs}${from}${native.thread === 'native' ? '; on a native thread' : ''}`;
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
  const { kind, childFd } = finding;
  return `${kind === 'stray' ? 'stray' : 'designated'} FD ${childFd} (${description(finding)})`;
}

function description(finding: SpawnFinding): string {
  const { kind, childFd, sourceFd, atStart, opener } = finding;
  const what = file(finding);
  if (kind === 'stray') {
    const by = opener === undefined ? '' : `, most likely by ${opener.package}@${opener.version}`;
    return [what, atStart ? 'inherited at start' : `opened since start${by}`].filter(Boolean).join(', ');
  }
  if (kind === 'pipe') return 'a new pipe';
  if (kind === 'ipc') return 'the message channel';
  const from = sourceFd === undefined || sourceFd === childFd ? '' : `FD ${sourceFd} here`;
  return [what, from].filter(Boolean).join(', ') || 'an open FD';
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

/** With the next package outwards. */
function place(caller: Caller | undefined): string {
  if (caller === undefined) return '';
  const by = caller.launchers.length === 0 ? '' : `, through ${caller.launchers.join(', ')}`;
  const [outer] = caller.calledBy ?? [];
  const from = outer === undefined ? '' : `, called by ${callerTitle(outer)}${at(outer)}`;
  return caller.file === undefined ? '' : `${at(caller)}${by}${from}`;
}

function at(code: CodePlace): string {
  const { file, line, column = 0 } = shownPlace(code);
  return line === undefined ? ` at ${file}` : ` at ${file}:${line}:${column}`;
}

/** Each advice once; most often there is one for all FDs. Lines. */
export function toAllow(findings: readonly SpawnFinding[]): string[] {
  const undecided = findings.filter(isUndecided);
  const decided = findings.filter(finding => !isUndecided(finding)).map(ruleAdvice);
  return [...new Set(decided), ...(undecided.length === 0 ? [] : howToAllow(undecided))];
}

/** Whether no rule is about the FD, so that the user has to decide. */
function isUndecided({ code, effect, rule }: SpawnFinding): boolean {
  const isAboutRule =
    code === 'CLOSEFDS_UNSAFE' || code === 'CLOSEFDS_UNVERIFIED' || code === 'CLOSEFDS_CANDIDATE';
  return !isAboutRule && effect !== 'warn' && (rule === undefined || rule.source === 'default');
}

function ruleAdvice(finding: SpawnFinding): string {
  const { code, effect, rule } = finding;
  if (code === 'CLOSEFDS_UNSAFE') return `Reason given: ${rule?.reason}.`;
  if (code === 'CLOSEFDS_UNVERIFIED')
    return `This version is newer than those that were checked for ${rule?.source} (${rule?.reason}). A rule in your config, or its setting "unverified", can decide otherwise.`;
  if (code === 'CLOSEFDS_CANDIDATE') return candidateAdvice(finding);
  if (effect === 'warn') return `A rule lets it pass and asks for this report: ${rule?.source}.`;
  return `Denied by ${rule?.source}${rule?.reason === undefined ? '' : `: ${rule.reason}`}.`;
}

function howToAllow(findings: readonly SpawnFinding[]): string[] {
  const [{ kind } = {}] = findings;
  const one = countOf(findings) === 1;
  const them = one ? 'it' : 'them';
  const why = kind === 'stray' ? `No call designated ${them}. ` : '';
  const rules = rulesToCopy(findings);
  if (rules === undefined)
    return [
      `${why}The caller is unknown, so no rule can name it. Only a rule without "caller" can allow this, for every caller.`,
    ];
  const { place, via } = responsibleForAll(findings);
  // The app's own code can call withFds(); a dependency cannot be changed.
  const inCode = place?.name === APP ? `designate ${them} with withFds(), or ` : '';
  const needed = `${why}If the child needs ${them}, ${inCode}allow ${them} in closefds.json`;
  if (rules.length > MOST_RULES)
    return [`${needed}; "npx closefds learn" writes the rules from a report file.`];
  return [`${needed}:`, `  ${JSON.stringify({ rules })}`, ...whyVia(via)];
}

/** A line, if the rules have `via`. */
function whyVia(via: readonly string[]): string[] {
  if (via.length === 0) return [];
  const [passes, its, it] = via.length === 1 ? ['passes', 'its', 'it'] : ['pass', 'their', 'them'];
  return [
    `${via.join(' and ')} only ${passes} on the options of ${its} caller; a rule for ${it} alone would allow this for every package.`,
  ];
}

/** More rules are not for copying by hand. */
const MOST_RULES = 5;

function candidateAdvice({ candidate, rule }: SpawnFinding): string {
  const { source, reason } = candidate?.rule ?? {};
  const because = reason === undefined ? source : `${source} (${reason})`;
  return `The candidate policy decides by ${because}; in force is ${rule?.source}.`;
}

function selfAdvice(finding: SelfFinding): string {
  return {
    CLOSEFDS_STAND_IN: 'Run `npx closefds doctor` to see what is missing.',
    CLOSEFDS_UNGUARDED: 'Run `npx closefds doctor` to see what is missing.',
    CLOSEFDS_DEEP_PARTIAL:
      'Processes that native code makes may get strays; the documentation has the causes.',
    CLOSEFDS_RULE_EXPIRED: 'Renew the rule or remove it.',
    CLOSEFDS_RUNTIME: 'Use Node.js where you need all that closefds guarantees.',
    CLOSEFDS_LATE_SETTING:
      'Set it where Node is started: in the environment, with --env-file, or as CLOSEFDS_CONFIG.',
    CLOSEFDS_SECOND_COPY: 'Load one copy, by one preload.',
    CLOSEFDS_REPORT_FAILED:
      'closefds keeps in memory what it could not write, up to a limit, and tries again.',
    CLOSEFDS_INTERNAL_ERROR:
      'This is a bug in closefds. FDs that it could not judge were denied, except in mode "warn". Please report it.',
  }[finding.code];
}

/** Why `strict` refused a spawn, by the findings about the FDs that it refused. */
export function toRefusal(refused: readonly SpawnFinding[]): string {
  return [
    `closefds refused to start "${escapeControlChars(refused[0]?.command ?? '')}": ${refused.length === 1 ? 'one FD is' : `${refused.length} FDs are`} not allowed`,
    ...refused.map(finding =>
      [oneMessage(finding), ...toAllow([finding]).map(line => `  ${line}`)]
        .map(line => `  ${escapeControlChars(line)}`)
        .join('\n'),
    ),
  ].join('\n');
}
