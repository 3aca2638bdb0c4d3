// `options.stdio` as it was read: once, so that what is evaluated is what the child gets.
//
// Slots are read as Node reads them (getValidStdio in lib/internal/child_process.js, the same in Node
// 18 to 26).

import type { Kind } from './spawn-request';

/** A call's `stdio`. What is evaluated, what Node gets and what the caller sees are views of this value. */
export interface Stdio {
  /** What the caller gave, a snapshot of it where there are `slots`; undefined if it could not be read. */
  readonly value: unknown;
  /** The snapshot, where the call names anything beyond FDs 0 to 2 or a message channel. */
  readonly slots: readonly unknown[] | undefined;
  /**
   * Set where `options.stdio` may read differently the next time: gives what the first reading gave, or
   * throws what that threw.
   */
  readonly replay: (() => unknown) | undefined;
}

/** A call without `stdio`, or one whose `stdio` only Node can refuse. */
export const NO_STDIO: Stdio = { value: undefined, slots: undefined, replay: undefined };

/** A `stdio` that no user code can change any more. */
export function toStdio(value: unknown): Stdio {
  return { value, slots: hasMoreThanStdio(value) ? value : undefined, replay: undefined };
}

// Captured, since the array may have another prototype; Node accepts that.
const { includes } = Array.prototype;

/** Whether `stdio` names anything beyond FDs 0, 1 and 2. Reads no elements one by one: most spawns end here. */
export function hasMoreThanStdio(stdio: unknown): stdio is readonly unknown[] {
  if (!Array.isArray(stdio)) return false;
  return stdio.length > 3 || includes.call(stdio, 'ipc');
}

/** One element of `stdio` that names an FD. */
export interface ParsedSlot {
  readonly index: number;
  /** The child's FD: elements before it may be holes, or values that Node leaves out. */
  readonly childFd: number;
  readonly kind: Exclude<Kind, 'stray'>;
  /** The parent's FD; undefined for a new channel. */
  readonly sourceFd: number | undefined;
  readonly value: unknown;
}

export interface Snapshot {
  readonly slots: readonly unknown[];
  /** Whether each element could be read. One that could not throws the same error again, for Node. */
  readonly complete: boolean;
}

/**
 * Reads each element of the caller's array once. Keeps holes, which Node collapses:
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
  // Like Node, includes elements that are not enumerable.
  if (stdio.length <= SPARSE)
    return Array.from({ length: stdio.length }, (_, index) => index).filter(index => index in stdio);
  // Only the elements that are there: a sparse array may claim to have four thousand million.
  return Object.getOwnPropertyNames(stdio)
    .filter(name => String(Number(name) >>> 0) === name)
    .map(Number);
}

/** Node reads `.fd` before any handle. The number that was read is the one that Node gets. */
export function normalizeSlot(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { fd } = value as { fd?: unknown };
  if (typeof fd !== 'number') return value;
  // Node takes a negative number for a pipe, and a negative `.fd` for an FD that is not open.
  return fd < 0 ? { fd } : fd;
}

/** Node reads the properties of functions, too. */
function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function rethrow(error: unknown): never {
  throw error;
}

/** The slots that name an FD, with the numbers that the child will have. */
export function parseSlots(stdio: readonly unknown[], sync: boolean): ParsedSlot[] {
  const slots: ParsedSlot[] = [];
  let childFd = 0;
  stdio.forEach((value, index) => {
    const read = parseSlot(value, index);
    if (read !== undefined) slots.push({ index, childFd, value, ...read });
    // Values that Node does not know: the synchronous functions leave them out, the others throw.
    const skipped = sync && isSkippedWhenSync(value);
    if (!skipped) childFd++;
  });
  return slots;
}

function parseSlot(value: unknown, index: number): Pick<ParsedSlot, 'kind' | 'sourceFd'> | undefined {
  if (value === 'pipe' || value === 'overlapped' || (typeof value === 'number' && value < 0))
    return { kind: 'pipe', sourceFd: undefined };
  if (value === 'ipc') return { kind: 'ipc', sourceFd: undefined };
  if (value === 'inherit') return { kind: 'fd', sourceFd: index };
  // Node's C++ code converts by ToInt32: 3.7 is 3, NaN is 0.
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

/** Node refuses an object without a handle, so such an object is passed on as it is. */
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
    // Thrown by a getter of user code; Node will get the error, too.
    return undefined;
  }
}
