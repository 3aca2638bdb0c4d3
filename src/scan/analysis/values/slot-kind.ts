// The kind of FD that a value in a slot passes, if the value is a literal or a known expression.

import type { AnyNode } from 'acorn';
import type { Kind } from '../../../model/spawn-request';
import { keyOf } from '../source/syntax';

export function slotKindOf(node: AnyNode): Kind | 'unknown' | undefined {
  switch (node.type) {
    case 'Literal':
      if (typeof node.value === 'number') return 'fd';
      if (typeof node.value === 'string') return isWord(node.value) ? WORDS[node.value] : 'unknown';
      return undefined;
    case 'TemplateLiteral':
      return node.expressions.length === 0
        ? slotKindOf({ type: 'Literal', value: node.quasis[0]?.value.cooked } as AnyNode)
        : 'unknown';
    case 'UnaryExpression':
      return node.operator === 'void' ? undefined : 'unknown';
    case 'Identifier':
      return node.name === 'undefined' ? undefined : 'unknown';
    case 'MemberExpression':
      return FD.test(keyOf(node) ?? '') ? 'fd' : 'unknown';
    case 'CallExpression':
    case 'NewExpression': {
      const { callee } = node;
      const name = callee.type === 'MemberExpression' ? keyOf(callee) : (callee as { name?: string }).name;
      return FD.test(name ?? '') ? 'fd' : 'unknown';
    }
    default:
      return 'unknown';
  }
}

/** Functions and properties whose value is certainly an FD or a stream. */
const FD = /^(?:openSync|createWriteStream|createReadStream|Number|parseInt|dupSync|stdin|stdout|stderr|fd)$/;

export function isWord(value: unknown): value is string {
  return typeof value === 'string' && Object.hasOwn(WORDS, value);
}

/** Node's words for a slot. */
const WORDS: Readonly<Record<string, Kind | undefined>> = {
  pipe: 'pipe',
  overlapped: 'pipe',
  ipc: 'ipc',
  inherit: 'fd',
  ignore: undefined,
};
