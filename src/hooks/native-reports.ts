// Makes findings of the records of processes that native code made.

import fs = require('node:fs');

import type { Finding, NativeOrigin, Occurrence, PendingFinding, SpawnFinding } from '../findings/finding';
import { record as pendingFindings } from '../findings/finding';
import { redactFinding } from '../findings/redact';
import type { Caller } from '../model/caller';
import { type ChildFd, type OpenFile, type SpawnCall, UNKNOWN_FILE } from '../model/spawn-request';
import { NO_STDIO } from '../model/stdio';
import type { FdOutcome } from '../policy/apply-mode';
import { type Evaluation, evaluate } from '../policy/evaluate';
import type { Opener } from '../policy/known-openers';
import type { NativePolicy } from '../policy/native-policy';
import { DENY_ALL, type Mode, type Policy } from '../policy/rule';
import { FindingEmitter } from '../spawn/emit-findings';
import type { TryOr } from '../spawn/steps';
import type { DeepRecord } from '../strays/stray-guard';

// Captured at load: programs replace it.
const { fstatSync } = fs;

/** A loaded library or addon, and what processes get that it makes. */
export interface NativeObject {
  readonly file: string;
  readonly caller: Caller | undefined;
  readonly policy: NativePolicy;
}

export interface NativeReportOptions {
  readonly mode: Mode;
  readonly policy: () => Policy;
  readonly redact: readonly string[];
  readonly describe: (fd: number) => OpenFile;
  readonly openerOf: (file: OpenFile) => Opener | undefined;
  readonly objectAt: (index: number) => NativeObject | undefined;
  /** Never throws. */
  readonly report: (findings: readonly Finding[], occurrence: Occurrence) => void;
  readonly tryOr: TryOr;
}

export interface NativeReports {
  /** Reports what is complete. */
  readonly add: (records: readonly DeepRecord[]) => void;
  /** Reports what is left, at the end of the process. */
  readonly finish: () => void;
}

/** By `enum record_kind` of native/records.h. */
const ROUTES = [
  'fork',
  'vfork',
  'clone',
  'forkpty',
  'posix_spawn',
  'system',
  'popen',
  'exec',
  'exec',
  'exec',
];
const LAST_FORK = 3;
const EXEC = 7;
const UNKNOWN_CHILD = 9;

/** So many calls of add() a forked process has to run its program; then it is reported without. */
const PATIENCE = 3;

/** Of processes that have not run a program: one that forks and never runs any must not fill the memory. */
const MOST_WAITING = 1000;

interface Waiting {
  readonly record: DeepRecord;
  age: number;
}

