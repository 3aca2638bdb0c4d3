// The interface of a stray guard, which keeps strays from children.
//
// The addon (src/strays/native-guard.ts) and the fallback guard (src/strays/fallback-guard.ts) implement it. "Mark"
// means: set close-on-exec.

import type { OpenFile, Stray } from '../model/spawn-request';

/** A file and its offset in bytes, read without changing the file. */
export interface FilePosition {
  readonly target: string;
  readonly offset: number;
}

/** An FD and the file that it refers to. */
export interface IdentifiedFd {
  readonly fd: number;
  /** Stays the same while the FD refers to the same file. Opaque: only the guard that made it reads it. */
  readonly identity: string;
}

/** What the list of strays tells of a file. */
export interface KnownFile {
  /** The file type: S_IFMT of inode(7); 0 for an eventfd and the like. */
  readonly format: number;
  /** The flags of open(2), of which O_ACCMODE and O_PATH are known. undefined beyond a thousand strays. */
  readonly flags: number | undefined;
  /** Of the device that a device file stands for. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/** Describes an open FD, with fewer system calls if some is known. */
export type Describe = (fd: number, known?: KnownFile) => OpenFile;

/** How FDs are kept from children: the addon's steps of the fallback chain, or `mask`, the fallback guard's placeholders. */
export type Mechanism = 'nothing' | 'close_range' | 'table' | 'proc' | 'mask';

/** How Node creates processes, as far as guarded spawns have shown. */
export type SpawnMethod = 'unknown' | 'fork' | 'other';

/** The guard's part of one spawn's plan; see Plan in src/spawn/plan.ts. */
export interface Guarding {
  readonly guarded: boolean;
  readonly keep: readonly IdentifiedFd[];
  readonly untouched: readonly number[];
  readonly deny: readonly IdentifiedFd[];
}

/** The deep guard, as the addon has it; native/deep_binding.c. */
export interface DeepAddon {
  /** Once in each thread. Returns false if it does not work here. */
  deepArm(policy: number): boolean;
  /** Looks at the loaded objects again if some came or went, or `always`. Returns whether it did. */
  deepWalk(always: boolean): boolean;
  deepState(): DeepState;
  /** The paths of the objects from this index on. That of the program is empty. */
  deepObjects(from: number): readonly string[];
  /** What processes get that the object makes: its policy, FDs that they keep, and a variable that names one. */
  deepSetObject(index: number, policy: number, keep: Int32Array, variable: string | undefined): void;
  /** Takes the records of processes that native code made. Only the main thread may call it. */
  deepRecords(): readonly DeepRecord[];
}

export interface DeepState {
  /** 1: libuv forks, and posix_spawn() of others is marked at the call; 2: each function has a wrapper. */
  readonly stage: number;
  readonly objects: number;
  readonly covered: number;
  readonly denied: number;
  readonly foreign: number;
  readonly old: number;
  /** Those of denied, foreign and old that are in Node itself. */
  readonly hostMissed: number;
  readonly canClose: boolean;
  readonly knowsActions: boolean;
  readonly leavesVfork: boolean;
  readonly markedCalls: number;
  readonly lostRecords: number;
}

/** One process that native code made; native/records.h. */
export interface DeepRecord {
  readonly kind: number;
  /** 0: none was made; -1: unknown. */
  readonly pid: number;
  /** An index of deepObjects(); -1: unknown. */
  readonly object: number;
  readonly isShell: boolean;
  /** Whether the FDs were listed. */
  readonly looked: boolean;
  readonly passed: boolean;
  readonly onThread: boolean;
  /** May be more than the lists have. */
  readonly strayCount: number;
  readonly designatedCount: number;
  readonly strays: readonly number[];
  /** Of the strays. */
  readonly inodes: readonly number[];
  readonly designated: readonly number[];
  readonly command: string;
}

export interface StrayGuard {
  /** Undefined where there is no deep guard: without the addon, and on other systems and processors. */
  readonly deep?: DeepAddon | undefined;
  /** Call once in each thread. With `byDefault`, children of threads without closefds are guarded too. */
  readonly arm: (byDefault: boolean) => void;
  /**
   * The FDs that a child would get, by number. With `marks`, also those that the guard has marked itself. Returns
   * the same list while nothing in it changed, and the same value for a stray that did not.
   */
  readonly list: (marks: boolean, describe: Describe) => readonly Stray[];
  /**
   * Prepares a spawn that keeps no stray, if children are guarded by default. Do not call it between begin() and
   * end() on the same thread: the child would get the strays that the outer spawn keeps. Throws as begin() does.
   */
  readonly mark: () => void;
  /** Prepares a spawn. Throws if no mechanism works. May be called between begin() and end() of another spawn. */
  readonly begin: (guarding: Guarding) => void;
  /**
   * Ends the innermost spawn. Call it even if the spawn threw. `started`: Node created a process. Returns whether a
   * fork ran the handlers.
   */
  readonly end: (started: boolean) => boolean;
  /**
   * Prepares process.execve(). Throws if no mechanism works. Returns a function for a call that failed: it restores
   * the flags of denied FDs.
   */
  readonly replace: (guarding: Guarding) => () => void;
  /** The mechanism that was used last. */
  readonly way: () => Mechanism;
  readonly spawning: () => SpawnMethod;
  /**
   * The FD that replaces a denied FD in a child, see native/placeholder.h. Undefined on systems without
   * placeholders. Throws if it cannot be opened.
   */
  readonly placeholder: () => number | undefined;
  /** Puts the placeholder over FDs of this process, before process.execve(). Returns a function that undoes it. */
  readonly coverHere: (fds: readonly number[]) => () => void;
  /** Whether each stray needs a placeholder, because this guard cannot mark. True for the fallback guard. */
  readonly mustCover: boolean;
  /**
   * Whether an environment variable of this process changed since the last call. Only the main thread may call it,
   * while it shares its variables with no worker. Undefined without the addon.
   */
  readonly hasEnvironmentChanged?: (() => boolean) | undefined;
  /** Gives memory back that malloc() keeps for later, in a process that has little of it. Undefined without the addon. */
  readonly releaseSpareMemory?: (() => void) | undefined;
}

/** Does nothing: for systems that close strays themselves (macOS), and those where closefds cannot. */
export const NO_STRAY_GUARD: StrayGuard = {
  arm: () => {},
  list: () => [],
  mark: () => {},
  begin: () => {},
  end: () => false,
  replace: () => () => {},
  way: () => 'nothing',
  spawning: () => 'unknown',
  placeholder: () => undefined,
  coverHere: () => () => {},
  mustCover: false,
};
