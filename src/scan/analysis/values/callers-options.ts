// Whether options, or the `stdio` in them, come from the caller of a function that other code can call.
//
// Code in the file that calls the function is followed to where its own options come from. A function is open
// to other code if it is exported, a method, or not called in the file.

import type { AnyNode, CallExpression, Identifier, MemberExpression, ObjectExpression } from 'acorn';
import { isAssign } from '../source/compiled-helpers';
import type { Tree } from '../source/index-tree';
import type { Path, Source } from '../source/scopes';
import { type FunctionNode, functionAround, isExports, keyOf, nameOf } from '../source/syntax';
import { areExclusive, isAlwaysBefore } from './branches';
import type { DataFlow } from './data-flow';

const BUDGET = 500;
/** Steps of the data flow for one call. */
const FLOW_BUDGET = 2000;
/** Arguments of an unknown function whose result has the caller's options: `normalize(options)`. */
const OPTIONS = /opt|conf|setting|param|extra/i;

export class CallersOptions {
  private seen = new Set<AnyNode>();
  private budget = 0;

  constructor(
    private readonly tree: Tree,
    private readonly flow: DataFlow,
  ) {}

  /** `node`: the options, or all arguments, of a call that starts a process. */
  isFromCaller(node: AnyNode): boolean {
    this.seen = new Set();
    this.budget = BUDGET;
    return this.flow.withBudget(FLOW_BUDGET, () => !this.isOverwritten(node) && this.reaches(node));
  }

  private reaches(node: AnyNode): boolean {
    if (this.seen.has(node) || this.budget-- <= 0) return false;
    this.seen.add(node);
    switch (node.type) {
      case 'Identifier':
        return this.nameReaches(node);
      case 'MemberExpression':
        return this.memberReaches(node);
      case 'ObjectExpression':
        return this.objectReaches(node);
      case 'CallExpression':
        return this.callReaches(node);
      case 'ConditionalExpression':
        return this.reaches(node.consequent) || this.reaches(node.alternate);
      case 'LogicalExpression':
        return this.reaches(node.left) || this.reaches(node.right);
      case 'AssignmentExpression':
        return this.reaches(node.right);
      case 'AwaitExpression':
        return this.reaches(node.argument);
      default:
        return false;
    }
  }

  private nameReaches(node: Identifier): boolean {
    const binding = this.tree.resolve(node);
    if (binding === undefined) return node.name === 'arguments' && this.isOpen(functionAround(node));
    return binding.sources.some(source => this.sourceReaches(source));
  }

  private sourceReaches(source: Source): boolean {
    if (source.from === 'import') return false;
    if (source.from === 'parameter')
      return (
        this.isOpen(source.fn) ||
        this.flow
          .argumentsFor(source.fn, source.index)
          .some(argument => this.partReaches(argument, source.path))
      );
    return this.partReaches(source.value, source.path);
  }

  private partReaches(node: AnyNode, [name]: Path): boolean {
    const found = name === undefined ? [] : this.flow.property(node, name);
    return found.some(value => this.reaches(value)) || this.reaches(node);
  }

  private memberReaches(node: MemberExpression): boolean {
    const name = keyOf(node);
    const found = name === undefined ? [] : this.flow.property(node.object, name);
    return found.some(value => this.reaches(value)) || this.reaches(node.object);
  }

  /** A `stdio` of its own overwrites those that are spread before it. */
  private objectReaches({ properties }: ObjectExpression): boolean {
    for (const property of [...properties].reverse()) {
      if (property.type === 'SpreadElement') {
        if (this.reaches(property.argument)) return true;
      } else if (keyOf(property) === 'stdio') return this.reaches(property.value);
    }
    return false;
  }

  private callReaches(call: CallExpression): boolean {
    if (isAssign(call)) return this.mergeReaches(call.arguments);
    const returned = this.flow.step(call) ?? [];
    if (returned.length > 0) return returned.some(value => this.reaches(value));
    const isOptions = (argument: AnyNode) =>
      argument.type === 'ObjectExpression' || OPTIONS.test(nameOfValue(argument) ?? '');
    return call.arguments.some(argument => isOptions(argument) && this.reaches(argument));
  }

  private mergeReaches(args: readonly AnyNode[]): boolean {
    for (const argument of [...args].reverse()) {
      if (this.reaches(argument)) return true;
      const isStdio = (property: AnyNode) => property.type === 'Property' && keyOf(property) === 'stdio';
      if (argument.type === 'ObjectExpression' && argument.properties.some(isStdio)) return false;
    }
    return false;
  }

  /** Whether the function sets `options.stdio` on all ways to the call. */
  private isOverwritten(options: AnyNode): boolean {
    const key = this.flow.key(options);
    if (key === undefined) return false;
    const writes = this.tree.assignments.filter(
      ({ left, right, operator }) =>
        operator === '=' &&
        left.type === 'MemberExpression' &&
        keyOf(left) === 'stdio' &&
        this.flow.key(left.object) === key &&
        functionAround(left) === functionAround(options) &&
        !this.reaches(right),
    );
    return writes.some(
      write => isAlwaysBefore(write, options) || writes.some(other => areExclusive(write, other)),
    );
  }

  /** Whether code outside of the file can call a function. */
  private isOpen(fn: FunctionNode | undefined): boolean {
    if (fn === undefined) return false;
    const parent = fn.parent as AnyNode;
    // A callback gets its arguments from the function that it is passed to.
    if (parent.type === 'CallExpression' && parent.callee !== fn) return false;
    const isPublic = parent.type === 'MethodDefinition' && parent.key.type !== 'PrivateIdentifier';
    return isPublic || this.isExported(fn) || !this.flow.isCalled(fn);
  }

  private isExported(fn: FunctionNode): boolean {
    const parent = fn.parent as AnyNode;
    const declaration = parent.type === 'VariableDeclarator' ? parent.parent?.parent : parent;
    if (declaration !== undefined && /^Export/.test(declaration.type)) return true;
    const name = fn.id?.name ?? (parent.type === 'VariableDeclarator' ? nameOf(parent.id) : undefined);
    if (parent.type === 'AssignmentExpression' && isExports(parent.left)) return true;
    return name !== undefined && this.tree.exportedNames.has(name);
  }
}

function nameOfValue(node: AnyNode): string | undefined {
  return node.type === 'MemberExpression' ? keyOf(node) : nameOf(node);
}
