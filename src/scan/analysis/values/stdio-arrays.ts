// The arrays that a `stdio` may be, where each is made.

import type { AnyNode, ArrayExpression, CallExpression, Identifier, NewExpression } from 'acorn';
import type { Kind } from '../../../model/spawn-request';
import { spreadBy } from '../source/compiled-helpers';
import type { Tree } from '../source/index-tree';
import { isFunction, keyOf, nameOf } from '../source/syntax';
import { ArrayGrowth } from './array-growth';
import type { DataFlow } from './data-flow';
import type { Change } from './mutations';
import { slotKindOf } from './slot-kind';
import {
  afterUnknown,
  append,
  concat,
  EMPTY_SLOT,
  emptyArray,
  fillWith,
  OPEN_SLOT,
  type StdioArray,
  type StdioSlot,
  slice,
  withoutSome,
} from './stdio-array';

const MOST_NAMES = 50;

type VisitedArrays = Set<AnyNode>;

export class StdioArrays {
  private readonly growth: ArrayGrowth;

  constructor(
    private readonly tree: Tree,
    private readonly flow: DataFlow,
  ) {
    this.growth = new ArrayGrowth(tree, flow, node => this.slot(node));
  }

  /** `push` and the like, writes to an index, and whatever makes an array shorter. */
  get changes(): readonly Change[] {
    return this.growth.changes;
  }

  /** The arrays that an expression may be. */
  of(node: AnyNode): readonly StdioArray[] {
    return this.arrays(node, new Set());
  }

  /** The arrays that a property may be in an object that a call gets. */
  inArgument(object: AnyNode, name: string, call: AnyNode): readonly StdioArray[] {
    this.growth.user = call;
    const found = this.ofProperty(object, name, new Set());
    this.growth.user = undefined;
    return found;
  }

  slot(node: AnyNode | null): StdioSlot {
    if (node === null) return EMPTY_SLOT;
    const kinds = new Set<Kind>();
    let isOpen = false;
    for (const value of this.flow.all(node)) {
      const kind = slotKindOf(value);
      if (kind === 'unknown') isOpen = true;
      else if (kind !== undefined) kinds.add(kind);
    }
    if (isOpen && kinds.size === 0) return OPEN_SLOT;
    return isOpen ? { kinds: [...kinds], isOpen } : { kinds: [...kinds] };
  }

  // -------------------------------------------------------------------------------------------
  // Where arrays are made
  // -------------------------------------------------------------------------------------------

  private arrays(node: AnyNode, seen: VisitedArrays): readonly StdioArray[] {
    if (seen.has(node)) return [];
    seen.add(node);
    if (node.type === 'ArrayExpression') return [this.ofLiteral(node, seen)];
    const built = this.ofCall(node, seen);
    if (built !== undefined) return built;
    const name = node.type === 'MemberExpression' ? keyOf(node) : undefined;
    if (node.type === 'MemberExpression' && name !== undefined)
      return this.ofProperty(node.object, name, seen);
    const steps = this.flow.step(node) ?? [];
    if (steps.length === 0 && node.type === 'CallExpression') return this.fromUnknown(node, seen);
    const found = steps.flatMap(value => this.arrays(value, seen));
    return this.growth.grown(found, this.flow.key(node), (node as Partial<Identifier>).name ?? '');
  }

  /** What a function from elsewhere makes of a `stdio`: `stdio: reserve(stdio, 'pipe')`. */
  private fromUnknown(call: CallExpression, seen: VisitedArrays): readonly StdioArray[] {
    if (this.growth.user === undefined) return [];
    const isStdio = (array: StdioArray) =>
      array.slots.some(({ isOpen, kinds }) => !isOpen && kinds.length > 0);
    return call.arguments
      .filter(({ type }) => /^(?:Identifier|MemberExpression|ArrayExpression)$/.test(type))
      .flatMap(argument => this.arrays(argument, seen))
      .filter(isStdio)
      .map(array => ({ ...afterUnknown(array, call), nodes: [call] }));
  }

  private ofProperty(object: AnyNode, name: string, seen: VisitedArrays): readonly StdioArray[] {
    const found = this.flow.property(object, name).flatMap(value => this.arrays(value, seen));
    /** Keys of the object, with its name. */
    const keys = new Map<string, string>();
    // `options.stdio.push()` may use any name that the object has on its way.
    const open = [object];
    const passed: VisitedArrays = new Set();
    for (let node = open.pop(); node !== undefined && passed.size < MOST_NAMES; node = open.pop()) {
      if (passed.has(node)) continue;
      passed.add(node);
      const key = this.flow.key(node);
      if (key !== undefined)
        keys.set(key, (node.type === 'MemberExpression' ? keyOf(node) : nameOf(node)) ?? '');
      open.push(...(this.flow.step(node) ?? []));
    }
    return [...keys].reduce<readonly StdioArray[]>(
      (found, [key, owner]) =>
        this.growth.grownInObject(this.growth.grown(found, `${key}.${name}`, name), key, owner, name),
      found,
    );
  }

