// Explains the decision about an FD of a finding: which rules are tried, which condition fails, what would allow it.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { nearestOf } from '../base/did-you-mean';
import { locate } from '../base/package-path';
import { escapeControlChars } from '../base/sanitize';
import { type RecordedCaller, type ReportRecord, toCallerAgain } from '../findings/record';
import { REDACTED } from '../findings/redact';
import { APP, callerTitle, shownPlace } from '../model/caller';
import type { Kind } from '../model/spawn-request';
import { ruleInWords } from '../policy/describe-rule';
import type { CallFacts, FdFacts } from '../policy/facts';
import { KINDS, kindsOf, type Policy } from '../policy/rule';
import type { Settings } from '../policy/settings';
import { type FailedCondition, type TriedRule, traceDecision } from '../policy/trace-decision';
import { createGroups } from '../report/aggregate';
import { deriveRules } from '../report/derive-rules';
import { canHaveRule } from '../report/suggest-rules';
import { inputsOf } from './input-files';
import { choice } from './parse-args';
import { readFindings } from './read-findings';
import { UsageError } from './usage-error';

/** The options that describe an FD, or select findings. */
export interface FindingQuery {
  readonly 'call-site'?: string | undefined;
  readonly fd?: string | undefined;
  readonly kind?: string | undefined;
  readonly command?: string | undefined;
  readonly target?: string | undefined;
}

export interface ExplainedFinding {
  readonly subject: string;
  /** What the finding says was decided then. */
  readonly recorded: string | null;
  readonly mode: string;
  readonly tried: readonly {
    readonly source: string;
    readonly words: string;
    readonly matches: 'yes' | 'no' | 'unknown';
    readonly failed: readonly Omit<FailedCondition, 'answer'>[];
  }[];
  readonly decision: string;
  /** A rule that would allow it, to be completed with a reason; null if it is allowed, or no rule can be written. */
  readonly allow: object | null;
  readonly doubts: readonly string[];
}

/** What is known of one FD. */
interface Subject {
  readonly record: Partial<ReportRecord> & { readonly kind: Kind };
  readonly isFinding: boolean;
}

/** The subjects of `--call-site FILE[:LINE] --fd N` without findings: one. Throws UsageError. */
export function explainQuery(query: FindingQuery, settings: Settings, policy: Policy): ExplainedFinding[] {
  const { file, line } = callSiteOf(query);
  const location = locate(path.resolve(settings.appRoot, file), path.sep);
  const root = location?.root ?? settings.appRoot;
  const absolute = path.resolve(settings.appRoot, file);
  const caller: RecordedCaller = {
    package: location?.name ?? APP,
    file: absolute,
    fileInPackage: path.relative(root, absolute),
    ...(line !== undefined && { line }),
  };
  const { command, target } = query;
  const record = {
    kind: choice(query.kind, KINDS, '--kind'),
    childFd: fdOf(query),
    caller,
    ...(command !== undefined && { command }),
    ...(target !== undefined && { target }),
  };
  return [
    { ...explainSubject({ record, isFinding: false }, settings, policy), doubts: doubtsAbout(absolute) },
  ];
}

/** The findings in the files that fit the query, each different one once. Resolves with the problems of the files. */
export async function explainFindings(
  files: readonly string[],
  query: FindingQuery,
  settings: Settings,
  policy: Policy,
): Promise<{ explained: ExplainedFinding[]; problems: string[] }> {
  const explained = new Map<string, ExplainedFinding>();
  const sites = new Set<string>();
  const wanted = query['call-site'] === undefined ? undefined : callSiteOf(query);
  const fd = query.fd === undefined ? undefined : fdOf(query);
  const { problems } = await readFindings(inputsOf(files), record => {
    const { kind } = record;
    if (kind === undefined) return;
    const site = siteOf(record);
    sites.add(site);
    if (wanted !== undefined && !isAt(record, wanted)) return;
    if (fd !== undefined && record.childFd !== fd) return;
    const { doubts, ...one } = explainSubject(
      { record: { ...record, kind }, isFinding: true },
      settings,
      policy,
    );
    explained.set(JSON.stringify(one), { ...one, doubts });
  });
  if (explained.size === 0 && problems.length === 0)
    problems.push(`expected a finding ${queryInWords(query)}, found none${nearSite(query, sites)}`);
  return { explained: [...explained.values()], problems };
}

function queryInWords({ 'call-site': site, fd }: FindingQuery): string {
  if (site === undefined) return fd === undefined ? 'about an FD' : `about FD ${fd}`;
  return fd === undefined ? `at ${site}` : `about FD ${fd} at ${site}`;
}

