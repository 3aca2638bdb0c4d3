// The audit's half in the processes that it watches: a spawn that passes FDs runs under strace, and
// what passed is written down for `closefds audit`. Loaded by the first such spawn, from a file of
// its own: without an audit, none of this is read.
//
// The application must not notice. So whatever cannot be traced just as it would run, runs
// untraced, and the reason is written down.

import path = require('node:path');
import workerThreads = require('node:worker_threads');

import type { AnyFunction } from '../base/wrap-function';
import type { SpawnFinding } from '../findings/finding';
import { type RecordMetadata, toRecord } from '../findings/record';
import type { Auditor } from '../spawn/plan';
import { openAuditFolder } from './folder';
import type { AuditedSpawn, AuditNote, TracingTools } from './protocol';
import { type HandleCall, readHandleCall, throughStrace } from './strace-spawn';
import { whyUntraceable } from './traceable';
import { seccompState, tracerCommand } from './tracer';

/** What is written down about a process beside its FDs. */
type Notes = Pick<AuditedSpawn, 'trace' | 'reason'>;

interface TracedArguments extends Notes {
  /** What the call gets instead. */
  readonly args?: readonly unknown[];
}

interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

interface Spawner {
  spawn: AnyFunction;
}

/** Never throws, nor does what it makes. */
export function createAuditor(folder: string, redact: readonly string[]): Auditor {
  const { tools, newTrace, append, isOpenToAll } = openAuditFolder(folder, workerThreads.threadId);
  const outer = outerTrace(folder);

  return {
    prepare: findings => ({
      run: (handle, work) => {
        const spawner = (handle ?? syncSpawner()) as Spawner | undefined;
        if (spawner !== undefined) return intercepted(spawner, findings, work);
        note(findings, undefined, Date.now(), { reason: NO_BINDING });
        return work();
      },
      call: (spawn, self, args) => call(spawn, self, args, findings),
      forgo: (reason, pid) =>
        note(findings, pid, Date.now(), pid === undefined ? { reason } : (outer ?? { reason })),
    }),
    prove: finding => write({ proof: toRecord(finding, metadata(Date.now())) }),
  };

  /** Above the handle nobody sees a difference: not in the options, nor in `spawnfile` and `spawnargs`. */
  function intercepted<T>(spawner: Spawner, findings: readonly SpawnFinding[], work: () => T): T {
    const own = Object.getOwnPropertyDescriptor(spawner, 'spawn');
    const { spawn } = spawner;
    let isRestored = false;
    // Once: user code that runs later within this call may start another process.
    spawner.spawn = function (...args) {
      restore();
      return call(spawn, this, args, findings);
    };
    try {
      return work();
    } finally {
      restore();
    }

    function restore(): void {
      if (isRestored) return;
      isRestored = true;
      if (own === undefined) delete (spawner as Partial<Spawner>).spawn;
      else Object.defineProperty(spawner, 'spawn', own);
    }
  }

  function call(
    spawn: AnyFunction,
    self: unknown,
    args: readonly unknown[],
    findings: readonly SpawnFinding[],
  ): unknown {
    const since = Date.now();
    const tracing: TracedArguments = outer ?? newTracing(args);
    const result = Reflect.apply(spawn, self, tracing.args ?? args);
    const pid = pidOf(result) ?? pidOf(self);
    if (pid !== undefined) note(findings, pid, since, tracing);
    return result;
  }

  function newTracing(args: readonly unknown[]): TracedArguments {
    if ('problem' in tools) return { reason: tools.problem };
    const call = readHandleCall(args);
    if (call === undefined) return { reason: NOT_NODES };
    try {
      const owner = ownerOf(call);
      const reason = whyNotAs(owner, tools) ?? whyNot(call, tools);
      if (reason !== undefined) return { reason };
      const output = newTrace(owner);
      const trace = { file: path.basename(output), first: true };
      return { args: throughStrace(args, call, { ...tools, output }), trace };
    } catch (error) {
      return { reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** strace ends badly for the program where it may not trace, so that has to be known beforehand. */
  function whyNotAs(owner: FileOwner | undefined, { uid, seccomp, onlyPrivileged }: TracingTools) {
    if (seccompState() !== seccomp) return NEW_FILTER;
    if (onlyPrivileged && (owner !== undefined || process.geteuid?.() !== uid)) return YAMA;
    return owner !== undefined && !isOpenToAll() ? NOT_OPEN : undefined;
  }

  function note(
    findings: readonly SpawnFinding[],
    pid: number | undefined,
    since: number,
    { trace, reason }: Notes,
  ): void {
    write({
      ...(pid !== undefined && { pid }),
      since: since / 1000,
      ...(trace !== undefined && { trace }),
      ...(reason !== undefined && { reason }),
      ...(redact.length > 0 && { redact }),
      records: findings.map(finding => toRecord(finding, metadata(since))),
    });
  }

  function write(line: AuditNote): void {
    try {
      append(line);
    } catch {
      // The disk is full, or the audit is over: what it misses is no matter of the application's.
    }
  }
}

const NOT_OPEN = 'it runs as another user, who cannot get at the temporary folder (TMPDIR)';
const NEW_FILTER = 'it is under a seccomp filter that tracing was not tried with';
const YAMA = 'kernel.yama.ptrace_scope lets only privileged users trace';
const NO_BINDING = 'under --permission a synchronous spawn cannot be traced';
const NOT_NODES = 'the call below child_process is not one that Node makes';

/** A process that is traced cannot be traced again, nor what it starts; but that trace has it all. */
function outerTrace(folder: string): Notes | undefined {
  const tracer = tracerCommand();
  if (tracer === undefined) return undefined;
  const output = tracer[tracer.indexOf('-o') + 1] ?? '';
  if (path.dirname(output) === folder) return { trace: { file: path.basename(output), first: false } };
  return { reason: 'another tool traces the process that started it' };
}

function whyNot({ file, args, cwd, env, uid, gid }: HandleCall, { argv0 }: TracingTools): string | undefined {
  if (args[0] !== file && !argv0) return 'this strace cannot give a program another name than its file';
  const folder = absolute(cwd ?? '.');
  if (folder === undefined) return 'the current folder was deleted';
  const searched = env.find(pair => pair.startsWith('PATH='))?.slice('PATH='.length);
  const byOther = uid !== undefined || gid !== undefined;
  return whyUntraceable({ file, cwd: folder, path: searched, byOther });
}

/** Undefined where there is no current folder to start from. */
function absolute(folder: string): string | undefined {
  try {
    return path.resolve(folder);
  } catch {
    return undefined;
  }
}

/** Of the trace: whoever the program runs as. */
function ownerOf({ uid, gid }: HandleCall): FileOwner | undefined {
  if (uid === undefined && gid === undefined) return undefined;
  return { uid: uid ?? process.getuid?.() ?? -1, gid: gid ?? process.getgid?.() ?? -1 };
}

function metadata(time: number): RecordMetadata {
  return { time: new Date(time).toISOString(), pid: process.pid, thread: workerThreads.threadId, count: 1 };
}

/** What spawnSync(), execSync() and execFileSync() have below them; undefined where it cannot be had. */
function syncSpawner(): unknown {
  const { noDeprecation } = process;
  try {
    // --pending-deprecation would make its use a warning of the application's.
    process.noDeprecation = true;
    return (process as unknown as { binding: (name: string) => unknown }).binding('spawn_sync');
  } catch {
    return undefined;
  } finally {
    if (noDeprecation === undefined) delete (process as { noDeprecation?: boolean }).noDeprecation;
    else process.noDeprecation = noDeprecation;
  }
}

/** Of a synchronous call's result, or of a handle. */
function pidOf(holder: unknown): number | undefined {
  const { pid } = (holder ?? {}) as { pid?: unknown };
  return typeof pid === 'number' && pid > 0 ? pid : undefined;
}
