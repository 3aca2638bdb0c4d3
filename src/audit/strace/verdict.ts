// Records what each program does with each FD, and derives the verdicts.

import type { ProgramUse, Use, UseVerdict } from '../../model/fd-use';
import type { Grant } from './fd-table';
import type { Touch } from './syscalls';

/** A program in execution, with all tasks that run it. */
export interface Program {
  readonly file: string | undefined;
  readonly activity: Map<Grant, Activity>;
  /** FDs of io_uring rings that do not make the use of other FDs invisible. */
  readonly libuvRings: Set<number>;
}

/** What one program did with one FD. */
interface Activity {
  /** The names of the calls by kind of touch, each with the time of the first call. */
  readonly calls: Readonly<Record<Touch, Map<string, number>>>;
  /** Programs that were executed while the FD was open. */
  readonly descendants: Set<Program>;
  /** Whether the FD was open when the last task that had it ended. */
  openAtEnd: boolean;
  /** Why the trace may miss a use. */
  unknownReason: string | undefined;
  /** The signal that ended a task before it could do anything more. */
  killedBy: string | undefined;
}

export function newProgram(file?: string): Program {
  return { file, activity: new Map(), libuvRings: new Set() };
}

export function activityOf(program: Program, grant: Grant): Activity {
  let activity = program.activity.get(grant);
  if (activity === undefined) {
    const calls = { use: new Map(), probe: new Map(), delegate: new Map() };
    activity = {
      calls,
      descendants: new Set(),
      openAtEnd: false,
      unknownReason: undefined,
      killedBy: undefined,
    };
    program.activity.set(grant, activity);
  }
  return activity;
}

/** The first reason stays. */
export function markUnknown(grants: Iterable<Grant>, program: Program, reason: string): void {
  for (const grant of grants) activityOf(program, grant).unknownReason ??= reason;
}

/** The verdict on an FD: that of the program that got it, or of a descendant that used it. */
export function toUse(root: Program, grant: Grant, end: number, running: boolean): Use {
  const own = toProgramUse(root, grant);
  const heirs = withoutDuplicates(allDescendants(root, grant).map(program => toProgramUse(program, grant)));
  const rest = {
    held: seconds((running ? end : (grant.closed ?? end)) - grant.since),
    ...(running && { running }),
  };
  if (own.verdict === 'used') return { ...own, ...rest };

  for (const verdict of ['used', 'delegated', 'unknown'] as const) {
    if (own.verdict === verdict) return { ...own, ...rest };
    const decisive = heirs.filter(heir => heir.verdict === verdict);
    if (isNonEmpty(decisive)) return { ...useByDescendants(own, decisive), ...rest };
  }
  return { ...own, ...(heirs.length > 0 && { heirs }), ...rest };
}

/** The descendants' verdict, as that of the program that got the FD. */
function useByDescendants({ program }: ProgramUse, heirs: readonly [ProgramUse, ...ProgramUse[]]): Use {
  const { program: _, ...rest } = heirs[0];
  return { ...rest, ...(program !== undefined && { program }), heirs };
}

/** Each program before those that it executed. Not recursive: a script may execute itself any number of times. */
function allDescendants(root: Program, grant: Grant): Program[] {
  const found: Program[] = [];
  const rest = [root];
  for (let program = rest.pop(); program !== undefined; program = rest.pop()) {
    if (program !== root) found.push(program);
    rest.push(...[...activityOf(program, grant).descendants].reverse());
  }
  return found;
}

/** A shell may execute one program ten thousand times: one entry represents all that did the same. */
function withoutDuplicates(uses: readonly ProgramUse[]): ProgramUse[] {
  const first = new Map<string, ProgramUse>();
  for (const use of uses) {
    const { verdict, reason, program, calls } = use;
    const key = JSON.stringify([program, verdict, reason, calls]);
    if (!first.has(key)) first.set(key, use);
  }
  return [...first.values()];
}

/** The kind of touch that a verdict is based on. */
const TOUCH_OF: { readonly [V in UseVerdict]?: Touch } = {
  used: 'use',
  delegated: 'delegate',
  probed: 'probe',
};

function toProgramUse(program: Program, grant: Grant): ProgramUse {
  const activity = activityOf(program, grant);
  const verdict = verdictOf(activity);
  const touch = TOUCH_OF[verdict];
  const calls = touch === undefined ? [] : [...activity.calls[touch]];
  const [[, time] = ['', undefined]] = calls;
  const reason =
    verdict === 'unknown' ? (activity.unknownReason ?? `it was killed by ${activity.killedBy}`) : undefined;
  return {
    verdict,
    ...(reason !== undefined && { reason }),
    ...(program.file !== undefined && { program: program.file }),
    ...(calls.length > 0 && { calls: calls.map(([name]) => name) }),
    ...(time !== undefined && { after: seconds(time - grant.since) }),
  };
}

function verdictOf({ calls, descendants, openAtEnd, unknownReason, killedBy }: Activity): UseVerdict {
  if (calls.use.size > 0) return 'used';
  if (calls.delegate.size > 0) return 'delegated';
  if (unknownReason !== undefined) return 'unknown';
  if (descendants.size > 0) return 'inherited on';
  if (killedBy !== undefined) return 'unknown';
  if (calls.probe.size > 0) return 'probed';
  return openAtEnd ? 'never touched' : 'closed unused';
}

/** Rounded to microseconds, the resolution of the trace. */
function seconds(time: number): number {
  return Math.max(0, Math.round(time * 1e6) / 1e6);
}

function isNonEmpty<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0;
}
