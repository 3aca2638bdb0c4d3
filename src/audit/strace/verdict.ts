// What is known of each FD in each program, and the verdicts that follow from it.

import type { ProgramUse, Use, UseVerdict } from '../../model/fd-use';
import type { Grant } from './fd-table';
import type { Touch } from './syscalls';

/** A program in execution, with all tasks that run it. */
export interface Program {
  readonly file: string | undefined;
  readonly activity: Map<Grant, Activity>;
  /** FDs of rings that do not count as a way to use other FDs. */
  readonly libuvRings: Set<number>;
}

/** What one program did with one FD. */
interface Activity {
  /** The calls of each sort, with the time of the first. */
  readonly calls: Readonly<Record<Touch, Map<string, number>>>;
  /** Programs that were executed with it open. */
  readonly descendants: Set<Program>;
  /** A task ended with it open. */
  held: boolean;
  /** Why the trace does not tell all. */
  unknownReason: string | undefined;
  /** The signal that ended a task before it could do anything more. */
  killed: string | undefined;
}

export function newProgram(file?: string): Program {
  return { file, activity: new Map(), libuvRings: new Set() };
}

export function activityOf(program: Program, grant: Grant): Activity {
  let activity = program.activity.get(grant);
  if (activity === undefined) {
    const calls = { use: new Map(), probe: new Map(), delegate: new Map() };
    activity = { calls, descendants: new Set(), held: false, unknownReason: undefined, killed: undefined };
    program.activity.set(grant, activity);
  }
  return activity;
}

/** The verdict on an FD: that of the program it was given to, or of one further down that used it. */
export function toUse(root: Program, grant: Grant, end: number, running: boolean): Use {
  const own = toProgramUse(root, grant);
  const heirs = unlike(allDescendants(root, grant).map(program => toProgramUse(program, grant)));
  const rest = {
    held: seconds((running ? end : (grant.closed ?? end)) - grant.since),
    ...(running && { running }),
  };
  if (own.verdict === 'used') return { ...own, ...rest };

  for (const verdict of ['used', 'delegated', 'unknown'] as const) {
    if (own.verdict === verdict) return { ...own, ...rest };
    const decisive = heirs.filter(heir => heir.verdict === verdict);
    if (isSome(decisive)) return { ...adopted(own, decisive), ...rest };
  }
  return { ...own, ...(heirs.length > 0 && { heirs }), ...rest };
}

/** The heirs' verdict, on the FD of the program that it was given to. */
function adopted({ program }: ProgramUse, heirs: readonly [ProgramUse, ...ProgramUse[]]): Use {
  const { program: _, ...rest } = heirs[0];
  return { ...rest, ...(program !== undefined && { program }), heirs };
}

/** Each before what it executed itself. Not by recursion: a script that executes itself makes a long line. */
function allDescendants(root: Program, grant: Grant): Program[] {
  const found: Program[] = [];
  const rest = [root];
  for (let program = rest.pop(); program !== undefined; program = rest.pop()) {
    if (program !== root) found.push(program);
    rest.push(...[...activityOf(program, grant).descendants].reverse());
  }
  return found;
}

/** A shell may execute one program ten thousand times: the first of those that did alike stands for all. */
function unlike(heirs: readonly ProgramUse[]): ProgramUse[] {
  const first = new Map<string, ProgramUse>();
  for (const heir of heirs) {
    const { verdict, reason, program, calls } = heir;
    const key = JSON.stringify([program, verdict, reason, calls]);
    if (!first.has(key)) first.set(key, heir);
  }
  return [...first.values()];
}

function toProgramUse(program: Program, grant: Grant): ProgramUse {
  const activity = activityOf(program, grant);
  const verdict = verdictOf(activity);
  const sort = ({ used: 'use', delegated: 'delegate', probed: 'probe' } as Record<UseVerdict, Touch>)[
    verdict
  ];
  const calls = sort === undefined ? [] : [...activity.calls[sort]];
  const [[, time] = ['', undefined]] = calls;
  const reason =
    verdict === 'unknown' ? (activity.unknownReason ?? `it was killed by ${activity.killed}`) : undefined;
  return {
    verdict,
    ...(reason !== undefined && { reason }),
    ...(program.file !== undefined && { program: program.file }),
    ...(calls.length > 0 && { calls: calls.map(([name]) => name) }),
    ...(time !== undefined && { after: seconds(time - grant.since) }),
  };
}

function verdictOf({ calls, descendants: heirs, held, unknownReason: blind, killed }: Activity): UseVerdict {
  if (calls.use.size > 0) return 'used';
  if (calls.delegate.size > 0) return 'delegated';
  if (blind !== undefined) return 'unknown';
  if (heirs.size > 0) return 'inherited on';
  if (killed !== undefined) return 'unknown';
  if (calls.probe.size > 0) return 'probed';
  return held ? 'never touched' : 'closed unused';
}

/** The trace has microseconds. */
function seconds(time: number): number {
  return Math.max(0, Math.round(time * 1e6) / 1e6);
}

function isSome<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0;
}
