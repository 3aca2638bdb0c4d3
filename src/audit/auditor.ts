// The part of an audit that runs in the audited processes: runs each spawn that passes FDs under
// strace, and notes for `closefds audit` which FDs passed. The first such spawn loads this file;
// without an audit it is never read.
//
// The application must not notice the audit. So a program that would run differently under strace
// runs untraced, and the note has the reason.

import path = require('node:path');
import workerThreads = require('node:worker_threads');

import type { AnyFunction } from '../base/wrap-function';
import type { SpawnFinding } from '../findings/finding';
import { processFacts, type Service, type ServiceSettings, serviceOf } from '../findings/process-facts';
import { type RecordMetadata, toRecord } from '../findings/record';
import type { Auditor } from '../spawn/plan';
import { type AuditFolder, openAuditFolder } from './folder';
import type { AuditedSpawn, AuditNote, TracingTools } from './protocol';
import { type HandleCall, readHandleCall, throughStrace } from './strace-spawn';
import { whyUntraceable } from './traceable';
import { seccompState, tracerCommand } from './tracer';

/** The properties of a note on a process, without its records. */
type Notes = Pick<AuditedSpawn, 'trace' | 'reason'>;

interface TracedArguments extends Notes {
  /** The arguments that the call gets instead of its own; undefined if the process runs untraced. */
  readonly args?: readonly unknown[];
}

interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

interface Spawner {
  spawn: AnyFunction;
}

/** Neither this function nor the auditor's own functions throw. `redact`: see AuditedSpawn. */
export function createAuditor(folder: string, redact: readonly string[], settings: ServiceSettings): Auditor {
  const auditor = new TracingAuditor(folder, redact, serviceOf(settings, redact));
  return {
    prepare: findings => ({
      run: (handle, work) => auditor.run(findings, handle, work),
      call: (spawn, self, args) => auditor.call(findings, spawn, self, args),
      forgo: (reason, pid) => auditor.forgo(findings, reason, pid),
    }),
    noteLikelyUse: finding => auditor.noteLikelyUse(finding),
  };
}

class TracingAuditor {
  readonly #folder: AuditFolder;
  readonly #outer: Notes | undefined;
  readonly #redact: readonly string[];
  readonly #service: Service;

  constructor(folder: string, redact: readonly string[], service: Service) {
    this.#folder = openAuditFolder(folder, workerThreads.threadId);
    this.#outer = outerTrace(folder);
    this.#redact = redact;
    this.#service = service;
  }

  /** Does `work`, in which the process is made by `handle`; undefined for a synchronous spawn. */
  run<T>(findings: readonly SpawnFinding[], handle: unknown, work: () => T): T {
    const spawner = (handle ?? syncSpawner()) as Spawner | undefined;
    if (spawner !== undefined)
      return withReplacedSpawn(spawner, work, (spawn, self, args) => this.call(findings, spawn, self, args));
    this.#note(findings, undefined, Date.now(), { reason: NO_BINDING });
    return work();
  }

  call(
    findings: readonly SpawnFinding[],
    spawn: AnyFunction,
    self: unknown,
    args: readonly unknown[],
  ): unknown {
    const since = Date.now();
    const traced: TracedArguments = this.#outer ?? this.#trace(args);
    const result = Reflect.apply(spawn, self, traced.args ?? args);
    const pid = pidOf(result) ?? pidOf(self);
    if (pid !== undefined) this.#note(findings, pid, since, traced);
    return result;
  }

