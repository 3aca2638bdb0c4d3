// The use of an FD by the programs that inherited it, as `closefds audit` saw it or as a file offset suggests.

/**
 * - `true`: proved. An audit saw a child use the FD.
 * - `likely`: the offset of the file moved; `OffsetMove` has the conditions. Any process that shares the open
 *   file may have moved it.
 * - `false`: an audit saw all that the children did, and no use.
 */
export type UseGrade = boolean | 'likely' | 'unknown';

/**
 * Under which conditions the offset of a file moved while a child had it:
 *
 * - `synchronous`: the thread that started the child was waiting for it
 * - `inherited`: the process was given the FD at its start, and most likely does not use it itself
 * - `designated`: the code of the process knows the FD, and may have used it meanwhile
 */
export type OffsetMove = 'synchronous' | 'inherited' | 'designated';

/** What an offset that moved shows, for people: it continues "likely: ". */
export const OFFSET_MOVE_TEXTS: { readonly [M in OffsetMove]: string } = {
  synchronous:
    'the offset of the file moved while a synchronous child had it; a worker thread or another process that shares the file may have moved it',
  inherited:
    'the offset of the file, inherited at start, moved while a child had it; this process or another one that shares the file may have moved it',
  designated:
    'the offset of the file moved while an asynchronous child had it; this process or another one that shares the file may have moved it',
};

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

/**
 * The grade of a record. Only an audit proves a use, so a record that claims one without an audit's result is
 * likely at the most.
 */
export function useGradeOf({
  used,
  use,
}: {
  readonly used?: UseGrade;
  readonly use?: Use;
}): UseGrade | undefined {
  return used === true && (use === undefined || isUsed(use) !== true) ? 'likely' : used;
}

/** The value of `used` after an audit. Sending the FD to another process is a use. */
export function isUsed({ verdict }: Use): boolean | 'unknown' {
  if (verdict === 'unknown') return 'unknown';
  return verdict === 'used' || verdict === 'delegated';
}
