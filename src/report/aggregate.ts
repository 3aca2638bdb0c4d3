// Aggregates any number of records in bounded memory: by caller, call site, kind and target.
//
// When the limits are reached, further groups are counted as `other`.

import { compare, createTally } from '../base/counter';
import { createDistinctCounter, type DistinctCount } from '../base/distinct-count';
import {
  type RecordedCaller,
  type ReportRecord,
  TALLIES,
  type Tallies,
  type TallyDeclaration,
  type TallyName,
  type TallyValue,
  TOTALS,
  withoutMissing,
} from '../findings/fields';
import type { FindingCode } from '../findings/finding';
import { targetPattern, withoutPid } from '../findings/target-pattern';
import { shownPlace } from '../model/caller';
import { type UseGrade, useGradeOf } from '../model/fd-use';
import type { Kind } from '../model/spawn-request';
import { createSparkline } from './sparkline';

export interface Groups {
  readonly byCaller: readonly Group[];
  /** Findings about closefds itself. */
  readonly bySelf: readonly SelfGroup[];
  /** Records that came after the limit of groups was reached. */
  readonly other: { readonly records: number; readonly count: number };
  readonly total: Total;
}

export interface Total extends Occurrences, Pick<Tallies, (typeof TOTALS)[number]> {
  readonly records: number;
}

interface Occurrences {
  /** The number of FDs, summed over all spawns. */
  readonly count: number;
  readonly processes: DistinctCount;
  /** ISO 8601, UTC; undefined without records. */
  readonly first: string | undefined;
  readonly last: string | undefined;
}

/** All FDs of one kind that one call site passed or tried to pass. */
export interface Group extends Occurrences, Tallies {
  /** `name@version` of the service; undefined if it is unknown. */
  readonly app: string | undefined;
  /** The main script of the service; undefined if it is unknown. */
  readonly script: string | undefined;
  /** undefined: the caller is unknown. */
  readonly caller: GroupCaller | undefined;
  /** undefined: a use of unsafe() that passed no FD. */
  readonly kind: Kind | undefined;
  /** A glob that matches all targets of the group, see src/findings/target-pattern.ts; undefined: a pipe, or unknown. */
  readonly target: string | undefined;
  /**
   * `true` if an audit saw a child use the FD, `likely` if an offset moved; `false` if audits saw only children
   * that did not use it.
   */
  readonly used: UseGrade | undefined;
  /** Counts for SPARKLINE_PARTS equal parts of the time of all records. */
  readonly sparkline: readonly number[];
}

/**
 * With the launchers and outer callers only where groups differ by them: where the caller only passes on options,
 * a rule names the package that called it.
 */
export type GroupCaller = RecordedCaller;

export interface SelfGroup extends Occurrences {
  readonly code: FindingCode;
  readonly what: string;
}

export interface GroupsOptions {
  /**
   * Whether FDs that a rule tells apart are different groups (by command, type and access; by number, if they are
   * designated), and equal ones of different apps the same. Default: no.
   */
  readonly asRulesTell?: boolean;
  /** With `asRulesTell`: whether all launchers and outer callers make different groups. Default: no. */
  readonly byOuterCaller?: boolean;
  readonly mostGroups?: number;
  /** The limit for all strings together, in UTF-16 code units. */
  readonly mostText?: number;
}

export interface GroupsCounter {
  /** `source`: a number for the machine or file of the record. The same pid of two sources is two processes. */
  readonly add: (record: ReportRecord, source?: number) => void;
  readonly result: () => Groups;
}

const NO_SERVICE = { app: undefined, script: undefined };

const MOST_GROUPS = 10_000;
const MOST_TEXT = 2 ** 25;
/** The limit of different values of one property in one group. */
const MOST_VALUES = 16;
/** More than these are not counted. */
const MOST_PROCESSES = { group: 256, total: 4096 };

