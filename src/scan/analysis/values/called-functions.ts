// The functions of a file and the calls of them.

import type { AnyNode, CallExpression, Expression } from 'acorn';
import { calledName } from '../source/compiled-helpers';
import { pushTo, type Tree } from '../source/index-tree';
import { type FunctionNode, isFunction, keyOf, nameOf } from '../source/syntax';

/** Names such as `toString` or `get`: with more functions than this, the call may be of any of them. */
const MOST_METHODS = 3;
const MOST_CALLS = 40;

export class CalledFunctions {
  private readonly calls = new Map<string, CallExpression[]>();

  constructor(private readonly tree: Tree) {
    for (const call of tree.calls) {
      const name = call.type === 'CallExpression' ? calledName(call.callee) : undefined;
      if (name !== undefined) pushTo(this.calls, name, call as CallExpression);
    }
  }

  /** What the functions that a call may be of return. */
  returned(callee: AnyNode): readonly Expression[] {
    return this.functionsOf(callee).flatMap(fn => this.tree.returns.get(fn) ?? []);
  }

  functionsOf(callee: AnyNode): readonly FunctionNode[] {
    switch (callee.type) {
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return [callee];
      case 'Identifier':
        return (this.tree.resolve(callee)?.sources ?? []).flatMap(source => {
          if (source.from !== 'value' || source.path.length > 0) return [];
          return isFunction(source.value) ? [source.value] : [];
        });
      case 'SequenceExpression':
        return this.functionsOf(callee.expressions.at(-1) as AnyNode);
      case 'CallExpression': {
        // TypeScript's private methods: __classPrivateFieldGet(this, _instances, 'm', _method).
        const last = callee.arguments.at(-1);
        return callee.arguments.length === 4 && last !== undefined ? this.functionsOf(last) : [];
      }
      case 'MemberExpression': {
        const name = keyOf(callee);
        if (name === undefined) return [];
        if (name === 'call' || name === 'apply') return this.functionsOf(callee.object);
        const methods = this.tree.methods.get(name) ?? [];
        return methods.length <= MOST_METHODS ? methods : [];
      }
      default:
        return isFunction(callee) ? [callee] : [];
    }
  }

  isCalled(fn: FunctionNode): boolean {
    const candidates = this.calls.get(declaredName(fn) ?? '') ?? [];
    return (
      candidates.length > MOST_CALLS || candidates.some(call => this.functionsOf(call.callee).includes(fn))
    );
  }

  /** The arguments that the file's calls of a function pass for a parameter. */
  passedTo(fn: FunctionNode, index: number): readonly AnyNode[] {
    const name = declaredName(fn);
    const candidates = name === undefined ? [] : (this.calls.get(name) ?? []);
    if (candidates.length > MOST_CALLS) return [];
    return candidates.flatMap(call => {
      if (!this.functionsOf(call.callee).includes(fn)) return [];
      const shifted = call.callee.type === 'MemberExpression' && keyOf(call.callee) === 'call' ? 1 : 0;
      const argument = call.arguments[index + shifted];
      return argument === undefined || argument.type === 'SpreadElement' ? [] : [argument];
    });
  }
}

/** The name by which a function is called: its own, or that of the variable, member or property. */
function declaredName(fn: FunctionNode): string | undefined {
  if (fn.id) return fn.id.name;
  const parent = fn.parent as AnyNode;
  switch (parent.type) {
    case 'VariableDeclarator':
      return nameOf(parent.id);
    case 'AssignmentExpression':
      return parent.left.type === 'MemberExpression' ? keyOf(parent.left) : nameOf(parent.left);
    case 'Property':
    case 'MethodDefinition':
    case 'PropertyDefinition':
      return keyOf(parent);
    default:
      return undefined;
  }
}
