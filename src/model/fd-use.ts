// Did a program use an FD that it was given? The answer of `closefds audit`, as data.

/**
 * - `used`: data, state or locks of what the FD refers to, by the program or one further down
 * - `delegated`: sent to another process over a socket (SCM_RIGHTS)
 * - `inherited on`: open across a further exec, and no program down there used it either
 * - `probed`: asked what it is, nothing more
 * - `closed unused`
 * - `never touched`: open to the end, and no system call named it
 * - `unknown`: see `reason`
 */
export type UseVerdict =
  | 'used'
  | 'delegated'
  | 'inherited on'
  | 'probed'
  | 'closed unused'
  | 'never touched'
  | 'unknown';

/** What one program did with an FD. */
export interface ProgramUse {
  readonly verdict: UseVerdict;
  /** Why it is not known, if it is not. */
  readonly reason?: string;
  /** The file that was executed. */
  readonly program?: string;
  /** Which version of it, where that could be found out cheaply. */
  readonly version?: string;
  /** The system calls, in the order of their first times: those that used it, else those that asked. */
  readonly calls?: readonly string[];
  /** Seconds to the first of these calls, since the program that was given the FD was executed. */
  readonly after?: number;
}

export interface Use extends ProgramUse {
  /** The programs that had the FD in turn: those that used it, or all of them if none did. Equal ones are listed once. */
  readonly heirs?: readonly ProgramUse[];
  /** Seconds that it stayed open in any of these programs. */
  readonly held?: number;
  /** Some program still had it open when the audit ended. */
  readonly running?: true;
}

/** The programs that used it: `/usr/bin/cat 9.1-1`. */
export function usersOf(use: Use | undefined): string[] {
  if (use === undefined || isUsed(use) !== true) return [];
  return (use.heirs ?? [use]).flatMap(({ program, version }) =>
    program === undefined ? [] : [version === undefined ? program : `${program} ${version}`],
  );
}

/** For reports and learned rules. Sending an FD to another process counts as use. */
export function isUsed({ verdict }: Use): boolean | 'unknown' {
  if (verdict === 'unknown') return 'unknown';
  return verdict === 'used' || verdict === 'delegated';
}
