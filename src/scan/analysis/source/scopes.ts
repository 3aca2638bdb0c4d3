// The scopes of a file: which declaration a name refers to, and where its values come from.
//
// See docs/dev/decisions/scan-scopes.md for why this is no library.

import type { AnyNode, Identifier, ImportDeclaration, VariableDeclaration } from 'acorn';
import { specifierOf } from './linked-modules';
import { eachName, eachPattern } from './patterns';
import { type FunctionNode, isFunction, nameOf, unwrapped } from './syntax';

/** Where a variable's value comes from. `path` leads into the value: `const { a: [, b] } = x`. */
export type Source =
  | { readonly from: 'value'; readonly value: AnyNode; readonly path: Path }
  | { readonly from: 'parameter'; readonly fn: FunctionNode; readonly index: number; readonly path: Path }
  | { readonly from: 'import'; readonly module: string; readonly path: Path };

export type Path = readonly string[];

/** In a path: any property or element. No property that is asked for has this name. */
export const ANY = '*';

export interface Binding {
  readonly id: number;
  readonly name: string;
  readonly sources: Source[];
}

type Names = Map<string, Binding>;

/** TypeScript's nodes that declare names. acorn's types do not have them. */
interface TypeScriptNode {
  readonly type: string;
  readonly id?: AnyNode;
  readonly moduleReference?: AnyNode & { readonly expression?: AnyNode };
}

/** Call `visit()` for every node of the tree, parents first; then `addAssigned()`; then `resolve()`. */
export class Scopes {
  private readonly names = new Map<AnyNode, Names>();
  /** The blocks of one namespace share their names. */
  private readonly namespaces = new Map<Binding, Names>();
  private readonly assigned: { readonly name: Identifier; readonly source: Source }[] = [];
  private bindings = 0;

  /** The binding of a name; undefined for globals. */
  resolve(name: Identifier): Binding | undefined {
    for (let node: AnyNode | undefined = name; node !== undefined; node = node.parent) {
      const binding = this.names.get(node)?.get(name.name);
      if (binding !== undefined) return binding;
    }
    return undefined;
  }

  /** Declares the names of a node. */
  visit(node: AnyNode): void {
    switch (node.type) {
      case 'AssignmentExpression':
        this.assign(node.left, node.right, node.operator);
        break;
      case 'VariableDeclaration':
        this.declareVariables(node);
        break;
      case 'ImportDeclaration':
        this.declareImports(node);
        break;
      case 'CatchClause':
        if (node.param) this.declarePattern(node.param, node);
        break;
      case 'ClassDeclaration':
        if (node.id) this.declare(node.id.name, asValue(node), scopeFor(node, false));
        break;
      case 'ClassExpression':
        if (node.id) this.declare(node.id.name, asValue(node), node);
        break;
      case 'FunctionDeclaration':
        if (node.id) this.declare(node.id.name, asValue(node), scopeFor(node, false));
        this.declareParameters(node);
        break;
      case 'FunctionExpression':
        if (node.id) this.declare(node.id.name, asValue(node), node);
        this.declareParameters(node);
        break;
      case 'ArrowFunctionExpression':
        this.declareParameters(node);
        break;
      default:
        this.visitTypeScript(node);
    }
  }

  /** Adds the values of assignments. Only now all declarations are known: `x = 1; var x`. */
  addAssigned(): void {
    for (const { name, source } of this.assigned) this.resolve(name)?.sources.push(source);
  }

  private visitTypeScript(node: AnyNode): void {
    const { type, id, moduleReference } = node as unknown as TypeScriptNode;
    if (id?.type !== 'Identifier') return;
    switch (type) {
      case 'TSEnumDeclaration':
      case 'TSDeclareFunction':
        this.declare(id.name, undefined, scopeFor(node, false));
        break;
      case 'TSModuleDeclaration':
        this.declareNamespace(id.name, node);
        break;
      case 'TSImportEqualsDeclaration':
        this.declare(id.name, moduleReference && referenced(moduleReference), scopeFor(node, false));
    }
  }

  private declare(name: string, source: Source | undefined, scope: AnyNode): Binding {
    const names = this.names.get(scope) ?? new Map<string, Binding>();
    this.names.set(scope, names);
    let binding = names.get(name);
    if (binding === undefined) {
      binding = { id: this.bindings++, name, sources: [] };
      names.set(name, binding);
    }
    if (source !== undefined) binding.sources.push(source);
    return binding;
  }