export function createNativeReports(options: NativeReportOptions): NativeReports {
  const { mode, policy, redact, describe, openerOf, objectAt, report, tryOr } = options;
  const waiting = new Map<number, Waiting>();
  const emitter = new FindingEmitter(report, tryOr);

  return {
    add(records) {
      for (const record of records) guarded(() => take(record));
      for (const [pid, one] of waiting) {
        one.age++;
        if (one.age > PATIENCE || waiting.size > MOST_WAITING) release(pid);
      }
    },
    finish() {
      for (const pid of waiting.keys()) release(pid);
    },
  };

  function guarded(work: () => void): void {
    tryOr('reporting a native process', work, undefined);
  }

  function take(record: DeepRecord): void {
    const { kind, pid } = record;
    if (pid === 0) return;
    if (kind === EXEC || kind === UNKNOWN_CHILD) {
      const fork = waiting.get(pid)?.record;
      waiting.delete(pid);
      if (fork !== undefined) emit(withProgram(fork, record));
      // The child of a call that was not seen: its FDs were neither marked nor closed.
      else if (kind === UNKNOWN_CHILD)
        emit({ ...record, strays: record.designated, designated: [], passed: true });
    } else if (kind <= LAST_FORK && pid > 0) {
      waiting.set(pid, { record, age: 0 });
    } else {
      emit(record);
    }
  }

  function release(pid: number): void {
    const one = waiting.get(pid);
    waiting.delete(pid);
    if (one !== undefined) guarded(() => emit(one.record));
  }

  function emit(record: DeepRecord): void {
    if (!record.looked || record.strays.length === 0) return;
    const object = objectAt(record.object);
    const evaluation = evaluate(toRequest(record, describe), object?.caller, policy());
    const outcomes = evaluation.matches.map((match): FdOutcome => {
      const passes = record.passed || object?.policy.keep.includes(match.fd.childFd) === true;
      // A rule that asks what the FD points to, or for the command, cannot hold for a native call.
      const applies = passes || match.effect === 'deny' || object?.policy.rules.includes(match.rule);
      const inForce = applies ? match : { ...match, effect: DENY_ALL.effect, rule: DENY_ALL };
      return { match: inForce, action: passes ? 'passed' : 'closed', reported: inForce.effect !== 'allow' };
    });
    emitter.emit(toFindings(record, object, evaluation, outcomes));
  }

  function toFindings(
    record: DeepRecord,
    object: NativeObject | undefined,
    evaluation: Evaluation,
    outcomes: readonly FdOutcome[],
  ): PendingFinding[] {
    const native = originOf(record, object);
    const recording = {
      mode,
      candidate: undefined,
      redact,
      openerOf: ({ file }: ChildFd) => openerOf(file),
    };
    return pendingFindings(evaluation, outcomes, recording).map(({ make, dedupKey, siteKey, ...pending }) => {
      // A library of the system has no caller, so the object tells call sites apart.
      const key = `native ${evaluation.request.call.route} ${native.object ?? ''} `;
      const makeNative = (): SpawnFinding => redactFinding({ ...make(), native }, redact);
      return { ...pending, dedupKey: key + dedupKey, siteKey: key + siteKey, make: makeNative };
    });
  }
}

function withProgram(fork: DeepRecord, { command, isShell, designated }: DeepRecord): DeepRecord {
  // A stray that passes is inheritable in the child, too.
  return { ...fork, command, isShell, designated: designated.filter(fd => !fork.strays.includes(fd)) };
}

function toRequest(record: DeepRecord, describe: (fd: number) => OpenFile): Evaluation['request'] {
  const fds = record.strays.map((fd, index): ChildFd => {
    const file = isSame(fd, record.inodes[index]) ? describe(fd) : UNKNOWN_FILE;
    return { kind: 'stray', childFd: fd, sourceFd: fd, file, explicit: false, atStart: false };
  });
  const call: SpawnCall = {
    route: ROUTES[record.kind] ?? 'native code',
    command: record.isShell ? '/bin/sh' : record.command || 'a process',
    args: [],
    environment: () => [],
    stdio: NO_STDIO,
    sync: false,
    explicit: undefined,
    unsafe: undefined,
    native: true,
  };
  return { call, indexes: new Map(), fds };
}

/** The record is some time old: the number may be that of another file by now, or closed. */
function isSame(fd: number, inode: number | undefined): boolean {
  try {
    return inode !== undefined && fstatSync(fd).ino === inode;
  } catch {
    return false;
  }
}

function originOf(record: DeepRecord, object: NativeObject | undefined): NativeOrigin {
  const program = record.isShell ? firstWord(record.command) : undefined;
  return {
    ...(object !== undefined && { object: object.file }),
    ...(record.pid > 0 && { pid: record.pid }),
    thread: record.onThread ? 'native' : 'javascript',
    ...(program !== undefined && { program }),
    ...(record.designated.length > 0 && { designated: record.designated }),
  };
}

/** What the text of a shell runs first, without what may be secret: variables and arguments. */
function firstWord(text: string): string | undefined {
  return text.split(/\s+/).find(word => /^[\w./+-]+$/.test(word) && !word.includes('='));
}
