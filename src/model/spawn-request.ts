// What a spawn asks for: each FD that would cross exec, other than stdio.
//
// `options.stdio` is read as Node reads it (getValidStdio in lib/internal/child_process.js, the
// same in Node 18 to 26). What is judged is a snapshot, and the snapshot is what is used: an
// object that answers differently the second time changes nothing.

/** `fd`: an open FD of the parent; `pipe`: a new channel; `ipc`: Node's message channel; `stray`. */
export type Kind = 'fd' | 'pipe' | 'ipc' | 'stray';

export type FileType = 'file' | 'pipe' | 'socket' | 'tty' | 'device' | 'other';
export type Access = 'read' | 'write' | 'both';

/** What an FD refers to, as far as the system tells. */
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

/** An FD that would cross exec without anybody having designated it. */
export interface Stray {
  readonly fd: number;
  /** Tells the file from another that has this number later; see src/strays/stray-guard.ts. */
  readonly identity: string;
  /** It was open when closefds was loaded, so the process most likely inherited it. */
  readonly atStart: boolean;
  readonly file: OpenFile;
}

/** One FD that would cross exec. */
export interface ChildFd {
  readonly kind: Kind;
  /** The number it would have in the child. */
  readonly childFd: number;
  /** Its number in the parent; a new channel has none yet. */
  readonly sourceFd: number | undefined;
  readonly file: OpenFile;
  /** Designated by `withFds()`. */
  readonly explicit: boolean;
  readonly atStart: boolean;
}

/** A call of one of child_process's functions (or process.execve), as the patch saw it. */
export interface SpawnCall {
  readonly route: string;
  /** The file to execute, as given. */
  readonly command: string;
  readonly args: readonly string[];
  /** The child's environment as `NAME=value`; read only for a finding, since it may be long. */
  readonly environment: () => readonly string[];
  /** As the caller gave it, or a snapshot of it where it designates anything. */
  readonly stdio: unknown;
  /** The synchronous functions skip values they do not know, where the others throw. */
  readonly sync: boolean;
  /** Child FD -> source, as `withFds()` recorded it. */
  readonly explicit: Readonly<Record<number, unknown>> | undefined;
  /** `unsafe()`: the reason its caller gave. */
  readonly unsafe: string | undefined;
  /** Past child_process: the call leaves FDs of its own open here, like the master of a pty. */
  readonly native: boolean;
}

export interface SpawnRequest {
  readonly call: SpawnCall;
  /** The call's, if it designates anything. */
  readonly stdio: readonly unknown[] | undefined;
  /** Where each crossing that has a slot stands in `stdio`. */
  readonly indexes: ReadonlyMap<ChildFd, number>;
  readonly fds: readonly ChildFd[];
}

// The array may have another prototype than arrays have; Node does not mind.
const { includes } = Array.prototype;

/** Whether `stdio` designates anything beyond 0, 1 and 2. A look, not a reading: most spawns end here. */
export function designates(stdio: unknown): stdio is readonly unknown[] {
  if (!Array.isArray(stdio)) return false;
  return stdio.length > 3 || includes.call(stdio, 'ipc');
}

