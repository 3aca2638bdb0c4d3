// Collects the records of an audit from the notes and traces in its folder.

import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReportRecord } from '../findings/record';
import { redactUse } from '../findings/redact';
import { isUsed, type Use } from '../model/fd-use';
import { type AuditedSpawn, type AuditNote, NOTES_SUFFIX } from './protocol';
import { follow } from './strace/replay';

export interface AuditResult {
  /** One for each FD that a process was given. */
  readonly records: readonly ReportRecord[];
  /** Findings whose FDs are likely used, by the offsets of their files. */
  readonly likely: readonly ReportRecord[];
  readonly processes: number;
  readonly traced: number;
}

export async function collectAudit(folder: string): Promise<AuditResult> {
  const notes = readNotes(folder);
  const spawns = notes.filter((note): note is AuditedSpawn => !('likely' in note));
  await waitForTracers(folder, spawns);

  const uses = readUses(folder, spawns);
  return {
    records: spawns.flatMap(spawn => toRecords(spawn, uses.get(spawn))),
    likely: notes.flatMap(note => ('likely' in note ? [note.likely] : [])),
    processes: spawns.length,
    traced: spawns.filter(spawn => uses.get(spawn) !== undefined).length,
  };
}

function readNotes(folder: string): AuditNote[] {
  return readdirSync(folder)
    .filter(name => name.endsWith(NOTES_SUFFIX))
    .flatMap(name => readFileSync(path.join(folder, name), 'utf8').split('\n'))
    .flatMap(line => {
      try {
        return [JSON.parse(line) as AuditNote];
      } catch {
        return []; // The process was killed while it wrote the line.
      }
    });
}

// ---------------------------------------------------------------------------------------------
// Traces
// ---------------------------------------------------------------------------------------------

/** In milliseconds. */
const LONGEST_WAIT = 3000;

/** A tracer may lag behind its program. For a program that is still running, the lines so far are enough. */
async function waitForTracers(folder: string, spawns: readonly AuditedSpawn[]): Promise<void> {
  const limit = Date.now() + LONGEST_WAIT;
  for (const { trace, pid } of spawns) {
    if (trace?.first !== true || pid === undefined) continue;
    const file = path.join(folder, trace.file);
    const isBehind = () => (isRunning(pid) ? tailOf(file) === '' : !hasEnd(file, pid));
    while (isBehind() && Date.now() < limit) await sleep(20);
  }
}

function isRunning(pid: number): boolean {
  try {
    // A zombie has ended, but is still listed.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const TAIL = 1 << 16;

/** Whether the end of the first program is in the trace. Lines of its children may follow. */
function hasEnd(file: string, pid: number): boolean {
  const end = new RegExp(`^${pid} .*\\+\\+\\+ (?:exited|killed)`, 'm');
  return end.test(tailOf(file));
}

function tailOf(file: string): string {
  if (!existsSync(file)) return '';
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const tail = Buffer.alloc(Math.min(size, TAIL));
    readSync(fd, tail, 0, tail.length, size - tail.length);
    return tail.toString('latin1');
  } finally {
    closeSync(fd);
  }
}

function readUses(folder: string, spawns: readonly AuditedSpawn[]): Map<AuditedSpawn, readonly Use[]> {
  const found = new Map<AuditedSpawn, readonly Use[]>();
  const byFile = new Map<string, AuditedSpawn[]>();
  for (const spawn of spawns) {
    if (spawn.trace === undefined) continue;
    const { file } = spawn.trace;
    byFile.set(file, [...(byFile.get(file) ?? []), spawn]);
  }
  for (const [file, inside] of byFile) {
    const given = inside.map(({ pid, since, trace, records }) => ({
      pid: trace?.first === true ? undefined : (pid ?? -1),
      since,
      fds: records.map(({ childFd = -1 }) => childFd),
    }));
    const uses = follow(() => linesOf(path.join(folder, file)), given);
    for (const [index, spawn] of inside.entries()) {
      const own = uses[index];
      if (own !== undefined) found.set(spawn, own);
    }
  }
  return found;
}

const CHUNK = 1 << 20;

/** In chunks: a trace may be larger than the longest string. */
function* linesOf(file: string): Iterable<string> {
  if (!existsSync(file)) return;
  const fd = openSync(file, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK);
    let rest = '';
    for (let size = readSync(fd, chunk); size > 0; size = readSync(fd, chunk)) {
      const lines = (rest + chunk.toString('latin1', 0, size)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } finally {
    closeSync(fd);
  }
}

// ---------------------------------------------------------------------------------------------
// Records
// ---------------------------------------------------------------------------------------------

function toRecords(
  { records, reason, redact = [] }: AuditedSpawn,
  uses: readonly Use[] | undefined,
): ReportRecord[] {
  const unknown: Use = { verdict: 'unknown', reason: reason ?? 'the trace does not have this program' };
  return records.map((record, index) => {
    const use = redactUse(uses?.[index] ?? unknown, redact);
    return { ...record, used: isUsed(use), use };
  });
}
