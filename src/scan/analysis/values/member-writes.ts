// Writes to members of objects, anywhere in the file: `x.y = value`, `Object.assign(x, value)`, class fields.

import type { AnyNode, CallExpression, NewExpression } from 'acorn';
import { fieldOf, isAssign } from '../source/compiled-helpers';
import { pushTo, type Tree } from '../source/index-tree';
import { classAround, keyOf } from '../source/syntax';

export interface MemberWrites {
  /** The values that are assigned to a member, by its key. */
  readonly writes: ReadonlyMap<string, readonly AnyNode[]>;
  /** The objects that are copied into an object, by its key. */
  readonly merges: ReadonlyMap<string, readonly AnyNode[]>;
}

/** The same variable or member has the same key. Other expressions have none. */
export function variableKey(tree: Tree, node: AnyNode): string | undefined {
  if (node.type === 'Identifier') {
    const binding = tree.resolve(node);
    return binding === undefined ? `global ${node.name}` : `${binding.id}`;
  }
  if (node.type === 'ThisExpression') return thisKey(node);
  if (node.type !== 'MemberExpression') return undefined;
  const [object, name] = [variableKey(tree, node.object), keyOf(node)];
  return object === undefined || name === undefined ? undefined : `${object}.${name}`;
}

function thisKey(node: AnyNode): string {
  return `this ${classAround(node)?.start ?? ''}`;
}

export function collectMemberWrites(tree: Tree): MemberWrites {
  const writes = new Map<string, AnyNode[]>();
  const merges = new Map<string, AnyNode[]>();
  for (const { left, right } of tree.assignments)
    if (left.type === 'MemberExpression') add(writes, variableKey(tree, left), right);
  for (const call of tree.calls) addMerges(tree, call, merges);
  for (const call of tree.calls) {
    const field = fieldOf(call);
    const target = field && variableKey(tree, field.target);
    if (field !== undefined && target !== undefined) add(writes, `${target}.${field.name}`, field.value);
  }
  for (const field of tree.fields)
    if (field.value) add(writes, `${thisKey(field)}.${keyOf(field)}`, field.value);
  return { writes, merges };
}

function addMerges(tree: Tree, call: CallExpression | NewExpression, merges: Map<string, AnyNode[]>): void {
  const [target, ...others] = call.arguments;
  if (target === undefined || call.type !== 'CallExpression' || !isAssign(call)) return;
  for (const other of others)
    if (other.type !== 'SpreadElement') add(merges, variableKey(tree, target), other);
}

function add(map: Map<string, AnyNode[]>, key: string | undefined, value: AnyNode): void {
  if (key !== undefined) pushTo(map, key, value);
}
