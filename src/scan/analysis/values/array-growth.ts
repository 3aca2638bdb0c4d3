// How arrays grow: the changes of a variable or member, in the file and in functions that get the array.

import type { AnyNode, CallExpression } from 'acorn';
import { pushTo, type Tree } from '../source/index-tree';
import { functionAround } from '../source/syntax';
import { applyChange } from './apply-change';
import { areExclusive, isAfter, isApart, isInLoop, repeatedAround } from './branches';
import type { DataFlow } from './data-flow';
import { type ArrayEffect, type Handed, HandedArrays, type InnerChange } from './handed-arrays';
import { type Change, collectChanges } from './mutations';
import { afterUnknown, OPEN_SLOT, type StdioArray, type StdioSlot } from './stdio-array';

/** More arrays than this are not followed for one variable. */
const MOST_ARRAYS = 12;

export class ArrayGrowth {
  /** `push` and the like, writes to an index, and whatever makes an array shorter. */
  readonly changes: readonly Change[];
  /** The call that gets the arrays. */
  user: AnyNode | undefined;
  private readonly changesByKey = new Map<string, Change[]>();
  private readonly handed: HandedArrays;

  constructor(
    tree: Tree,
    private readonly flow: DataFlow,
    private readonly slot: (node: AnyNode | null) => StdioSlot,
  ) {
    this.changes = collectChanges(tree);
    this.handed = new HandedArrays(tree, flow, key => this.changesByKey.get(key) ?? []);
    for (const change of this.changes) {
      const key = flow.key(change.target);
      if (key !== undefined) pushTo(this.changesByKey, key, change);
    }
  }

  /** The arrays with all changes of the variable or member of that key, anywhere in the file. */
  grown(found: readonly StdioArray[], key: string | undefined, name: string): readonly StdioArray[] {
    if (key === undefined || found.length === 0) return found;
    const handed = this.handed.callsWith(key, name).map(handed => this.handOver(handed));
    return this.withChanges(found, [...(this.changesByKey.get(key) ?? []), ...handed]);
  }

  /** The arrays with the changes of functions that get the object: `addChannel(options)`. */
  grownInObject(
    found: readonly StdioArray[],
    key: string,
    owner: string,
    name: string,
  ): readonly StdioArray[] {
    if (found.length === 0) return found;
    const handed = this.handed.callsWith(key, owner).map(handed => this.handOver(handed, name));
    // What an unknown function does to an object is ignored: nearly all only read it.
    return this.withChanges(
      found,
      handed.filter(({ effect }) => effect !== undefined && effect.length > 0),
    );
  }

  private handOver(handed: Handed, member?: string): HandOver {
    return { node: handed.call, effect: this.handed.effectOf(handed, member) };
  }

  private withChanges(
    found: readonly StdioArray[],
    changes: readonly (Change | HandOver)[],
  ): readonly StdioArray[] {
    return [...changes]
      .sort((a, b) => a.node.start - b.node.start)
      .reduce(
        (found, change) =>
          found.flatMap(array => this.withChange(array, change, changes)).slice(0, MOST_ARRAYS),
        found,
      );
  }

  /** The array with a change, without it, or both. One array never has the changes of two branches. */
  private withChange(
    array: StdioArray,
    change: Change | HandOver,
    changes: readonly { readonly node: AnyNode }[],
  ): readonly StdioArray[] {
    const { node } = change;
    // A function that gets the array has made the change already.
    if (array.nodes.includes(node) || this.isBesideUse(node, array)) return [array];
    const rivals = changes.filter(other => areExclusive(other.node, node));
    if (rivals.some(({ node }) => array.nodes.includes(node))) return [array];
    const changed = 'how' in change ? this.changed(array, change) : this.handedOver(array, change);
    return rivals.length === 0 ? [changed] : [changed, array];
  }

  /** Whether the call that uses the array never sees the change. */
  private isBesideUse(change: AnyNode, { nodes }: StdioArray): boolean {
    const made = nodes[0] as AnyNode;
    return this.user !== undefined && (isApart(change, this.user, made) || isAfter(change, this.user, made));
  }

  private changed(array: StdioArray, change: Change, isLooped?: boolean): StdioArray {
    const added = change.values.map(value => (value.type === 'SpreadElement' ? OPEN_SLOT : this.slot(value)));
    const number = change.index && this.flow.number(change.index);
    const index = number === undefined ? change.index : ({ type: 'Literal', value: number } as AnyNode);
    const result = applyChange(array, index ? { ...change, index } : change, added, isLooped);
    return array.isHanded ? { ...result, isHanded: true } : result;
  }

  private handedOver(array: StdioArray, { node, effect }: HandOver): StdioArray {
    if (effect === undefined) return afterUnknown(array, node);
    const { user } = this;
    // The function that has the call changes its parameter, which the call gets.
    const isInside = ({ fn }: InnerChange) =>
      user !== undefined && fn.start <= user.start && user.end <= fn.end;
    const changed = effect.reduce(
      (array, inner) => (isInside(inner) ? array : this.withInner(array, inner, node)),
      array,
    );
    return { ...changed, nodes: [...changed.nodes, node] };
  }

  /** The change of a function, with the arguments of the call. */
  private withInner(array: StdioArray, { change, fn, calls }: InnerChange, outer: AnyNode): StdioArray {
    const made = array.nodes[0] as AnyNode;
    const isLooped =
      isInLoop(outer, repeatedAround(made)) ||
      isInLoop(change.node, fn) ||
      calls.slice(1).some(call => isInLoop(call, functionAround(call)));
    const last = calls.at(-1) as CallExpression;
    const read = () => this.changed(array, change, isLooped);
    return calls.slice(0, -1).reduceRight(
      (read, call) => () => this.inCall(call, read),
      () => this.flow.inCall(fn, last, read),
    )();
  }

  private inCall<T>(call: CallExpression, read: () => T): T {
    const [fn] = this.flow.exactFunctionsOf(call.callee) ?? [];
    return fn === undefined ? read() : this.flow.inCall(fn, call, read);
  }
}

/** A call that gets the array, and what it does to it. */
interface HandOver {
  readonly node: CallExpression;
  readonly effect: ArrayEffect;
}