export function createGroups({
  asRulesTell = false,
  byOuterCaller = false,
  mostGroups = MOST_GROUPS,
  mostText = MOST_TEXT,
}: GroupsOptions = {}): GroupsCounter {
  const byCaller = new Map<string, GroupCounter>();
  const bySelf = new Map<string, SelfCounter>();
  const other = { records: 0, count: 0 };
  const total = createTotal();
  let text = 0;

  return { add, result };

  function add(record: ReportRecord, source = 0): void {
    total.add(record, source);
    const group = isAboutSpawn(record) ? groupOf(record) : selfGroupOf(record);
    if (group !== undefined) group.add(record, source);
    else {
      other.records++;
      other.count += fdCount(record);
    }
  }

  function groupOf(record: ReportRecord): GroupCounter | undefined {
    const target = record.target && targetPattern(record.target, record.pid);
    const finer = asRulesTell ? conditionsOf(record) : [];
    const passesOn = record.caller?.forwards === true && record.kind !== 'stray';
    const isChain = passesOn || (asRulesTell && byOuterCaller);
    const chain = isChain ? chainOf(record.caller) : [];
    const { app, script } = asRulesTell ? NO_SERVICE : record;
    const key = [groupKey(record, target), app, script, ...finer, ...chain].join('\0');
    const known = byCaller.get(key);
    if (known !== undefined) return known;
    const caller = isChain ? record.caller : record.caller && withoutChain(record.caller);
    if (byCaller.size >= mostGroups || !hasRoom(key + JSON.stringify(caller))) return undefined;
    const group = createGroup({ app, script, caller, kind: record.kind }, target, hasRoom);
    byCaller.set(key, group);
    return group;
  }

  function selfGroupOf(record: ReportRecord): SelfCounter | undefined {
    const what = withoutPid(record.what ?? '', record.pid);
    const key = `${record.code} ${what}`;
    const known = bySelf.get(key);
    if (known !== undefined) return known;
    if (bySelf.size >= mostGroups || !hasRoom(key)) return undefined;
    const group = createSelfGroup(record.code, what);
    bySelf.set(key, group);
    return group;
  }

  function hasRoom(value: unknown): boolean {
    if (typeof value !== 'string') return true;
    if (text + value.length > mostText) return false;
    text += value.length;
    return true;
  }

  function result(): Groups {
    const sum = total.result();
    const span = { from: secondsOf(sum.first ?? ''), to: secondsOf(sum.last ?? '') };
    return {
      byCaller: [...byCaller.values()].map(group => group.result(span)).sort(byCount(groupTitle)),
      bySelf: [...bySelf.values()].map(group => group.result()).sort(byCount(selfTitle)),
      other: { ...other },
      total: sum,
    };
  }
}

/** The number of FDs that a record stands for, over all of its spawns. */
export function fdCount({ count, more = 0 }: ReportRecord): number {
  return count * (1 + more);
}

/** Whether the record is about a spawn; otherwise it is about closefds itself. */
export function isAboutSpawn({ route }: ReportRecord): boolean {
  return route !== undefined;
}

/**
 * The folder in which a package is installed makes no difference. Records of several apps may be in
 * one report; the app's absolute file tells them apart.
 */
function groupKey({ caller, kind }: ReportRecord, target: string | undefined): string {
  const { package: name, version, declaredName, line, column, source } = caller ?? {};
  const place = [siteFile(caller), line, column, source && JSON.stringify(source)];
  return [name, version, declaredName, ...place, kind, target].join('\0');
}

/** A stray has the number that was free when it was opened. */
function conditionsOf({ kind, childFd, command, type, access }: ReportRecord) {
  return [kind === 'stray' ? undefined : childFd, command, type, access];
}

/** The file that identifies a call site: relative to its package if that is installed, else absolute. */
export function siteFile(caller: GroupCaller | undefined): string | undefined {
  const isInstalled = caller?.package !== '.' && caller?.package !== '?';
  return (isInstalled ? caller?.fileInPackage : undefined) ?? caller?.file;
}

/** The same as siteFile(), with its line, in the source if a source map was known. */
export function shownSite(caller: GroupCaller | undefined): string | undefined {
  if (caller === undefined) return undefined;
  const { file, fileInPackage, line } = shownPlace(caller);
  const site = siteFile({
    ...withoutMissing<RecordedCaller>({ package: caller.package, file, fileInPackage }),
  });
  return site === undefined || line === undefined ? site : `${site}:${line}`;
}

function byCount<T extends { readonly count: number }>(title: (group: T) => string) {
  return (a: T, b: T) => b.count - a.count || compare(title(a), title(b));
}

/** Whole seconds since 1970. */
export function secondsOf(time: string): number {
  if (time !== parsed.time) parsed = { time, seconds: Math.floor(Date.parse(time) / 1000) };
  return parsed.seconds;
}

/** Several counters ask for the time of one record. */
let parsed = { time: '', seconds: Number.NaN };

function groupTitle({ caller, kind, target, childFds, app, script }: Group): string {
  const { package: name, version, declaredName, line = 0, column = 0 } = caller ?? {};
  const place = [line, column].map(number => String(number).padStart(10, '0'));
  return [
    name,
    version,
    declaredName,
    siteFile(caller),
    ...place,
    kind,
    target,
    childFds.values[0]?.value,
    app,
    script,
  ].join('\0');
}

