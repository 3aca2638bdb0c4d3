// `options.stdio` of user code: read once, and replaced so that user code sees no difference.
//
// Options may be anything: frozen, inherited, with getters, proxies, revoked proxies. Node gets what
// was read, errors included; the caller sees what Node writes.

import { hasMoreThanStdio, isSkippedWhenSync, NO_STDIO, type Stdio, snapshot, toStdio } from '../model/stdio';
import type { Plan } from './plan';

export type CallOptions = Record<PropertyKey, unknown>;

/** `util.types.isProxy`. JavaScript itself cannot detect a proxy. */
export type IsProxy = (value: unknown) => boolean;

// ---------------------------------------------------------------------------------------------
// Reading
// ---------------------------------------------------------------------------------------------

export function isOptions(value: unknown): value is CallOptions {
  return typeof value === 'object' && value !== null && !isRevoked(value) && !Array.isArray(value);
}

/** Every operation on a revoked proxy throws. Node's error depends on which operation comes first. */
export function isRevoked(value: unknown): boolean {
  try {
    Array.isArray(value);
    return false;
  } catch {
    return true;
  }
}

/** Reads a property that may be a getter of user code. Node will get what the getter throws. */
export function peek(options: CallOptions, key: PropertyKey): unknown {
  try {
    return options[key];
  } catch {
    return undefined;
  }
}

const { push } = Array.prototype;

/** Reads `stdio` once. */
export function readStdio(options: CallOptions, ownOnly: boolean, isProxy: IsProxy): Stdio {
  let value: unknown;
  let settled: boolean;
  try {
    const lies = isProxy(options);
    const descriptor = lies && !ownOnly ? undefined : Object.getOwnPropertyDescriptor(options, 'stdio');
    // The synchronous functions copy the options' own enumerable properties first.
    if (ownOnly && descriptor?.enumerable !== true) return NO_STDIO;
    settled = !lies && descriptor !== undefined && 'value' in descriptor;
    value = settled ? descriptor?.value : options.stdio;
  } catch (error) {
    return unreadable(() => rethrow(error));
  }
  if (isRevoked(value)) return NO_STDIO;
  try {
    return readArray(value, settled && !isProxy(value), ownOnly);
  } catch (error) {
    // Thrown by a proxy's trap. The next time the trap might answer, with slots that were not evaluated.
    if (isProxy(value)) return unreadable(() => refusing(error));
    // Thrown by a getter among the first three elements. Node will get the error, too.
    if (Array.isArray(value) && value.length <= 3) return NO_STDIO;
    throw error;
  }
}

function readArray(value: unknown, fixed: boolean, sync: boolean): Stdio {
  if (!hasMoreThanStdio(value))
    return { ...toStdio(value), replay: fixed || !Array.isArray(value) ? undefined : () => value };
  // Only a message channel makes a short array count, and the synchronous functions refuse one.
  if (sync && value.length <= 3) return NO_STDIO;
  if (!fill(value)) return NO_STDIO;
  const { slots, complete } = snapshot(value);
  if (!complete) return unreadable(() => slots);
  return { value: slots, slots, replay: fixed ? undefined : () => slots };
}

/** Fills the caller's array to three elements, as Node does next; Node fails if the array is frozen. */
function fill(slots: readonly unknown[]): boolean {
  if (slots.length < 3 && !Object.isExtensible(slots)) return false;
  while (slots.length < 3) push.call(slots, undefined);
  return true;
}

/** The slots as far as they can be read, where readStdio() failed. What is evaluated is what Node gets. */
export function fallbackStdio(options: CallOptions): Stdio {
  try {
    const { stdio } = options;
    const slots: unknown = Array.isArray(stdio) ? [...stdio] : stdio;
    return { ...toStdio(slots), replay: () => slots };
  } catch (error) {
    return unreadable(() => refusing(error));
  }
}

function unreadable(replay: () => unknown): Stdio {
  return { ...NO_STDIO, replay };
}

/** An array that throws the error where Node would have got it. */
function refusing(error: unknown): unknown[] {
  const refuse = () => rethrow(error);
  return new Proxy([], { get: refuse, has: refuse, set: refuse, ownKeys: refuse });
}

function rethrow(error: unknown): never {
  throw error;
}

// ---------------------------------------------------------------------------------------------
// Replacing
// ---------------------------------------------------------------------------------------------

/** What the call gets instead of its `stdio`. */
export interface Replacement {
  /** Throws what reading the caller's `stdio` threw. */
  readonly read: () => unknown;
  /** How many slots the caller may see. */
  readonly visible: number | undefined;
}

/**
 * What the call gets: its slots as they were read, with the placeholder in the denied ones and at the numbers
 * in `cover`, which the caller does not see. undefined leaves the call as it is.
 */
export function replaceStdio(
  { value, slots, replay }: Stdio,
  { denied }: Pick<Plan, 'denied'>,
  cover: readonly number[],
  placeholder: number | undefined,
  sync: boolean,
): Replacement | undefined {
  // What cannot be read starts no process, so there is nothing to cover.
  if (replay !== undefined && value === undefined) return { read: replay, visible: undefined };
  const replaced = slots && withPlaceholders(slots, denied, placeholder);
  if (placeholder !== undefined && cover.length > 0)
    return withCover(replaced ?? value, cover, placeholder, sync);
  if (replaced !== undefined) return { read: () => replaced, visible: undefined };
  return replay && { read: replay, visible: undefined };
}