  /** The spawn cannot be traced, for `reason`. */
  forgo(findings: readonly SpawnFinding[], reason: string, pid: number | undefined): void {
    const notes = pid === undefined ? { reason } : (this.#outer ?? { reason });
    this.#note(findings, pid, Date.now(), notes);
  }

  noteLikelyUse(finding: SpawnFinding): void {
    this.#write({ likely: toRecord(finding, metadata(Date.now(), this.#service)) });
  }

  #trace(args: readonly unknown[]): TracedArguments {
    const { tools, newTrace } = this.#folder;
    if ('problem' in tools) return { reason: tools.problem };
    const call = readHandleCall(args);
    if (call === undefined) return { reason: NOT_NODES };
    try {
      const owner = ownerOf(call);
      const reason = this.#whyNotAs(owner, tools) ?? whyNot(call, tools);
      if (reason !== undefined) return { reason };
      const output = newTrace(owner);
      const trace = { file: path.basename(output), first: true };
      return { args: throughStrace(args, call, { ...tools, output }), trace };
    } catch (error) {
      return { reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Checked beforehand: where strace may not trace, it ends the program. */
  #whyNotAs(
    owner: FileOwner | undefined,
    { uid, seccomp, onlyPrivileged }: TracingTools,
  ): string | undefined {
    if (seccompState() !== seccomp) return NEW_FILTER;
    if (onlyPrivileged && (owner !== undefined || process.geteuid?.() !== uid)) return YAMA;
    return owner !== undefined && !this.#folder.isOpenToAll() ? NOT_OPEN : undefined;
  }

  #note(
    findings: readonly SpawnFinding[],
    pid: number | undefined,
    since: number,
    { trace, reason }: Notes,
  ): void {
    this.#write({
      ...(pid !== undefined && { pid }),
      since: since / 1000,
      ...(trace !== undefined && { trace }),
      ...(reason !== undefined && { reason }),
      ...(this.#redact.length > 0 && { redact: this.#redact }),
      records: findings.map(finding => toRecord(finding, metadata(since, this.#service))),
    });
  }

  #write(line: AuditNote): void {
    try {
      this.#folder.append(line);
    } catch {
      // The disk is full, or the audit is over. The application must not fail for that.
    }
  }
}

/**
 * Does `work` with `replacement` as the spawner's spawn(). At this level the application sees no
 * difference: its options, `spawnfile` and `spawnargs` stay.
 */
function withReplacedSpawn<T>(
  spawner: Spawner,
  work: () => T,
  replacement: (spawn: AnyFunction, self: unknown, args: readonly unknown[]) => unknown,
): T {
  const own = Object.getOwnPropertyDescriptor(spawner, 'spawn');
  const { spawn } = spawner;
  let isRestored = false;
  // For one call: user code that runs later in `work` may start another process.
  spawner.spawn = function (...args) {
    restore();
    return replacement(spawn, this, args);
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

const NOT_OPEN = 'it runs as another user, who cannot get at the temporary folder (TMPDIR)';
const NEW_FILTER = 'it is under a seccomp filter that tracing was not tried with';
const YAMA = 'kernel.yama.ptrace_scope lets only privileged users trace';
const NO_BINDING = 'under --permission a synchronous spawn cannot be traced';
const NOT_NODES = 'the call below child_process is not one that Node makes';

/** A traced process and its children cannot be traced again; but the trace of the audit already has them. */
function outerTrace(folder: string): Notes | undefined {
  const tracer = tracerCommand();
  if (tracer === undefined) return undefined;
  const output = tracer[tracer.indexOf('-o') + 1] ?? '';
  if (path.dirname(output) === folder) return { trace: { file: path.basename(output), first: false } };
  return { reason: 'another tool traces the process that started it' };
}

function whyNot({ file, args, cwd, env, uid, gid }: HandleCall, { argv0 }: TracingTools): string | undefined {
  if (args[0] !== file && !argv0) return 'this strace cannot give a program another name than its file';
  const folder = toAbsolute(cwd ?? '.');
  if (folder === undefined) return 'the current folder was deleted';
  const searchPath = env.find(pair => pair.startsWith('PATH='))?.slice('PATH='.length);
  const byOther = uid !== undefined || gid !== undefined;
  return whyUntraceable({ file, cwd: folder, path: searchPath, byOther });
}

/** Undefined if the current folder was deleted. */
function toAbsolute(folder: string): string | undefined {
  try {
    return path.resolve(folder);
  } catch {
    return undefined;
  }
}

/** The user and group that the program runs as, which own its trace; undefined: those of this process. */
function ownerOf({ uid, gid }: HandleCall): FileOwner | undefined {
  if (uid === undefined && gid === undefined) return undefined;
  return { uid: uid ?? process.getuid?.() ?? -1, gid: gid ?? process.getgid?.() ?? -1 };
}

function metadata(time: number, service: Service): RecordMetadata {
  return { time: new Date(time).toISOString(), ...processFacts(service), count: 1, assumed: 0 };
}

/** The binding that spawnSync(), execSync() and execFileSync() call; undefined if it is not accessible. */
function syncSpawner(): unknown {
  const { noDeprecation } = process;
  try {
    // Under --pending-deprecation, process.binding() would emit a warning in the application.
    process.noDeprecation = true;
    return (process as unknown as { binding: (name: string) => unknown }).binding('spawn_sync');
  } catch {
    return undefined;
  } finally {
    if (noDeprecation === undefined) delete (process as { noDeprecation?: boolean }).noDeprecation;
    else process.noDeprecation = noDeprecation;
  }
}

/** The pid in the result of a synchronous call, or in a handle. */
function pidOf(holder: unknown): number | undefined {
  const { pid } = (holder ?? {}) as { pid?: unknown };
  return typeof pid === 'number' && pid > 0 ? pid : undefined;
}