function selfTitle({ code, what }: SelfGroup): string {
  return `${code}\0${what}`;
}

// ---------------------------------------------------------------------------------------------
// One group
// ---------------------------------------------------------------------------------------------

interface Counter<T> {
  readonly add: (record: ReportRecord, source: number) => void;
  readonly result: () => T;
}

/** In seconds since 1970. */
interface Span {
  readonly from: number;
  readonly to: number;
}

interface GroupCounter extends Pick<Counter<Group>, 'add'> {
  readonly result: (span: Span) => Group;
}

type SelfCounter = Counter<SelfGroup>;

function createGroup(
  identity: Pick<Group, 'app' | 'script' | 'caller' | 'kind'>,
  target: string | undefined,
  hasRoom: (value: unknown) => boolean,
): GroupCounter {
  const occurrences = createOccurrences();
  const tallies = createTallies(TALLY_NAMES, hasRoom);
  const sparkline = createSparkline();
  let used: Group['used'];

  return { add, result };

  function add(record: ReportRecord, source: number): void {
    occurrences.add(record, source);
    tallies.add(record);
    if (record.count > 0 && record.time !== '') sparkline.add(secondsOf(record.time), fdCount(record));
    used = moreCertain(used, useGradeOf(record));
  }

  function result({ from, to }: Span): Group {
    const counted = { ...occurrences.result(), used, sparkline: sparkline.result(from, to) };
    return { ...identity, target, ...counted, ...tallies.result() };
  }
}

const TALLY_NAMES = Object.keys(TALLIES) as TallyName[];

/** The declared tallies of these names. */
function createTallies(names: readonly TallyName[], hasRoom?: (value: unknown) => boolean) {
  const tallies = names.map(name => {
    const { values, most = MOST_VALUES, ofRecords, isOfOneFd } = declaration(name);
    // All of the same shape: each line of a report reads all of them.
    return { name, values, ofRecords, isOfOneFd, tally: createTally<TallyValue>(most, hasRoom) };
  });
  return {
    add(record: ReportRecord): void {
      const { count } = record;
      const all = fdCount(record);
      for (const { values, ofRecords, isOfOneFd, tally } of tallies) {
        const value = values(record);
        if (value === undefined) continue;
        const weight = ofRecords ? 1 : isOfOneFd ? count : all;
        if (typeof value !== 'object') tally.add(value, weight);
        else for (const one of value) if (one !== undefined) tally.add(one, weight);
        if (isOfOneFd && all > count) tally.addOther(all - count);
      }
    },
    result: () => Object.fromEntries(tallies.map(({ name, tally }) => [name, tally.result()])) as Tallies,
  };
}

function declaration(name: TallyName): TallyDeclaration {
  return TALLIES[name];
}

function withoutChain({ launchers, calledBy, ...caller }: RecordedCaller): GroupCaller {
  return caller;
}

function chainOf(caller: RecordedCaller | undefined): string[] {
  const { launchers = [], calledBy = [] } = caller ?? {};
  return [...launchers, JSON.stringify(calledBy)];
}

const CERTAINTY: ReadonlyArray<Group['used']> = [undefined, 'unknown', false, 'likely', true];

function moreCertain(a: Group['used'], b: Group['used']): Group['used'] {
  return CERTAINTY.indexOf(a) >= CERTAINTY.indexOf(b) ? a : b;
}

function createSelfGroup(code: FindingCode, what: string): SelfCounter {
  const occurrences = createOccurrences();
  return { add: occurrences.add, result: () => ({ code, what, ...occurrences.result() }) };
}

function createTotal(): Counter<Total> {
  const occurrences = createOccurrences(MOST_PROCESSES.total);
  const tallies = createTallies(TOTALS);
  let records = 0;

  return {
    add(record, source) {
      records++;
      occurrences.add(record, source);
      tallies.add(record);
    },
    result: () => ({ records, ...occurrences.result(), ...tallies.result() }),
  };
}

/** No system has pids above 32 bits. */
const PIDS = 2 ** 32;

function createOccurrences(mostProcesses = MOST_PROCESSES.group): Counter<Occurrences> {
  const processes = createDistinctCounter(mostProcesses);
  let count = 0;
  let first: string | undefined;
  let last: string | undefined;

  return {
    add(record, source) {
      count += fdCount(record);
      processes.add(source * PIDS + record.pid);
      // A warning in a log without times.
      if (record.time === '') return;
      if (first === undefined || record.time < first) first = record.time;
      if (last === undefined || record.time > last) last = record.time;
    },
    result: () => ({ count, processes: processes.result(), first, last }),
  };
}
