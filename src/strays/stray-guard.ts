// The contract of a stray guard: what keeps undesignated FDs from crossing exec.
//
// Two things fulfil it: the addon (src/strays/native-guard.ts) and its stand-in in JavaScript
// (src/strays/fallback-guard.ts).

/** Where a file stands, as far as it can be told without touching it. */
export interface FilePosition {
  readonly target: string;
  readonly offset: number;
}

/** An FD and the file that it refers to. */
export interface IdentifiedFd {
  readonly fd: number;
  /** The same as long as the FD refers to the same file: device, inode and more. Only the guard reads it. */
  readonly identity: string;
}

/** A stray as the guard lists it: enough to tell whether it is still the same file. */
export interface ListedStray extends IdentifiedFd {
  readonly atStart: boolean;
}

/** How FDs are kept from children: the addon's ways of marking, or the stand-in's covers. */
export type Mechanism = 'nothing' | 'close_range' | 'table' | 'proc' | 'mask';

/** How processes are made here, as far as guarded spawns have shown. */
export type SpawnMethod = 'unknown' | 'fork' | 'other';

/** What the guard does for one spawn; see Plan in src/spawn/plan.ts. */
export interface Guarding {
  readonly keep: readonly IdentifiedFd[];
  readonly untouched: readonly number[];
}

export interface StrayGuard {
  /** Once for each thread; `byDefault` says whether children of threads without closefds are guarded too. */
  readonly arm: (byDefault: boolean) => void;
  /** What would cross exec. `marks` tells whether this process marks, so that a marked FD may be a stray. */
  readonly list: (marks: boolean) => readonly ListedStray[];
  /**
   * Before a spawn of which nothing is kept, where children are guarded by default. Not between begin() and
   * end() of another on the same thread: the child would get what that one keeps. Throws as begin() does.
   */
  readonly mark: () => void;
  /** Before a spawn. Throws if nothing could be marked. Between begin() and end() of another, it nests. */
  readonly begin: (guarding: Guarding) => void;
  /** After it, come what may; the last one that began ends first. */
  readonly end: (started: boolean) => void;
  /** Before this process becomes another program. Throws if nothing could be marked. */
  readonly replace: (guarding: Guarding) => void;
  /** The way taken last. */
  readonly way: () => Mechanism;
  readonly spawning: () => SpawnMethod;
  /**
   * An FD that takes the number of a denied one in a child, see native/placeholder.h. Undefined where the
   * system has none; throws if it cannot be opened.
   */
  readonly placeholder: () => number | undefined;
  /** Puts the placeholder over these numbers of this process, which is about to become another program. Gives what undoes it. */
  readonly coverHere: (fds: readonly number[]) => () => void;
  /** Nothing can be marked, so each stray has to be covered by the placeholder: the stand-in. */
  readonly mustCover: boolean;
}

/** Where the system closes by itself (macOS), or nothing can: designated FDs are judged all the same. */
export const NO_STRAY_GUARD: StrayGuard = {
  arm: () => {},
  list: () => [],
  mark: () => {},
  begin: () => {},
  end: () => {},
  replace: () => {},
  way: () => 'nothing',
  spawning: () => 'unknown',
  placeholder: () => undefined,
  coverHere: () => () => {},
  mustCover: false,
};
