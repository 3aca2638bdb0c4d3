// The FDs that the child of a spawn would have, other than FDs 0, 1 and 2.

import { normalizeSlot, type ParsedSlot, parseSlots, type Stdio } from './stdio';

/** `fd`: an open FD of the parent; `pipe`: a new channel; `ipc`: Node's message channel; `stray`. */
export type Kind = 'fd' | 'pipe' | 'ipc' | 'stray';

export type FileType = 'file' | 'pipe' | 'socket' | 'tty' | 'device' | 'other';
export type Access = 'read' | 'write' | 'both';

/** The open file of an FD, as far as the system reports it. */
export interface OpenFile {
  /** The link in `/proc/self/fd`: a path, `pipe:[8123]`, `socket:[77]`, `anon_inode:[eventpoll]`. */
  readonly target: string | undefined;
  readonly type: FileType | undefined;
  readonly access: Access | undefined;
  readonly isNullDevice: boolean;
}

export const UNKNOWN_FILE: OpenFile = {
  target: undefined,
  type: undefined,
  access: undefined,
  isNullDevice: false,
};

/** An FD that the child would inherit although no code designated it. */
export interface Stray {
  readonly fd: number;
  /** Differs for another file that has this number later; see src/strays/stray-guard.ts. */
  readonly identity: string;
  /** The FD was open when closefds was loaded, so the process most likely inherited it. */
  readonly atStart: boolean;
  readonly file: OpenFile;
}

/** One FD that the child would have. */
export interface ChildFd {
  readonly kind: Kind;
  /** The number it would have in the child. */
  readonly childFd: number;
  /** The number in the parent; undefined for a new channel. */
  readonly sourceFd: number | undefined;
  readonly file: OpenFile;
  /** Designated by `withFds()`. */
  readonly explicit: boolean;
  readonly atStart: boolean;
}

/** A call of a function of child_process, or of process.execve. */
export interface SpawnCall {
  readonly route: string;
  /** The file to execute, as given. */
  readonly command: string;
  readonly args: readonly string[];
  /** The child's variables, at least those that may name an FD, as `NAME=value`. Read only where there are strays or slots, since they may be many. */
  readonly environment: () => readonly string[];
  readonly stdio: Stdio;
  /** The synchronous functions skip unknown values; the others throw. */
  readonly sync: boolean;
  /** Child FD -> source, as `withFds()` recorded it. */
  readonly explicit: Readonly<Record<number, unknown>> | undefined;
  /** `unsafe()`: the reason that the caller gave. */
  readonly unsafe: string | undefined;
  /** A native spawn, not by child_process: it leaves FDs open in the parent, like the master of a pty. */
  readonly native: boolean;
}

export interface SpawnRequest {
  readonly call: SpawnCall;
  /** Where each FD that has a slot is in the call's slots. */
  readonly indexes: ReadonlyMap<ChildFd, number>;
  readonly fds: readonly ChildFd[];
  /** Further strays of a process with thousands of them. */
  readonly moreStrays?: readonly Stray[];
}

/** So many strays are values of their own: a few thousand objects take longer than the rest of a spawn. */
const MOST_STRAYS = 150;

/** Lists the FDs of a call: what its slots name, and the strays, the first of them as `fds`. */
export function toRequest(
  call: SpawnCall,
  strays: readonly Stray[],
  describe: (fd: number) => OpenFile,
): SpawnRequest {
  const indexes = new Map<ChildFd, number>();
  const fds: ChildFd[] = [];

  for (const slot of parseSlots(call.stdio.slots ?? [], call.sync)) {
    // Slots 0-2 are stdio, which always passes; a message channel may be there, too.
    if (slot.childFd < 3 && slot.kind !== 'ipc') continue;
    const fd = {
      kind: slot.kind,
      childFd: slot.childFd,
      sourceFd: slot.sourceFd,
      file: slot.sourceFd === undefined ? UNKNOWN_FILE : describe(slot.sourceFd),
      explicit: isExplicit(slot, call.explicit),
      atStart: false,
    };
    fds.push(fd);
    indexes.set(fd, slot.index);
  }

  // A slot replaces the stray with its number. If the slot is denied, the stray must not pass either: see
  // src/spawn/plan.ts.
  const taken = new Set(fds.map(fd => fd.childFd));
  const free = taken.size === 0 ? strays : strays.filter(({ fd }) => !taken.has(fd));
  for (const stray of free.slice(0, MOST_STRAYS)) fds.push(strayInChild(stray));
  return { call, indexes, fds, moreStrays: free.slice(MOST_STRAYS) };
}

/** The stray as the child would have it. */
export function strayInChild({ fd, atStart, file }: Stray): ChildFd {
  return { kind: 'stray', childFd: fd, sourceFd: fd, file, explicit: false, atStart };
}

/** Compares with the slot's value now: programs reuse and rebuild options. */
function isExplicit(slot: ParsedSlot, explicit: SpawnCall['explicit']): boolean {
  return (
    explicit !== undefined &&
    Object.hasOwn(explicit, slot.childFd) &&
    normalizeSlot(explicit[slot.childFd]) === slot.value
  );
}
