// A finding as a record: one line of a report file, one message of the diagnostics channel.
//
// The format is written down in finding.schema.json; a test holds the two together. What is not
// known is left out.

import type { Caller } from '../model/caller';
import type { Use } from '../model/fd-use';
import type { Effect } from '../policy/rule';
import { type Finding, isSpawnFinding, type RuleInForce, type SpawnFinding } from './finding';

/** Goes up when a reader of the old format would misread the new one. */
export const FORMAT = 1;

export interface ReportRecord {
  /** The version of this format. Always the first key, so that a reader finds it behind a torn line. */
  readonly closefds: typeof FORMAT;
  /** ISO 8601, UTC, with milliseconds. */
  readonly time: string;
  readonly pid: number;
  /** 0 is the main thread. */
  readonly thread: number;
  readonly mode: Finding['mode'];
  readonly code: Finding['code'];
  readonly effect?: Effect;
  readonly disposition?: SpawnFinding['disposition'];
  readonly kind?: NonNullable<SpawnFinding['kind']>;
  readonly childFd?: number;
  readonly sourceFd?: number;
  readonly target?: string;
  readonly type?: NonNullable<SpawnFinding['type']>;
  readonly access?: NonNullable<SpawnFinding['access']>;
  readonly atStart?: boolean;
  readonly opener?: NonNullable<SpawnFinding['opener']>;
  readonly route?: string;
  readonly command?: string;
  readonly caller?: RecordedCaller;
  readonly rule?: RecordedRule;
  readonly announcement?: string;
  readonly candidate?: {
    readonly effect: Effect;
    readonly disposition: SpawnFinding['disposition'];
    readonly rule: RecordedRule;
  };
  /** Whether a child used the FD: `false` only from an audit, which sees all it does. */
  readonly used?: boolean | 'unknown';
  /** What an audit saw. */
  readonly use?: Use;
  /** Findings about closefds itself: what happened. */
  readonly what?: string;
  /** How many spawns this line stands for that no earlier line of its thread does; 0 where it only adds to one. */
  readonly count: number;
}

export interface RecordedCaller {
  /** `"."` for the app, `"?"` for code without a file. */
  readonly package: string;
  readonly version?: string;
  readonly declaredName?: string;
  readonly file?: string;
  readonly fileInPackage?: string;
  readonly line?: number;
  readonly column?: number;
  readonly function?: string;
  readonly launchers?: readonly string[];
}

export interface RecordedRule {
  readonly source: string;
  readonly reason?: string;
  readonly knownUpTo?: string;
  readonly knownIn?: readonly string[];
}

export interface RecordMetadata {
  readonly time: string;
  readonly pid: number;
  readonly thread: number;
  readonly count: number;
}

export function toRecord(
  finding: Finding,
  { time, pid, thread, count }: RecordMetadata,
  use?: Use,
): ReportRecord {
  const head = { closefds: FORMAT, time, pid, thread, mode: finding.mode, code: finding.code } as const;
  if (!isSpawnFinding(finding)) return { ...head, what: finding.what, count };
  const { caller, rule, candidate, kind } = finding;
  return known<ReportRecord>({
    ...head,
    effect: finding.effect,
    disposition: finding.disposition,
    kind,
    childFd: finding.childFd,
    sourceFd: finding.sourceFd,
    target: finding.target,
    type: finding.type,
    access: finding.access,
    atStart: kind === 'stray' ? finding.atStart : undefined,
    opener: finding.opener,
    route: finding.route,
    command: finding.command,
    caller: caller && toCaller(caller),
    rule: rule && toRule(rule),
    announcement: finding.announcement,
    candidate: candidate && { ...candidate, rule: toRule(candidate.rule) },
    used: finding.used,
    use,
    count,
  });
}

function toCaller(caller: NonNullable<SpawnFinding['caller']>): RecordedCaller {
  const { name, launchers, ...rest } = caller;
  return known<RecordedCaller>({
    package: name,
    ...rest,
    launchers: launchers.length === 0 ? undefined : launchers,
  });
}

/** A caller as it was before it was written down. */
export function toCallerAgain({ package: name, launchers = [], ...recorded }: RecordedCaller): Caller {
  return {
    version: undefined,
    declaredName: undefined,
    file: undefined,
    fileInPackage: undefined,
    line: undefined,
    column: undefined,
    function: undefined,
    ...recorded,
    name,
    launchers,
  };
}

function toRule(rule: RuleInForce): RecordedRule {
  return known<RecordedRule>(rule);
}

function known<T>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;
}

/** With its line feed. JSON escapes those within, so a record is one line whatever a path holds. */
export function toLine(record: ReportRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** What every line begins with. */
export const LINE_START = '{"closefds":';
