// Helper functions of compilers, known by name or, when minified, by how they are called.
//
// TypeScript, Babel, SWC and esbuild write calls for `{ ...a }`, `[...a]` and class fields.

import type { AnyNode, CallExpression, NewExpression } from 'acorn';
import { keyOf, nameOf } from './syntax';

/** The name of a called function: `f` of `f`, `x.f`, `(0, x.f)` and `x.f.call`. */
export function calledName(callee: AnyNode): string | undefined {
  if (callee.type === 'SequenceExpression') return calledName(callee.expressions.at(-1) as AnyNode);
  if (callee.type === 'CallExpression') return nameOf(callee.arguments.at(-1) ?? callee);
  if (callee.type !== 'MemberExpression') return nameOf(callee);
  const name = keyOf(callee);
  return name === 'call' || name === 'apply' ? calledName(callee.object) : name;
}

/** `Object.assign()`, and what TypeScript, Babel and esbuild make of `{ ...a, b }`. */
const MERGERS: ReadonlySet<string> = new Set([
  'assign',
  'extend',
  '__assign',
  '__spreadProps',
  '__spreadValues',
  '_extends',
  '_objectSpread',
  '_objectSpread2',
]);

/** Whether a call copies properties into its first argument and returns it. */
export function isAssign({ callee, arguments: args }: CallExpression): boolean {
  if (MERGERS.has(calledName(callee) ?? '')) return true;
  // Minified helpers have no such name: `f(f({}, a), { b })`.
  const [first] = args;
  if (callee.type !== 'Identifier' || first === undefined || args.length < 2) return false;
  return first.type === 'ObjectExpression'
    ? first.properties.length === 0
    : first.type === 'CallExpression' && isAssign(first);
}

interface Field {
  readonly target: AnyNode;
  readonly name: string;
  readonly value: AnyNode;
}

/** A compiled class field: `__publicField(this, 'x', value)`, `_defineProperty(this, 'x', value)`. */
export function fieldOf({ callee, arguments: args }: CallExpression | NewExpression): Field | undefined {
  const [target, name, value] = args;
  if (args.length !== 3 || target === undefined || value === undefined) return undefined;
  if (name?.type !== 'Literal' || typeof name.value !== 'string') return undefined;
  const isField =
    target.type === 'ThisExpression'
      ? callee.type !== 'MemberExpression'
      : /publicField|define_?property$/i.test((callee as { name?: string }).name ?? '');
  return isField ? { target, name: name.value, value } : undefined;
}

type JoinedArrays = readonly [AnyNode, ...AnyNode[]];

/** The arrays that a compiled `[...a, ...b]` joins. */
export function spreadBy({
  callee,
  arguments: args,
}: CallExpression | NewExpression): JoinedArrays | undefined {
  const [first, second] = args;
  const name = calledName(callee) ?? '';
  if (first === undefined) return undefined;
  if (/^(?:_to_?consumable_?array|__read)$/i.test(name)) return [first];
  if (name === '__spread' || name === '__spreadArrays') return [first, ...args.slice(1)];
  // Minified helpers have no such name: `f(f([], a, true), b, false)`.
  const isSpread = name === '__spreadArray' || (callee.type === 'Identifier' && isEmptyOrSpread(first));
  return isSpread && second !== undefined ? [first, second] : undefined;
}

function isEmptyOrSpread(node: AnyNode): boolean {
  if (node.type === 'ArrayExpression') return node.elements.length === 0;
  return node.type === 'CallExpression' && (spreadBy(node)?.length ?? 0) > 1;
}
