// The functions of a file and the calls of them.

import type { AnyNode, CallExpression, Expression, MemberExpression } from 'acorn';
import { calledName } from '../source/compiled-helpers';
import { pushTo, type Tree } from '../source/index-tree';
import { specifierOf } from '../source/linked-modules';
import type { Source } from '../source/scopes';
import { classAround, type FunctionNode, isFunction, keyOf, nameOf } from '../source/syntax';

/** Names such as `toString` or `get`: with more functions than this, the call may be of any of them. */
const MOST_METHODS = 3;
const MOST_CALLS = 40;

export class CalledFunctions {
  private readonly calls = new Map<string, CallExpression[]>();
  private readonly current = new Map<FunctionNode, CallExpression>();

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
          const imported = this.importedBy(source);
          if (imported !== undefined) return this.functionsOf(imported);
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

  /** The functions that a call certainly is of; undefined if it may be of others, from elsewhere. */
  exactFunctionsOf(callee: AnyNode, depth = 0): readonly FunctionNode[] | undefined {
    if (isFunction(callee)) return [callee];
    if (callee.type === 'MemberExpression') return this.exactMethods(callee);
    if (callee.type !== 'Identifier' || depth > 3) return undefined;
    const found = (this.tree.resolve(callee)?.sources ?? []).map(source => {
      const imported = this.importedBy(source);
      if (imported !== undefined) return this.exactFunctionsOf(imported, depth + 1);
      return source.from === 'value' && source.path.length === 0
        ? this.exactFunctionsOf(source.value, depth + 1)
        : undefined;
    });
    return found.length === 0 || found.includes(undefined) ? undefined : found.flatMap(known => known ?? []);
  }

  /** What an import, or a variable for `require('./x')`, names in a linked module. */
  private importedBy(source: Source): AnyNode | undefined {
    let node = this.moduleOf(source);
    if (node === undefined || source.from === 'parameter') return undefined;
    for (const name of source.path) {
      // An interop helper's `default` may be the module itself.
      const found: AnyNode | undefined = node && propertyOf(node, name);
      node = found ?? (name === 'default' ? node : undefined);
    }
    return node;
  }

  private moduleOf(source: Source): AnyNode | undefined {
    if (source.from === 'import') return this.tree.importsOf(source.module);
    if (source.from !== 'value' || source.value.type !== 'CallExpression') return undefined;
    const { callee, arguments: args } = source.value;
    const [first] = args;
    const isRequire = callee.type === 'Identifier' && callee.name === 'require' && first?.type === 'Literal';
    return isRequire ? this.tree.importsOf(specifierOf(first, first)) : undefined;
  }

  /** The methods of `this`, and of an object that the file has a literal or a class for. */
  private exactMethods(callee: MemberExpression): readonly FunctionNode[] | undefined {
    const name = keyOf(callee);
    const methods = name === undefined ? [] : (this.tree.methods.get(name) ?? []);
    const [source, ...others] =
      callee.object.type === 'Identifier' ? (this.tree.resolve(callee.object)?.sources ?? []) : [];
    const module = source && others.length === 0 ? this.importedBy(source) : undefined;
    const imported = module && name !== undefined ? propertyOf(module, name) : undefined;
    if (imported !== undefined) return this.exactFunctionsOf(imported, 1);
    const owner = this.ownerOf(callee.object);
    if (owner === undefined) return undefined;
    const found = methods.filter(method => ownerAround(method) === owner);
    return found.length === 0 ? undefined : found;
  }

  private ownerOf(object: AnyNode): AnyNode | undefined {
    if (object.type === 'ThisExpression') return classAround(object);
    if (object.type !== 'Identifier') return undefined;
    const [source, ...others] = this.tree.resolve(object)?.sources ?? [];
    if (source?.from !== 'value' || source.path.length > 0 || others.length > 0) return undefined;
    return source.value;
  }

  isCalled(fn: FunctionNode): boolean {
    const candidates = this.calls.get(declaredName(fn) ?? '') ?? [];
    return (
      candidates.length > MOST_CALLS || candidates.some(call => this.functionsOf(call.callee).includes(fn))
    );
  }

  /** The arguments that the file's calls of a function pass for a parameter. */
  passedTo(fn: FunctionNode, index: number): readonly AnyNode[] {
    const current = this.current.get(fn);
    if (current !== undefined) return argumentAt(current, index);
    const name = declaredName(fn);
    const candidates = name === undefined ? [] : (this.calls.get(name) ?? []);
    if (candidates.length > MOST_CALLS) return [];
    return candidates.flatMap(call => {
      if (!this.functionsOf(call.callee).includes(fn)) return [];
      return argumentAt(call, index);
    });
  }

  /** Runs `read` as if the function had only this call. */
  inCall<T>(fn: FunctionNode, call: CallExpression, read: () => T): T {
    const before = this.current.get(fn);
    this.current.set(fn, call);
    try {
      return read();
    } finally {
      if (before === undefined) this.current.delete(fn);
      else this.current.set(fn, before);
    }
  }
}

function propertyOf(node: AnyNode, name: string): AnyNode | undefined {
  if (node.type !== 'ObjectExpression') return undefined;
  const found = node.properties.find(property => property.type === 'Property' && keyOf(property) === name);
  return found?.type === 'Property' ? found.value : undefined;
}

function argumentAt(call: CallExpression, index: number): readonly AnyNode[] {
  const shifted = call.callee.type === 'MemberExpression' && keyOf(call.callee) === 'call' ? 1 : 0;
  const argument = call.arguments[index + shifted];
  return argument === undefined || argument.type === 'SpreadElement' ? [] : [argument];
}

/** The class or the object literal that a method is in. */
function ownerAround(method: AnyNode): AnyNode | undefined {
  const { parent } = method;
  return parent?.type === 'Property' ? parent.parent : classAround(method);
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
