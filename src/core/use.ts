// What a child did with an FD it was given.

export type UseVerdict =
  /** Read, written, locked, mapped, listened on ...: a system call that needs what the FD refers to. */
  | 'used'
  /** Only looked at: fstat(), F_GETFD. */
  | 'probed'
  | 'closed unused'
  | 'never touched'
  /** Sent to another process (SCM_RIGHTS). */
  | 'delegated'
  /** Still open in a further program, about which the same question is asked. */
  | 'inherited on'
  | 'unknown';

/** What an audit saw of one FD in one child. */
export interface Use {
  readonly verdict: UseVerdict;
  /** The system calls that decided, sorted. */
  readonly calls?: readonly string[];
  /** Seconds from exec to the first of them. */
  readonly after?: number;
  /** Why it is unknown. */
  readonly reason?: string;
  /** The program that had the FD: its path. */
  readonly program?: string;
}