/**
 * Left empty, the number of a denied slot would be free: the child's next file would get it, and what the
 * child writes to the FD that it was promised would land there. Below 3, Node opens the null device.
 */
export function withPlaceholders(
  slots: readonly unknown[],
  denied: Plan['denied'],
  placeholder: number | undefined,
): unknown[] {
  // By index, since this also runs where closefds failed, without the intrinsics that were captured at load.
  const replaced: unknown[] = [];
  replaced.length = slots.length;
  // Holes stay holes: Node skips them.
  for (let index = 0; index < slots.length; index++) if (index in slots) replaced[index] = slots[index];
  for (let at = 0; at < denied.length; at++) {
    const { index, childFd } = denied[at] as Plan['denied'][number];
    replaced[index] = childFd < 3 || placeholder === undefined ? 'ignore' : placeholder;
  }
  return replaced;
}

function withCover(stdio: unknown, fds: readonly number[], placeholder: number, sync: boolean): Replacement {
  const slots = compact(toArray(stdio), sync);
  const visible = slots.length;
  for (const fd of fds) {
    while (slots.length < fd) slots.push('ignore');
    slots[fd] = placeholder;
  }
  return { read: () => slots, visible };
}

/** Makes each element's index its FD in the child, as Node would. */
function compact(stdio: readonly unknown[], sync: boolean): unknown[] {
  const given = stdio.slice();
  while (given.length < 3) given.push(undefined);
  const slots: unknown[] = [];
  given.forEach((value, index) => {
    if (sync && isSkippedWhenSync(value)) return;
    // 'inherit' means the parent's FD with the element's own index.
    slots.push(value === 'inherit' && index !== slots.length ? index : value);
  });
  return slots;
}

function toArray(stdio: unknown): readonly unknown[] {
  if (Array.isArray(stdio)) return stdio;
  return typeof stdio === 'string' ? [stdio, stdio, stdio] : [];
}

/** The same options with another `stdio`, for functions that copy their options first. */
export function withStdio(options: CallOptions, { read }: Replacement, isProxy: IsProxy): CallOptions {
  // A proxy's descriptors do not show what its traps return.
  if (isProxy(options)) {
    const get = (target: CallOptions, key: PropertyKey) => (key === 'stdio' ? read() : target[key]);
    return new Proxy(options, { get });
  }
  const descriptors: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(options);
  const { stdio } = descriptors;
  descriptors.stdio = stdio?.get
    ? { ...stdio, enumerable: true, get: read }
    : { value: read(), writable: true, enumerable: true, configurable: true };
  return Object.create(Object.getPrototypeOf(options), descriptors) as CallOptions;
}

/** Marks options of a guarded call, so that its lower layer in Node is recognised. */
const TOKEN: unique symbol = Symbol('closefds.call');

/** The same options with a token, for functions that copy them first. Options that take none stay as they are. */
export function withToken(options: CallOptions, token: symbol, isProxy: IsProxy): CallOptions {
  const added = { value: token, writable: true, enumerable: true, configurable: true };
  if (!isProxy(options)) {
    const descriptors = { ...Object.getOwnPropertyDescriptors(options), [TOKEN]: added };
    return Object.create(Object.getPrototypeOf(options), descriptors) as CallOptions;
  }
  if (!Object.isExtensible(options)) return options;
  return new Proxy(options, {
    get: (target, key) => (key === TOKEN ? token : target[key]),
    ownKeys: target => [...Reflect.ownKeys(target), TOKEN],
    getOwnPropertyDescriptor: (target, key) =>
      key === TOKEN ? added : Reflect.getOwnPropertyDescriptor(target, key),
  });
}

export function hasToken(options: unknown, token: symbol): boolean {
  return isOptions(options) && peek(options, TOKEN) === token;
}

/**
 * Runs with another `stdio` in the same options object, for the function that writes into its options: the
 * caller sees what Node writes.
 */
export function withTemporaryStdio<T>(
  options: CallOptions,
  { read }: Replacement,
  isProxy: IsProxy,
  run: (options: CallOptions) => T,
): T {
  const own = isProxy(options) ? undefined : Object.getOwnPropertyDescriptor(options, 'stdio');
  if (isProxy(options) || own?.get !== undefined) return run(overlaid(options, read));
  // Node writes to `stdio` first and is about to fail there.
  if (own?.writable === false || (own === undefined && !Object.isExtensible(options))) return run(options);

  const lent = { writable: true, enumerable: true, configurable: true, ...own, value: read() };
  Object.defineProperty(options, 'stdio', lent);
  try {
    return run(options);
  } finally {
    if (options.stdio === lent.value) {
      if (own === undefined) delete options.stdio;
      else Object.defineProperty(options, 'stdio', own);
    }
  }
}

/** For options with getters. Reads after a write return what was written. */
function overlaid(options: CallOptions, read: () => unknown): CallOptions {
  let current = read;
  const get = () => current();
  const set = (value: unknown) => {
    options.stdio = value;
    current = () => value;
  };
  return Object.create(options, { stdio: { get, set, enumerable: true } }) as CallOptions;
}

/** Removes the added slots from spawnSync()'s result and from the errors of execSync() and execFileSync(). */
export function trimOutput(work: () => unknown, visible: number | undefined): unknown {
  if (visible === undefined) return work();
  try {
    return trim(work());
  } catch (error) {
    throw trim(error);
  }

  function trim(holder: unknown): unknown {
    const output = (holder as { output?: unknown } | null | undefined)?.output;
    if (Array.isArray(output) && output.length > (visible as number)) output.length = visible as number;
    return holder;
  }
}
