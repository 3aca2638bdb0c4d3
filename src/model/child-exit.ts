// How a child ended, and whether that is a failure of its own.

/** An exit code, or the name of the signal that ended it. */
export interface ChildExit {
  readonly code?: number;
  readonly signal?: string;
}

/** Signals with which the system or the program itself reports an error; others come from outside. */
const ERRORS = [
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGSEGV',
  'SIGPIPE',
  'SIGXFSZ',
  'SIGSYS',
];

/**
 * Codes that have another reason than the program: timeout(1) ran out; a command that a shell could not execute
 * or find (POSIX, Shell Command Language, 2.8.2); and 128 plus a signal from outside: SIGHUP, SIGINT, SIGKILL, SIGTERM.
 */
const FROM_OUTSIDE = [124, 126, 127, 129, 130, 137, 143];

/** `code` and `signal` as `child.exitCode` and `child.signalCode`; undefined: unknown, or no child was started. */
export function toChildExit(code: unknown, signal: unknown): ChildExit | undefined {
  if (typeof signal === 'string') return { signal };
  return typeof code === 'number' && code >= 0 ? { code } : undefined;
}

/** undefined: it was ended from outside, which says nothing. */
export function hasFailed({ code, signal }: ChildExit): boolean | undefined {
  if (signal !== undefined) return ERRORS.includes(signal) ? true : undefined;
  if (code === undefined || FROM_OUTSIDE.includes(code)) return undefined;
  return code !== 0;
}

/** `code 1`, `SIGSEGV`. */
export function exitTitle({ code, signal }: ChildExit): string {
  return signal ?? `code ${code}`;
}