  private declareVariables(node: VariableDeclaration): void {
    const scope = scopeFor(node, node.kind === 'var');
    for (const { id, init } of node.declarations)
      eachName(id, init ?? undefined, [], (name, source) => this.declare(name.name, source, scope));
    const loop = node.parent;
    if (loop?.type !== 'ForOfStatement' || loop.left !== node) return;
    for (const { id } of node.declarations)
      eachName(id, loop.right, [ANY], (name, source) => this.declare(name.name, source, scope));
  }

  private declareImports({ specifiers, source, parent }: ImportDeclaration): void {
    const module = specifierOf(source, parent as AnyNode);
    for (const specifier of specifiers) {
      const path: string[] = [];
      if (specifier.type === 'ImportSpecifier') path.push(nameOf(specifier.imported) ?? '');
      if (specifier.type === 'ImportDefaultSpecifier') path.push('default');
      this.declare(specifier.local.name, { from: 'import', module, path }, parent as AnyNode);
    }
  }

  private declareParameters(fn: FunctionNode): void {
    for (const [index, parameter] of fn.params.entries())
      eachPattern(parameter, [], (name, path, fallback) => {
        this.declare(name.name, { from: 'parameter', fn, index, path }, fn);
        if (fallback !== undefined) this.declare(name.name, asValue(fallback), fn);
      });
  }

  private declarePattern(pattern: AnyNode, scope: AnyNode): void {
    eachName(pattern, undefined, [], (name, source) => this.declare(name.name, source, scope));
  }

  private declareNamespace(name: string, node: AnyNode): void {
    const { parent } = node;
    const { body, kind } = node as unknown as { readonly body?: AnyNode; readonly kind?: string };
    // The B of `namespace A.B {}` is a member of A, and `declare global` has no name.
    if (kind === 'global' || (parent?.type as string) === 'TSModuleDeclaration') return;
    const binding = this.declare(name, undefined, scopeFor(node, false));
    const shared = this.namespaces.get(binding) ?? new Map<string, Binding>();
    this.namespaces.set(binding, shared);
    if ((body?.type as string) === 'TSModuleBlock') this.names.set(body as AnyNode, shared);
  }

  private assign(left: AnyNode, right: AnyNode, operator: string): void {
    // `x ||= y` may give x the value y. `x += y` creates a value that the scan does not follow.
    if (left.type === 'MemberExpression' || !/^(?:\|\||&&|\?\?)?=$/.test(operator)) return;
    eachName(left, right, [], (name, source) => {
      if (source !== undefined) this.assigned.push({ name, source });
    });
  }
}

function asValue(node: AnyNode, path: Path = []): Source {
  return { from: 'value', value: unwrapped(node), path };
}

/** What is imported by `import cp = require('child_process')` and `import spawn = cp.spawn`. */
function referenced(reference: AnyNode & { readonly expression?: AnyNode }): Source | undefined {
  const { expression } = reference;
  if (expression?.type === 'Literal') return { from: 'import', module: String(expression.value), path: [] };
  const path: string[] = [];
  let entity = reference as unknown as { type: string; left: AnyNode; right: AnyNode };
  while (entity.type === 'TSQualifiedName') {
    path.unshift(nameOf(entity.right) ?? '?');
    entity = entity.left as unknown as typeof entity;
  }
  return entity.type === 'Identifier' ? asValue(entity as unknown as Identifier, path) : undefined;
}

/** Scopes of `var`. Functions and the program are others. */
const VAR_SCOPES: ReadonlySet<string> = new Set(['StaticBlock', 'TSModuleBlock']);

/** Scopes of `let`, `const`, classes and functions. */
const BLOCK_SCOPES: ReadonlySet<string> = new Set([
  'BlockStatement',
  'CatchClause',
  'ForInStatement',
  'ForOfStatement',
  'ForStatement',
  'SwitchStatement',
]);

function scopeFor(node: AnyNode, isVar: boolean): AnyNode {
  let scope = node.parent as AnyNode;
  while (scope.parent !== undefined) {
    if (isFunction(scope) || VAR_SCOPES.has(scope.type)) break;
    if (!isVar && BLOCK_SCOPES.has(scope.type)) break;
    scope = scope.parent;
  }
  return scope;
}
