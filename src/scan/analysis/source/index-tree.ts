// One walk over a syntax tree: parents, scopes, and the nodes that the analysis starts from.
//
// The walk has its own stack, because a minified bundle is nested deeper than the call stack allows.

import type {
  AnyNode,
  ArrayExpression,
  AssignmentExpression,
  CallExpression,
  Expression,
  Identifier,
  MemberExpression,
  NewExpression,
  Program,
  Property,
  PropertyDefinition,
  VariableDeclarator,
} from 'acorn';
import { isOwnNode, isRelative, LINKED_START, type LinkedModule } from './linked-modules';
import { type Binding, Scopes } from './scopes';
import {
  type FunctionNode,
  functionAround,
  isExports,
  isFunction,
  keyOf,
  nameOf,
  pushChildren,
  unwrapped,
} from './syntax';

export interface Tree {
  readonly calls: readonly (CallExpression | NewExpression)[];
  readonly arrays: readonly ArrayExpression[];
  readonly members: readonly MemberExpression[];
  readonly properties: readonly Property[];
  readonly fields: readonly PropertyDefinition[];
  readonly assignments: readonly AssignmentExpression[];
  readonly declarators: readonly VariableDeclarator[];
  /** Methods and functions by name: of classes, of objects, assigned to a member. */
  readonly methods: ReadonlyMap<string, readonly FunctionNode[]>;
  /** What functions return, in the order of the text. */
  readonly returns: ReadonlyMap<FunctionNode, readonly Expression[]>;
  /** Names of variables and functions that the file exports. */
  readonly exportedNames: ReadonlySet<string>;
  /** Names of variables and members that are counted: `x++`, `x += 1`. */
  readonly counted: ReadonlySet<string>;
  readonly resolve: (name: Identifier) => Binding | undefined;
  /** What a relative module exports; undefined if it is not linked. */
  readonly importsOf: (module: string) => AnyNode | undefined;
  /** Relative modules that the analysis asked for. */
  readonly wanted: Set<string>;
}

export function indexTree(program: Program, linked: ReadonlyMap<string, LinkedModule> = new Map()): Tree {
  const index = new TreeIndex(linked);
  for (const [number, root] of [program, ...[...linked.values()].map(({ program }) => program)].entries()) {
    const stack: AnyNode[] = [root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      // The order of two nodes, and whether one is in the other, is told by their positions.
      node.start += number * LINKED_START;
      node.end += number * LINKED_START;
      index.visit(node);
      pushChildren(node, stack);
    }
  }
  index.scopes.addAssigned();
  return index;
}

/** The nodes of the file itself, in which sites are looked for. */
export function ownTree(tree: Tree): Tree {
  const own = <T extends AnyNode>(nodes: readonly T[]) => nodes.filter(isOwnNode);
  return {
    ...tree,
    calls: own(tree.calls),
    arrays: own(tree.arrays),
    members: own(tree.members),
    properties: own(tree.properties),
    fields: own(tree.fields),
    assignments: own(tree.assignments),
    declarators: own(tree.declarators),
    resolve: name => tree.resolve(name),
    importsOf: module => tree.importsOf(module),
  };
}

class TreeIndex implements Tree {
  readonly calls: (CallExpression | NewExpression)[] = [];
  readonly arrays: ArrayExpression[] = [];
  readonly members: MemberExpression[] = [];
  readonly properties: Property[] = [];
  readonly fields: PropertyDefinition[] = [];
  readonly assignments: AssignmentExpression[] = [];
  readonly declarators: VariableDeclarator[] = [];
  readonly methods = new Map<string, FunctionNode[]>();
  readonly returns = new Map<FunctionNode, Expression[]>();
  readonly exportedNames = new Set<string>();
  readonly counted = new Set<string>();
  readonly scopes = new Scopes();
  readonly wanted = new Set<string>();

  constructor(private readonly linked: ReadonlyMap<string, LinkedModule>) {}

  importsOf(module: string): AnyNode | undefined {
    if (!isRelative(module)) return undefined;
    this.wanted.add(module);
    return this.linked.get(module)?.exported;
  }

  resolve(name: Identifier): Binding | undefined {
    return this.scopes.resolve(name);
  }

  visit(node: AnyNode): void {
    this.scopes.visit(node);
    switch (node.type) {
      case 'ArrayExpression':
        this.arrays.push(node);
        break;
      case 'CallExpression':
      case 'NewExpression':
        // Babel recovers from a missing argument with null: `f(, x)`.
        node.arguments = node.arguments.filter(argument => argument !== null);
        this.calls.push(node);
        break;
      case 'MemberExpression':
        this.members.push(node);
        break;
      case 'Property':
        if ((node.parent as AnyNode).type !== 'ObjectExpression') break;
        this.properties.push(node as Property);
        this.addMethod(keyOf(node), node.value);
        break;
      case 'MethodDefinition':
        this.addMethod(keyOf(node), node.value);
        break;
      case 'PropertyDefinition':
        this.fields.push(node);
        this.addMethod(keyOf(node), node.value);
        break;
      case 'AssignmentExpression':
        this.assignments.push(node);
        if (node.left.type === 'MemberExpression') this.addMethod(keyOf(node.left), node.right);
        if (isExports(node.left)) this.addExported(node.right);
        if (node.operator.length === 2) this.addCounted(node.left);
        break;
      case 'UpdateExpression':
        this.addCounted(node.argument);
        break;
      case 'ExportSpecifier':
        this.addExported(node.local);
        break;
      case 'ExportDefaultDeclaration':
        this.addExported(node.declaration);
        break;
      case 'VariableDeclaration':
        this.declarators.push(...node.declarations);
        break;
      case 'ArrowFunctionExpression':
        if (node.expression) this.addReturn(node, node.body as Expression);
        break;
      case 'ReturnStatement':
        if (node.argument) this.addReturn(functionAround(node), node.argument);
    }
  }

  /** `module.exports = run`, `module.exports = { run }`, `exports.run = module.exports.start = run`. */
  private addExported(node: AnyNode): void {
    if (node.type === 'Identifier') this.exportedNames.add(node.name);
    else if (node.type === 'AssignmentExpression') this.addExported(node.right);
    else if (node.type === 'ObjectExpression')
      for (const property of node.properties)
        if (property.type === 'Property') this.addExported(property.value);
  }

  private addCounted(node: AnyNode): void {
    const name = node.type === 'MemberExpression' ? keyOf(node) : nameOf(node);
    if (name !== undefined) this.counted.add(name);
  }

  private addMethod(name: string | undefined, node: AnyNode | null | undefined): void {
    const fn = node == null ? undefined : unwrapped(node);
    if (name === undefined || fn === undefined || !isFunction(fn)) return;
    pushTo(this.methods, name, fn);
  }

  private addReturn(fn: FunctionNode | undefined, expression: Expression): void {
    if (fn !== undefined) pushTo(this.returns, fn, unwrapped(expression) as Expression);
  }
}

/** Adds a value to the list of a key. */
export function pushTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}
