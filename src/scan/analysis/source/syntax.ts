// Helpers for syntax trees: names, functions, loops, and children without their wrappers.

import type {
  AnonymousFunctionDeclaration,
  AnyNode,
  ArrayExpression,
  ArrowFunctionExpression,
  FunctionDeclaration,
  FunctionExpression,
} from 'acorn';

declare module 'acorn' {
  interface Node {
    /** Set by `indexTree()`. */
    parent?: AnyNode;
  }
}

export type FunctionNode =
  | ArrowFunctionExpression
  | FunctionDeclaration
  | FunctionExpression
  | AnonymousFunctionDeclaration;

export function isFunction(node: AnyNode): node is FunctionNode {
  return (
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression' ||
    node.type === 'FunctionDeclaration'
  );
}

export function functionAround(node: AnyNode): FunctionNode | undefined {
  for (let at = node.parent; at !== undefined; at = at.parent) if (isFunction(at)) return at;
  return undefined;
}

/** The class around a node, which is what `this` most likely is. Undefined in functions on a prototype. */
export function classAround(node: AnyNode): AnyNode | undefined {
  for (let at = node.parent; at !== undefined; at = at.parent)
    if (at.type === 'ClassDeclaration' || at.type === 'ClassExpression') return at;
  return undefined;
}

interface Keyed {
  readonly key?: AnyNode;
  readonly property?: AnyNode;
  readonly computed: boolean;
}

/** The name of a property or a member, if it is a literal or an identifier. */
export function keyOf({ key, property, computed }: Keyed): string | undefined {
  const node = key ?? property;
  if (node === undefined) return undefined;
  return computed && node.type !== 'Literal' ? undefined : nameOf(node);
}

export function nameOf(node: AnyNode): string | undefined {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'PrivateIdentifier') return `#${node.name}`;
  return node.type === 'Literal' ? String(node.value) : undefined;
}

/** `exports`, `exports.x`, `module.exports`. */
export function isExports(node: AnyNode): boolean {
  if (node.type === 'Identifier') return node.name === 'exports';
  if (node.type !== 'MemberExpression') return false;
  return keyOf(node) === 'exports' || isExports(node.object);
}

export function numberOf(node: AnyNode | undefined): number | undefined {
  return node?.type === 'Literal' && typeof node.value === 'number' ? node.value : undefined;
}

/** The elements of an array, without holes and spreads. */
export function elementsOf({ elements }: ArrayExpression): readonly AnyNode[] {
  return elements.filter(element => element !== null && element.type !== 'SpreadElement') as AnyNode[];
}

/** Nodes that do not change the value of the expression inside. */
const WRAPPERS: ReadonlySet<string> = new Set([
  'ChainExpression',
  'ParenthesizedExpression',
  'TSAsExpression',
  'TSInstantiationExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
  'TypeCastExpression',
]);
/** Keys of types, which have no values, and of comments and positions. */
const IGNORED = new Set([
  'comments',
  'end',
  'errors',
  'extra',
  'innerComments',
  'leadingComments',
  'loc',
  'parent',
  'range',
  'returnType',
  'start',
  'trailingComments',
  'type',
  'typeAnnotation',
  'typeArguments',
  'typeParameters',
]);

/** Pushes the children in reverse, sets their parents and removes wrappers. */
export function pushChildren(node: AnyNode, stack: AnyNode[]): void {
  const record = node as unknown as Record<string, unknown>;
  const first = stack.length;
  for (const key in record) {
    if (IGNORED.has(key)) continue;
    const child = record[key];
    if (typeof child !== 'object' || child === null) continue;
    if (Array.isArray(child)) pushElements(child, node, stack);
    else if (isNode(child)) stack.push(adopt(record, key, node));
  }
  // The last one pushed is the next one visited.
  for (let low = first, high = stack.length - 1; low < high; low++, high--)
    [stack[low], stack[high]] = [stack[high] as AnyNode, stack[low] as AnyNode];
}

function pushElements(children: unknown[], parent: AnyNode, stack: AnyNode[]): void {
  for (let index = 0; index < children.length; index++)
    if (isNode(children[index])) stack.push(adopt(children, index, parent));
}

function adopt(holder: object, key: string | number, parent: AnyNode): AnyNode {
  const slots = holder as Record<string | number, AnyNode>;
  const child = unwrapped(slots[key] as AnyNode);
  slots[key] = child;
  child.parent = parent;
  return child;
}

/**
 * The expression inside wrappers. The walk visits a node before its descendants lose their wrappers, so
 * every descendant that is stored needs this.
 */
export function unwrapped(node: AnyNode): AnyNode {
  let inner = node;
  while (WRAPPERS.has(inner.type)) inner = (inner as unknown as { expression: AnyNode }).expression;
  return inner;
}

function isNode(value: unknown): value is AnyNode {
  return typeof (value as AnyNode | null)?.type === 'string';
}