/** Reads a call that designates something, or strays that would go with it. */
export function toRequest(
  call: SpawnCall,
  strays: readonly Stray[],
  describe: (fd: number) => OpenFile,
): SpawnRequest {
  const stdio = designates(call.stdio) ? call.stdio : undefined;
  const indexes = new Map<ChildFd, number>();
  const fds: ChildFd[] = [];

  for (const slot of stdio === undefined ? [] : readSlots(stdio, call.sync)) {
    // Slots 0-2 are stdio, which always passes; a message channel may sit there too.
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

  // What a slot puts at a number hides the stray that has it. Where the slot is denied, the
  // stray must not show through either: see src/spawn/plan.ts.
  const taken = new Set(fds.map(fd => fd.childFd));
  for (const { fd, atStart, file } of strays) {
    if (taken.has(fd)) continue;
    fds.push({ kind: 'stray', childFd: fd, sourceFd: fd, file, explicit: false, atStart });
  }
  return { call, stdio, indexes, fds };
}

interface RequestSlot {
  readonly index: number;
  readonly childFd: number;
  readonly kind: Exclude<Kind, 'stray'>;
  readonly sourceFd: number | undefined;
  readonly value: unknown;
}

export interface Snapshot {
  readonly slots: readonly unknown[];
  /** Whether each could be read. One that could not throws the same again, for Node to meet. */
  readonly complete: boolean;
}

/**
 * The caller's array, each element read once. Keeps holes, which Node collapses:
 * `[, , , , , 'pipe']` is a pipe at FD 0. Throws only where `length` or `has` does, on a proxy.
 */
export function snapshot(stdio: readonly unknown[]): Snapshot {
  const slots: unknown[] = [];
  slots.length = stdio.length;
  let complete = true;
  for (const index of indexesOf(stdio)) {
    try {
      slots[index] = normalizeSlot(stdio[index]);
    } catch (error) {
      complete = false;
      Object.defineProperty(slots, index, { enumerable: true, get: () => rethrow(error) });
    }
  }
  return { slots, complete };
}

/** More slots than any spawn can have. */
const SPARSE = 10_000;

function indexesOf(stdio: readonly unknown[]): number[] {
  // As Node looks, hidden elements included.
  if (stdio.length <= SPARSE)
    return Array.from({ length: stdio.length }, (_, index) => index).filter(index => index in stdio);
  // Only the elements that are there: a sparse array may claim to have four thousand million.
  return Object.getOwnPropertyNames(stdio)
    .filter(name => String(Number(name) >>> 0) === name)
    .map(Number);
}

/** Node takes `.fd` before any handle; the number it gave now is the one that will be used. */
function normalizeSlot(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { fd } = value as { fd?: unknown };
  if (typeof fd !== 'number') return value;
  // By itself a negative number is a pipe to Node; as a property it is an FD that is not open.
  return fd < 0 ? { fd } : fd;
}

/** A function may have properties, and Node looks for them there, too. */
function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function rethrow(error: unknown): never {
  throw error;
}

function readSlots(stdio: readonly unknown[], sync: boolean): RequestSlot[] {
  const slots: RequestSlot[] = [];
  let childFd = 0;
  stdio.forEach((value, index) => {
    const read = readSlot(value, index);
    if (read !== undefined) slots.push({ index, childFd, value, ...read });
    // Only the synchronous functions get past a value that Node does not know, and leave it out.
    const skipped = sync && isSkippedWhenSync(value);
    if (!skipped) childFd++;
  });
  return slots;
}

function readSlot(value: unknown, index: number): Pick<RequestSlot, 'kind' | 'sourceFd'> | undefined {
  if (value === 'pipe' || value === 'overlapped' || (typeof value === 'number' && value < 0))
    return { kind: 'pipe', sourceFd: undefined };
  if (value === 'ipc') return { kind: 'ipc', sourceFd: undefined };
  if (value === 'inherit') return { kind: 'fd', sourceFd: index };
  // Node's C++ half converts as ToInt32 does: 3.7 is 3, NaN is 0.
  if (typeof value === 'number') return { kind: 'fd', sourceFd: value | 0 };
  if (isObject(value) && hasHandle(value)) return { kind: 'fd', sourceFd: handleFd(value) };
  // undefined, null, 'ignore', and what Node refuses by itself.
  return undefined;
}

/** Values that the synchronous functions leave out, where the others throw. */
export function isSkippedWhenSync(value: unknown): boolean {
  const known = ['pipe', 'overlapped', 'ipc', 'inherit', 'ignore'];
  return ArrayBuffer.isView(value) || (typeof value === 'string' && !known.includes(value));
}

/** An object without one is refused by Node, and has to get there for that. */
function hasHandle(value: object): boolean {
  try {
    const { handle, _handle } = value as { handle?: unknown; _handle?: unknown };
    return isObject(handle) || isObject(_handle);
  } catch {
    return true;
  }
}

/** The FD of a stream that Node would pass by its handle: a socket, a pipe, a terminal. */
function handleFd(value: object): number | undefined {
  try {
    const { handle, _handle } = value as { handle?: { fd?: unknown }; _handle?: { fd?: unknown } };
    const fd = handle?.fd ?? _handle?.fd;
    return typeof fd === 'number' && fd >= 0 ? fd : undefined;
  } catch {
    // A getter of the caller's; Node will meet it, too.
    return undefined;
  }
}

/** The record must still be true: options get reused and rebuilt. */
function isExplicit(slot: RequestSlot, explicit: SpawnCall['explicit']): boolean {
  return (
    explicit !== undefined &&
    Object.hasOwn(explicit, slot.childFd) &&
    normalizeSlot(explicit[slot.childFd]) === slot.value
  );
}
