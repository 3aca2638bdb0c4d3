// Arrays that are passed to a function: what the function does to them.
//
// `put(stdio, 3, 'pipe')` changes its argument as `stdio[3] = 'pipe'` would. A function of this file is read for
// the changes that it makes; a function from elsewhere, or one that keeps the array, may make any.

import type { AnyNode, CallExpression, Identifier } from 'acorn';
import { calledName, isAssign, spreadBy } from '../source/compiled-helpers';
import { pushTo, type Tree } from '../source/index-tree';
import { type FunctionNode, keyOf, nameOf, pushChildren } from '../source/syntax';
import type { DataFlow } from './data-flow';
import type { Change } from './mutations';

/** Functions that do not change an array that they get. */
const HARMLESS =
  /^(?:assign|assert|clone|concat|deepEqual|entries|equal|error|exec\w*|fork|format|freeze|from|includes|indexOf|inspect|isArray|isDeepStrictEqual|join|keys|map|of|ok|push|resolve|seal|spawn\w*|String|stringify|structuredClone|then|unsafe|unshift|values|warn|withFds|\w*(?:debug|log|trace|verbose)\w*)$/i;
/** Methods that reorder an array. */
const REORDERS = /^(?:sort|reverse|copyWithin)$/;
/** A function that passes the array on to others is followed this far. */
const DEEPEST = 3;

/** An argument of a call. */
export interface Handed {
  readonly call: CallExpression;
  readonly index: number;
}

/** The changes that a function makes to its argument; undefined if it may make others. */
export type ArrayEffect = readonly InnerChange[] | undefined;

export interface InnerChange {
  readonly change: Change;
  readonly fn: FunctionNode;
  /** The calls that lead to the change, the outermost first. */
  readonly calls: readonly CallExpression[];
}

export class HandedArrays {
  private byName: Map<string, Handed[]> | undefined;

  constructor(
    private readonly tree: Tree,
    private readonly flow: DataFlow,
    private readonly changesOf: (key: string) => readonly Change[],
  ) {}

  /** The calls that get a variable or member as an argument. `name`: its own name, or that of the member. */
  callsWith(key: string, name: string): readonly Handed[] {
    const found = this.index().get(name) ?? [];
    return found.filter(({ call, index }) => this.flow.key(call.arguments[index] as AnyNode) === key);
  }

  /** `member`: the array is this property of the argument. */
  effectOf({ call, index }: Handed, member?: string, depth = 0): ArrayEffect {
    const functions = depth > DEEPEST ? undefined : this.flow.exactFunctionsOf(call.callee);
    const [fn, ...others] = functions ?? [];
    // Which of several functions is called is not known.
    if (fn === undefined || others.length > 0) return undefined;
    const parameter = nameOfParameter(fn.params[index]);
    if (parameter === undefined) return undefined;
    const key = this.flow.key(parameter);
    if (key === undefined) return undefined;
    if (member !== undefined) return this.changes(`${key}.${member}`, fn, call);
    const inner = this.innerEffects(parameter, fn, call, depth);
    return inner && inOrder([...this.changes(key, fn, call), ...inner]);
  }

  private changes(key: string, fn: FunctionNode, call: CallExpression): readonly InnerChange[] {
    return this.changesOf(key).map(change => ({ change, fn, calls: [call] }));
  }

  /** The effects of the calls that get the parameter; undefined if the array is kept, or is another one. */
  private innerEffects(
    parameter: Identifier,
    fn: FunctionNode,
    call: CallExpression,
    depth: number,
  ): ArrayEffect {
    const found: InnerChange[] = [];
    for (const use of usesOf(parameter, fn, this.tree)) {
      if (changesUnseen(use)) return undefined;
      const handed = handedBy(use);
      if (handed === undefined || isHarmless(handed.call)) continue;
      const effect = this.effectOf(handed, undefined, depth + 1);
      if (effect === undefined) return undefined;
      found.push(...effect.map(inner => ({ ...inner, calls: [call, ...inner.calls] })));
    }
    return found;
  }

  private index(): Map<string, Handed[]> {
    if (this.byName !== undefined) return this.byName;
    this.byName = new Map();
    for (const call of this.tree.calls) {
      if (call.type !== 'CallExpression' || isHarmless(call)) continue;
      for (const [index, argument] of call.arguments.entries()) {
        const name = argument.type === 'MemberExpression' ? keyOf(argument) : nameOf(argument);
        if (name !== undefined && argument.type !== 'Literal') pushTo(this.byName, name, { call, index });
      }
    }
    return this.byName;
  }
}

export function isHarmless(call: CallExpression): boolean {
  return HARMLESS.test(calledName(call.callee) ?? '') || isAssign(call) || spreadBy(call) !== undefined;
}

function nameOfParameter(parameter: AnyNode | undefined): Identifier | undefined {
  if (parameter?.type === 'AssignmentPattern') return nameOfParameter(parameter.left);
  return parameter?.type === 'Identifier' ? parameter : undefined;
}

function usesOf(parameter: Identifier, fn: FunctionNode, tree: Tree): readonly Identifier[] {
  const binding = tree.resolve(parameter);
  const found: Identifier[] = [];
  const open: AnyNode[] = [fn.body];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.type === 'Identifier' && node.name === parameter.name && tree.resolve(node) === binding)
      found.push(node);
    pushChildren(node, open);
  }
  return found;
}

/** Whether the parameter gets another value, another name, or another order. */
function changesUnseen(use: AnyNode): boolean {
  const { parent } = use;
  if (parent === undefined) return true;
  switch (parent.type) {
    case 'LogicalExpression':
    case 'ConditionalExpression':
    case 'AssignmentExpression':
      return parent.type === 'AssignmentExpression' || changesUnseen(parent);
    case 'VariableDeclarator':
      return true;
    case 'MemberExpression':
      return parent.object === use && REORDERS.test(keyOf(parent) ?? '');
    default:
      return false;
  }
}

function handedBy(use: AnyNode): Handed | undefined {
  const { parent } = use;
  if (parent?.type !== 'CallExpression' || parent.callee === use) return undefined;
  return { call: parent, index: parent.arguments.indexOf(use as Identifier) };
}

function inOrder(changes: readonly InnerChange[]): readonly InnerChange[] {
  const at = ({ change, calls }: InnerChange) => calls[1]?.start ?? change.node.start;
  return [...changes].sort((a, b) => at(a) - at(b));
}
