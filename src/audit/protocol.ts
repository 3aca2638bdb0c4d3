// The protocol between `closefds audit` and the audited processes: files in a folder.

import type { ReportRecord } from '../findings/record';

/** The file with AuditTools, which the audit writes first. */
export const TOOLS_FILE = 'tools.json';
/** The files with lines of AuditNote, one file for each thread that starts processes. */
export const NOTES_SUFFIX = '.notes';
export const TRACE_SUFFIX = '.trace';

export type AuditTools =
  | TracingTools
  /** Why nothing can be traced here. */
  | { readonly problem: string };

export interface TracingTools {
  /** The path of strace. */
  readonly strace: string;
  /** The path of native/strace_preload.c, compiled. */
  readonly stracePreload: string;
  /** Whether strace can give a program another name than that of its file. */
  readonly argv0: boolean;
  /** The user that tracing was tried as. */
  readonly uid: number;
  /** The seccomp filters that tracing was tried under; others may forbid it. */
  readonly seccomp: string;
  /** Whether kernel.yama.ptrace_scope is 2: only privileged users trace. */
  readonly onlyPrivileged: boolean;
}

/** One line of a thread's notes. */
export type AuditNote = AuditedSpawn | LikelyUse;

/** A finding whose FD is likely used, by the offset of its file; see src/spawn/offset-watch.ts. */
export interface LikelyUse {
  readonly likely: ReportRecord;
}

/** A process that was given FDs. */
export interface AuditedSpawn {
  /** Missing if unknown. */
  readonly pid?: number;
  /** Seconds since the epoch, before the process was created. */
  readonly since: number;
  /** The trace with this process; `first`: whether the trace begins with it. */
  readonly trace?: { readonly file: string; readonly first: boolean };
  /** Why no trace has it. */
  readonly reason?: string;
  /** Globs of texts that no report may contain. The paths of programs in the trace are such texts, too. */
  readonly redact?: readonly string[];
  /** One for each FD. */
  readonly records: readonly ReportRecord[];
}
