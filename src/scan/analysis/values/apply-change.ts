// A change applied to an array: the array after `push`, `splice`, a write to an index and the like.

import type { AnyNode, CallExpression } from 'acorn';
import { numberOf } from '../source/syntax';
import { isConditional, isInLoop, repeatedAround } from './branches';
import type { Change } from './mutations';
import {
  append,
  EMPTY_SLOT,
  fillWith,
  LARGEST_LENGTH,
  type StdioArray,
  type StdioSlot,
  withoutSome,
} from './stdio-array';

/** `added`: the slots that the change adds. `isLooped`: it runs more than once for an array. */
export function applyChange(
  base: StdioArray,
  change: Change,
  added: readonly StdioSlot[],
  isLooped = isInLoop(change.node, repeatedAround(base.nodes[0] as AnyNode)),
): StdioArray {
  const { node, how, values } = change;
  const nodes = [...base.nodes, node];
  const isRepeated = isLooped || values.some(value => value.type === 'SpreadElement');
  switch (how) {
    case 'push':
      return append({ ...base, nodes }, added, isRepeated);
    case 'fill':
      return fillWith(base, added[0] ?? EMPTY_SLOT, nodes);
    case 'unshift':
      if (isRepeated) return { slots: [], rest: [...added, ...base.slots, ...base.rest], nodes };
      return { slots: [...added, ...base.slots], rest: base.rest, nodes };
    case 'splice':
      return splice(base, node as CallExpression, added.slice(2), isRepeated);
    case 'shrink':
      // If only one branch shortens the array, it keeps its length in the other.
      return isConditional(node) ? base : withoutSome(base, node);
    case 'index':
      return setAt(base, numberOf(change.index), added[0] ?? EMPTY_SLOT, nodes);
  }
}

function splice(
  base: StdioArray,
  node: CallExpression,
  added: readonly StdioSlot[],
  isRepeated: boolean,
): StdioArray {
  const [start, count] = node.arguments.map(numberOf);
  const nodes = [...base.nodes, node];
  if (!isRepeated && start !== undefined && count === 0 && start <= base.slots.length) {
    const [before, after] = [base.slots.slice(0, start), base.slots.slice(start)];
    return { slots: [...before, ...added, ...after], rest: base.rest, nodes };
  }
  const kept = count === 0 || isConditional(node) ? base : withoutSome(base, node);
  return { ...kept, rest: [...kept.rest, ...added], nodes };
}

function setAt(
  base: StdioArray,
  index: number | undefined,
  value: StdioSlot,
  nodes: readonly AnyNode[],
): StdioArray {
  if (index === undefined || index > LARGEST_LENGTH) return { ...base, rest: [...base.rest, value], nodes };
  const length = Math.max(base.slots.length, index + 1);
  const slots = Array.from({ length }, (_, i) => base.slots[i] ?? EMPTY_SLOT);
  // Another branch may leave the old value: both are possible.
  slots[index] = { ...value, kinds: [...new Set([...(slots[index]?.kinds ?? []), ...value.kinds])] };
  return { slots, rest: base.rest, nodes };
}
