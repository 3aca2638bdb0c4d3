// One array that a `stdio` may be, and the operations of JavaScript's arrays on it.

import type { AnyNode } from 'acorn';
import type { Kind } from '../../../model/spawn-request';
import { numberOf } from '../source/syntax';

export interface StdioSlot {
  /** Empty if the slot passes nothing: 'ignore', null, a hole. */
  readonly kinds: readonly Kind[];
  /** The value is not written in this file. */
  readonly isOpen?: boolean;
}

export interface StdioArray {
  readonly slots: readonly StdioSlot[];
  /** Slots with unknown numbers: pushed in a loop, spread, set at a computed index. */
  readonly rest: readonly StdioSlot[];
  /** The nodes that write it: the array, each push. */
  readonly nodes: readonly AnyNode[];
  /** A function that may change it has had it. */
  readonly isHanded?: boolean;
}

export const EMPTY_SLOT: StdioSlot = { kinds: [] };
export const OPEN_SLOT: StdioSlot = { kinds: ['fd', 'pipe'], isOpen: true };
export const LARGEST_LENGTH = 1024;

/** Adds slots at the end. `unnumbered`: how many there are is unknown. */
export function append(base: StdioArray, more: readonly StdioSlot[], unnumbered: boolean): StdioArray {
  if (unnumbered || base.rest.length > 0) return { ...base, rest: [...base.rest, ...more] };
  return { ...base, slots: [...base.slots, ...more] };
}

export function concat(base: StdioArray, more: StdioArray, node: AnyNode): StdioArray {
  const nodes = [...base.nodes, node, ...more.nodes];
  return append({ ...base, nodes, rest: [...base.rest, ...more.rest] }, more.slots, false);
}

/** An array of the same length in which each slot is the given one. */
export function fillWith(
  { slots, rest }: StdioArray,
  slot: StdioSlot,
  nodes: readonly AnyNode[],
): StdioArray {
  return { slots: slots.map(() => slot), rest: rest.map(() => slot), nodes };
}

/** `Array(length)`. */
export function emptyArray(length: AnyNode, node: AnyNode): StdioArray {
  const count = numberOf(length);
  if (count === undefined || count > LARGEST_LENGTH) return { slots: [], rest: [EMPTY_SLOT], nodes: [node] };
  return { slots: Array.from({ length: count }, () => EMPTY_SLOT), rest: [], nodes: [node] };
}

export function slice(base: StdioArray, [from, to]: readonly AnyNode[], node: AnyNode): StdioArray {
  const [start, end] = [numberOf(from), numberOf(to)];
  if (start === undefined || (to !== undefined && end === undefined)) return withoutSome(base, node);
  return { slots: base.slots.slice(start, end), rest: base.rest, nodes: [...base.nodes, node] };
}

/** The array after a function that may have changed it. */
export function afterUnknown(base: StdioArray, call: AnyNode): StdioArray {
  const cut = withoutSome(base, call);
  return { ...cut, rest: [...cut.rest, OPEN_SLOT], isHanded: true };
}

/** Removes unknown elements. Those after them move to unknown, lower numbers. */
export function withoutSome({ slots, rest, nodes }: StdioArray, node: AnyNode): StdioArray {
  return { slots: slots.slice(0, 3), rest: [...slots.slice(3), ...rest], nodes: [...nodes, node] };
}