function nearSite({ 'call-site': site }: FindingQuery, sites: ReadonlySet<string>): string {
  if (sites.size === 0) return '';
  const near = site === undefined ? undefined : nearestOf(site, [...sites]);
  return near === undefined
    ? `; there are ${[...sites].slice(0, 5).join(', ')}`
    : ` (did you mean "${near}"?)`;
}

function siteOf({ caller }: ReportRecord): string {
  const { file, fileInPackage, line } = shownPlace(caller ?? {});
  return `${fileInPackage ?? file ?? 'unknown'}:${line ?? 0}`;
}

function isAt({ caller }: ReportRecord, { file, line }: CallSite): boolean {
  const places =
    caller === undefined ? [] : [caller, ...(caller.source === undefined ? [] : [caller.source])];
  return places.some(
    place =>
      (line === undefined || place.line === line) &&
      [place.file, place.fileInPackage].some(known => known === file || known?.endsWith(`/${file}`)),
  );
}

interface CallSite {
  readonly file: string;
  readonly line: number | undefined;
}

function callSiteOf({ 'call-site': text = '' }: FindingQuery): CallSite {
  const [, file = '', line] = /^(?!:)(.+?)(?::(\d{1,9}))?(?::\d{1,9})?$/s.exec(text) ?? [];
  if (file === '') throw new UsageError(`expected FILE or FILE:LINE after --call-site, found "${text}"`);
  return { file: file.replace(/^\.\//, ''), line: line === undefined ? undefined : Number(line) };
}

function fdOf({ fd }: FindingQuery): number {
  if (fd === undefined) throw new UsageError('expected --fd N beside --call-site, found none');
  if (!/^\d{1,9}$/.test(fd)) throw new UsageError(`expected a number after --fd, found "${fd}"`);
  return Number(fd);
}

function doubtsAbout(file: string): string[] {
  if (existsSync(file)) return [];
  let names: string[] = [];
  try {
    names = readdirSync(path.dirname(file));
  } catch {
    // Then nothing is near.
  }
  const near = nearestOf(path.basename(file), names);
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`;
  return [`There is no file ${file}${hint}: is the call site right?`];
}

// ---------------------------------------------------------------------------------------------
// One FD
// ---------------------------------------------------------------------------------------------

function explainSubject(subject: Subject, { appRoot, mode }: Settings, policy: Policy): ExplainedFinding {
  const { record } = subject;
  const [call, fd] = [callFacts(record, appRoot), fdFacts(subject)];
  const tried = traceDecision(call, fd, policy);
  return {
    subject: subjectOf(record),
    recorded: recordedDecision(subject),
    mode,
    tried: tried
      .filter(({ rule }) => kindsOf(rule).includes(record.kind) || !isBuiltIn(rule))
      .filter(({ rule, failed }) => rule.compat !== true || !failed.some(({ key }) => key === 'caller'))
      .map(({ rule, answer, failed }) => ({
        source: rule.source,
        words: ruleInWords(rule),
        matches: answer,
        failed: failed.map(({ key, expected, found }) => ({ key, expected, found: found ?? null })),
      })),
    decision: decisionOf(tried, mode),
    allow: isAllowed(tried) ? null : ruleFor(subject),
    doubts: [],
  };
}

function isBuiltIn({ source, compat }: { readonly source: string; readonly compat?: boolean }): boolean {
  return compat === true || source === 'default';
}

function callFacts({ caller, command, script }: Subject['record'], appRoot: string): CallFacts {
  const known = caller && toCallerAgain(caller);
  return {
    program:
      script === undefined
        ? null
        : { file: path.resolve(appRoot, script), fileInApp: path.isAbsolute(script) ? undefined : script },
    caller: known && {
      ...known,
      file: hidden(known.file),
      fileInPackage: hidden(known.fileInPackage),
      version: known.version ?? (known.name === APP ? undefined : null),
    },
    command: hidden(command) ?? null,
  };
}

function fdFacts({ record }: Subject): FdFacts {
  const { kind, childFd, target, type, access } = record;
  const isOpen = kind === 'fd' || kind === 'stray';
  const fact = <T>(value: T | undefined) => value ?? (isOpen ? null : undefined);
  return {
    kind,
    childFd: childFd ?? null,
    target: fact(hidden(target) ?? undefined),
    type: fact(type),
    access: fact(access),
    isNullDevice: target === '/dev/null',
    // What withFds() designates is no finding.
    explicit: false,
  };
}

/** null: the report hides it. */
function hidden<T extends string | undefined>(text: T): T | null {
  return text === REDACTED ? null : text;
}

function subjectOf({ kind, childFd, target, command, caller, count }: Subject['record']): string {
  const { file, fileInPackage, line } = shownPlace(caller ?? {});
  const place = fileInPackage ?? file;
  const at = place === undefined ? '' : ` at ${place}${line === undefined ? '' : `:${line}`}`;
  const to = command === undefined ? '' : `, for ${JSON.stringify(command)}`;
  const times = count === undefined || count < 2 ? '' : `, ${count} times`;
  const what = target === undefined ? WHAT[kind] : `${WHAT[kind]}, ${target}`;
  return `FD ${childFd ?? '?'} (${what}) of ${callerTitle(caller && toCallerAgain(caller))}${at}${to}${times}`;
}

const WHAT: Readonly<Record<Kind, string>> = {
  fd: 'an open FD',
  pipe: 'a new pipe',
  ipc: 'a message channel',
  stray: 'a stray',
};

function recordedDecision({ isFinding, record }: Subject): string | null {
  if (!isFinding) return null;
  const { disposition = 'reported', mode, rule, time } = record;
  return `${disposition} in mode ${mode} by ${rule?.source ?? 'no rule'}${time ? `, ${time.slice(0, 10)}` : ''}`;
}

function isAllowed(tried: readonly TriedRule[]): boolean {
  return decisive(tried)?.rule.effect === 'allow' && !tried.some(({ answer }) => answer === 'unknown');
}

function decisive(tried: readonly TriedRule[]): TriedRule | undefined {
  return tried.find(({ answer }) => answer === 'yes');
}

function decisionOf(tried: readonly TriedRule[], mode: string): string {
  const open = tried.filter(({ answer }) => answer === 'unknown');
  const rule = decisive(tried)?.rule;
  const why = rule?.reason === undefined ? '' : `: ${rule.reason}`;
  const effect = rule?.effect ?? 'deny';
  const outcome = `${outcomeOf(effect, rule?.source === 'default', mode)} (${rule?.source ?? 'default'}${why})`;
  if (open.length === 0) return `It ${outcome}.`;
  const keys = [...new Set(open.flatMap(({ failed }) => failed.map(({ key }) => key)))];
  return `It depends on what is not known (${keys.join(', ')}). If none of these rules matches, it ${outcome}.`;
}

/** As docs/policy.md has it for each mode. */
function outcomeOf(effect: 'allow' | 'warn' | 'deny', isDefault: boolean, mode: string): string {
  if (effect === 'allow' || mode === 'off') return 'passes';
  if (effect === 'warn' || (mode === 'warn' && isDefault)) return 'passes and is reported';
  return mode === 'strict' ? 'is refused: the spawn throws' : 'is closed and reported';
}

function ruleFor({ record }: Subject): object | null {
  const groups = createGroups({ asRulesTell: true, byOuterCaller: true });
  // A record with defaults for what only the file format needs.
  const whole = {
    closefds: 1,
    time: '',
    pid: 1,
    thread: 0,
    mode: 'enforce',
    route: 'spawn',
    count: 1,
  } as const;
  groups.add({ code: 'CLOSEFDS_DESIGNATED', ...whole, ...record });
  const [group] = groups.result().byCaller;
  if (group === undefined || !canHaveRule(group)) return null;
  const [derived] = deriveRules([group]);
  return derived === undefined ? null : { ...derived.conditions, effect: 'allow', reason: '...' };
}

// ---------------------------------------------------------------------------------------------
// As text
// ---------------------------------------------------------------------------------------------

export function findingToText({ subject, recorded, mode, tried, decision, allow, doubts }: ExplainedFinding) {
  const lines = tried.flatMap(({ source, words, matches, failed }, index) => [
    `${String(index + 1).padStart(3)}. ${MATCH_WORDS[matches]}: ${words} (${source})`,
    ...failed.map(
      ({ key, expected, found }) =>
        `       ${key}: expected ${inWords(expected)}, found ${found === null ? 'nothing that says it' : inWords(found)}`,
    ),
  ]);
  const position = tried.at(-1)?.source ?? 'default';
  const before = position === 'default' || !position.includes('#') ? '' : `, before ${position}`;
  return [
    ...doubts,
    `${subject}:`,
    ...(recorded === null ? [] : [`  Recorded: ${recorded}.`]),
    `  Now, in mode ${mode}; the first rule that matches decides:`,
    ...lines,
    `  ${decision}`,
    ...(allow === null
      ? []
      : [`  This rule would allow it${before}; its reason is yours to write:`, `  ${JSON.stringify(allow)}`]),
  ]
    .map(line => `${escapeControlChars(line)}\n`)
    .join('');
}

const MATCH_WORDS = { yes: 'matches', no: 'does not match', unknown: 'may match' };

function inWords(value: unknown): string {
  if (value === undefined) return 'none';
  return Array.isArray(value) ? value.map(inWords).join(' or ') : JSON.stringify(value);
}
