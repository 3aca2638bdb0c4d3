// The use of an FD by the programs that inherited it, as `closefds audit` saw it.

/**
 * - `used`: data, state or locks of the open file, by the program or a descendant
 * - `delegated`: sent to another process over a socket (SCM_RIGHTS)
 * - `inherited on`: open across a further exec, and no descendant used it
 * - `probed`: only system calls that ask what the FD is
 * - `closed unused`
 * - `never touched`: open until the end, and no system call named it
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
  /** Why the verdict is `unknown`. */
  readonly reason?: string;
  /** The file that was executed. */
  readonly program?: string;
  /** The version of the program, if it was cheap to find. */
  readonly version?: string;
  /** The system calls in the order of first use: those that used the FD, else those that probed it. */
  readonly calls?: readonly string[];
  /** Seconds from the exec of the first program with the FD to the first of these calls. */
  readonly after?: number;
}

export interface Use extends ProgramUse {
  /** The descendants with the FD: those that used it, or all of them if none used it. Equal entries are merged. */
  readonly heirs?: readonly ProgramUse[];
  /** Seconds that the FD stayed open in any of these programs. */
  readonly held?: number;
  /** A program still had the FD open when the audit ended. */
  readonly running?: true;
}

/** The programs that used the FD: `/usr/bin/cat 9.1-1`. */
export function usersOf(use: Use | undefined): string[] {
  if (use === undefined || isUsed(use) !== true) return [];
  return (use.heirs ?? [use]).flatMap(({ program, version }) =>
    program === undefined ? [] : [version === undefined ? program : `${program} ${version}`],
  );
}

/** The value of `used` in reports and for learned rules. Sending the FD to another process is a use. */
export function isUsed({ verdict }: Use): boolean | 'unknown' {
  if (verdict === 'unknown') return 'unknown';
  return verdict === 'used' || verdict === 'delegated';
}
