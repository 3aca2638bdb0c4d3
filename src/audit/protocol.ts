// What `closefds audit` and the processes that it watches tell each other, through a folder.

import type { ReportRecord } from '../findings/record';

/** In the folder: what the audit has found out about this machine. */
export const TOOLS_FILE = 'tools.json';
/** One for each thread that starts processes: lines of AuditNote. */
export const NOTES_SUFFIX = '.notes';
export const TRACE_SUFFIX = '.trace';

export type AuditTools =
  | TracingTools
  /** Nothing can be traced here, and why. */
  | { readonly problem: string };

export interface TracingTools {
  /** Its path. */
  readonly strace: string;
  /** The path of native/strace_preload.c, compiled. */
  readonly stracePreload: string;
  /** Whether strace can give a program another name than that of its file. */
  readonly argv0: boolean;
  /** As whom this was tried, and under which filters: others may not trace. */
  readonly uid: number;
  readonly seccomp: string;
  /** kernel.yama.ptrace_scope is 2: only the privileged trace. */
  readonly onlyPrivileged: boolean;
}

/** One line of a thread's notes. */
export type AuditNote = AuditedSpawn | Proof;

/** A finding that file offsets have proved to be used since; src/spawn/offset-watch.ts. */
export interface Proof {
  readonly proof: ReportRecord;
}

/** A process that was given FDs. */
export interface AuditedSpawn {
  /** Missing if it could not be found out. */
  readonly pid?: number;
  /** Seconds since the epoch, before it was made. */
  readonly since: number;
  /** The trace that has it; as its first process, or as one further down. */
  readonly trace?: { readonly file: string; readonly first: boolean };
  /** Why it has none. */
  readonly reason?: string;
  /** Globs of texts that no report may hold; the trace brings paths of programs. */
  readonly redact?: readonly string[];
  /** One for each FD. */
  readonly records: readonly ReportRecord[];
}
