// Mutations of arrays: `push` and the like, writes to an index, a shorter length.

import type { AnyNode, CallExpression } from 'acorn';
import type { Tree } from '../source/index-tree';
import { keyOf } from '../source/syntax';

export function collectChanges(tree: Tree): readonly Change[] {
  const changes: Change[] = [];
  for (const call of tree.calls) {
    if (call.type !== 'CallExpression' || call.callee.type !== 'MemberExpression') continue;
    const how = changeOf(call);
    const target = call.callee.object as AnyNode;
    if (how !== undefined) changes.push({ node: call, target, how, values: call.arguments });
  }
  for (const node of tree.assignments) {
    const { left, right } = node;
    if (left.type !== 'MemberExpression') continue;
    const target = left.object as AnyNode;
    const change = { node, target, values: [right] };
    if (!left.computed) {
      if (keyOf(left) === 'length') changes.push({ ...change, how: 'shrink' });
      continue;
    }
    const index = left.property;
    if (index.type === 'Literal' && typeof index.value !== 'number') continue;
    // `list[list.length] = x`.
    const isNext = index.type === 'MemberExpression' && keyOf(index) === 'length';
    changes.push(isNext ? { ...change, how: 'push' } : { ...change, how: 'index', index });
  }
  return changes.sort((a, b) => a.node.start - b.node.start);
}

function changeOf({ callee }: CallExpression): Exclude<Change['how'], 'index'> | undefined {
  const name = callee.type === 'MemberExpression' ? keyOf(callee) : undefined;
  if (name === 'pop' || name === 'shift') return 'shrink';
  return name === 'push' || name === 'unshift' || name === 'splice' || name === 'fill' ? name : undefined;
}

export interface Change {
  readonly node: AnyNode;
  /** The expression of the array. */
  readonly target: AnyNode;
  readonly how: 'push' | 'unshift' | 'splice' | 'fill' | 'index' | 'shrink';
  readonly values: readonly AnyNode[];
  readonly index?: AnyNode;
}