  private ofLiteral(node: ArrayExpression, seen: VisitedArrays): StdioArray {
    let slots: StdioSlot[] = [];
    const rest: StdioSlot[] = [];
    const nodes: AnyNode[] = [node];
    for (const element of node.elements) {
      if (element?.type !== 'SpreadElement') {
        (rest.length > 0 ? rest : slots).push(this.slot(element));
        continue;
      }
      const spread = this.arrays(element.argument, seen).at(0);
      if (spread === undefined) rest.push(OPEN_SLOT);
      else {
        slots = [...slots, ...spread.slots];
        rest.push(...spread.rest);
        nodes.push(...spread.nodes);
      }
    }
    return { slots, rest, nodes };
  }

  /** `[...].concat()`, `Array(5).fill('pipe')`, `Array.from(...)`; undefined for other calls. */
  private ofCall(node: AnyNode, seen: VisitedArrays): readonly StdioArray[] | undefined {
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return undefined;
    const { callee, arguments: args } = node;
    if (callee.type === 'Identifier' && callee.name === 'Array') {
      const [length] = args;
      if (args.length !== 1 || length === undefined) return [this.ofElements(args, node)];
      return [emptyArray(length, node)];
    }
    const spread = spreadBy(node);
    if (spread !== undefined) {
      const [base, ...more] = spread;
      return this.joined(this.arrays(base, seen), more, node, seen);
    }
    return callee.type === 'MemberExpression'
      ? this.ofMethod(node, callee.object, keyOf(callee), seen)
      : undefined;
  }

  private ofMethod(
    node: CallExpression | NewExpression,
    object: AnyNode,
    name: string | undefined,
    seen: VisitedArrays,
  ): readonly StdioArray[] | undefined {
    const { arguments: args } = node;
    const [first] = args;
    switch (name) {
      case 'concat':
        return this.joined(this.arrays(object, seen), args, node, seen);
      case 'fill': {
        if (first === undefined) return undefined;
        const filled = this.slot(first);
        return this.arrays(object, seen).map(base => fillWith(base, filled, [...base.nodes, node]));
      }
      case 'slice': {
        const bases = this.arrays(object, seen);
        return args.length === 0 ? bases : bases.map(base => slice(base, args, node));
      }
      case 'from':
        return first === undefined ? undefined : this.fromList(first, args[1], node, seen);
      case 'map':
        return first === undefined ? undefined : this.mapped(this.arrays(object, seen), first, node);
      case 'filter':
        return this.arrays(object, seen).map(base => withoutSome(base, node));
      case 'of':
        return [this.ofElements(args, node)];
      default:
        return undefined;
    }
  }

  private ofElements(args: readonly AnyNode[], node: AnyNode): StdioArray {
    return { slots: args.map(argument => this.slot(argument)), rest: [], nodes: [node] };
  }

  /** `Array.from({ length: 4 }, () => 'pipe')`, `Array.from(list, x => ...)`. */
  private fromList(
    list: AnyNode,
    each: AnyNode | undefined,
    node: AnyNode,
    seen: VisitedArrays,
  ): readonly StdioArray[] | undefined {
    const [length] = this.flow.property(list, 'length');
    const base = length === undefined ? this.arrays(list, seen) : [emptyArray(length, node)];
    if (each === undefined) return base;
    const found = this.mapped(base, each, node);
    // Neither the number nor the values are known: execa's own `Array.from({ length }, (_, i) => stdio[i])`.
    const isUnknown = found.some(({ rest }) =>
      rest.some(({ kinds, isOpen }) => isOpen || kinds.length === 0),
    );
    return isUnknown ? undefined : found;
  }

  /** Arrays of the same length, with what the function returns in each slot. */
  private mapped(bases: readonly StdioArray[], each: AnyNode, node: AnyNode): readonly StdioArray[] {
    const returned = this.flow
      .all(each)
      .flatMap(fn => (isFunction(fn) ? (this.tree.returns.get(fn) ?? []) : []));
    const made = returned.map(value => this.slot(value));
    const slot: StdioSlot =
      made.length === 0
        ? OPEN_SLOT
        : {
            kinds: [...new Set(made.flatMap(({ kinds }) => kinds))],
            isOpen: made.some(({ isOpen }) => isOpen),
          };
    return bases.map(base => fillWith(base, slot, [...base.nodes, node]));
  }

  private joined(
    bases: readonly StdioArray[],
    args: readonly AnyNode[],
    node: AnyNode,
    seen: VisitedArrays,
  ): readonly StdioArray[] {
    return bases.map(base =>
      args.reduce<StdioArray>((joined, argument) => this.join(joined, argument, node, seen), base),
    );
  }

  private join(base: StdioArray, argument: AnyNode, node: AnyNode, seen: VisitedArrays): StdioArray {
    const [more] = this.arrays(argument, seen);
    if (more !== undefined) return concat(base, more, node);
    const slot = this.slot(argument);
    // An unknown argument may be an array.
    return append({ ...base, nodes: [...base.nodes, node] }, [slot], slot.isOpen === true);
  }
}
