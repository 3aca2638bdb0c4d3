// The contract of a stray guard, which keeps undesignated FDs from crossing exec.
//
// It has two implementations: the addon (src/strays/native-guard.ts) and a fallback in JavaScript
// (src/strays/fallback-guard.ts).

/** A file's offset, read without touching the file. */
export interface FilePosition {
  readonly target: string;
  readonly offset: number;
}

/** An FD and the file that it refers to. */
export interface IdentifiedFd {
  readonly fd: number;
  /** Equal as long as the FD refers to the same file: device, inode and more. Opaque: only the guard reads it. */
  readonly identity: string;
}

/** A stray as the guard lists it. */
export interface ListedStray extends IdentifiedFd {
  readonly atStart: boolean;
}

/** How FDs are kept from children: the addon's ways to set close-on-exec, or the fallback's placeholders (`mask`). */
export type Mechanism = 'nothing' | 'close_range' | 'table' | 'proc' | 'mask';

/** How this process starts processes, as far as guarded spawns have shown. */
export type SpawnMethod = 'unknown' | 'fork' | 'other';

/** What the guard does for one spawn; see Plan in src/spawn/plan.ts. */
export interface Guarding {
  readonly keep: readonly IdentifiedFd[];
  readonly untouched: readonly number[];
}

export interface StrayGuard {
  /** To be called once in each thread. `byDefault`: also guard children of threads without closefds. */
  readonly arm: (byDefault: boolean) => void;
  /** What would cross exec. `marks`: this process sets close-on-exec, so an FD that has it may be a stray. */
  readonly list: (marks: boolean) => readonly ListedStray[];
  /**
   * Call before a spawn that keeps nothing, where children are guarded by default. Not between begin() and
   * end() of another spawn on the same thread: the child would get what that one keeps. Throws as begin() does.
   */
  readonly mark: () => void;
  /** Call before a spawn. Nests within another spawn. Throws if close-on-exec could not be set. */
  readonly begin: (guarding: Guarding) => void;
  /** Call after the spawn in every case. The last one that began ends first. */
  readonly end: (started: boolean) => void;
  /** Call before this process becomes another program. Throws if close-on-exec could not be set. */
  readonly replace: (guarding: Guarding) => void;
  /** The mechanism that was used last. */
  readonly way: () => Mechanism;
  readonly spawning: () => SpawnMethod;
  /**
   * An FD that takes the number of a denied one in a child, see native/placeholder.h. Undefined where the
   * system has none; throws if it cannot be opened.
   */
  readonly placeholder: () => number | undefined;
  /** Puts the placeholder over these numbers of this process, which is about to become another program. Returns an undo function. */
  readonly coverHere: (fds: readonly number[]) => () => void;
  /** The guard cannot set close-on-exec, so the call has to cover each stray with the placeholder. */
  readonly mustCover: boolean;
}

/** For systems that close by themselves (macOS), or where nothing can. Designated FDs are still judged. */
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
