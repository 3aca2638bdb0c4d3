// One walk over a syntax tree: parents, names, and the nodes that the analysis starts from.
//
// The walk keeps its own stack, since a minified bundle nests deeper than the machine's.

import type {
  AnonymousFunctionDeclaration,
  AnyNode,
  ArrayExpression,
  ArrowFunctionExpression,
  AssignmentExpression,
  CallExpression,
  Expression,
  FunctionDeclaration,
  FunctionExpression,
  Identifier,
  MemberExpression,
  NewExpression,
  Program,
  Property,
  PropertyDefinition,
  VariableDeclarator,
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

/** Where a variable's value comes from. `path` leads into the value: `const { a: [, b] } = x`. */
export type Source =
  | { readonly from: 'value'; readonly value: AnyNode; readonly path: Path }
  | { readonly from: 'parameter'; readonly fn: FunctionNode; readonly index: number; readonly path: Path }
  | { readonly from: 'import'; readonly module: string; readonly path: Path };

export type Path = readonly string[];

/** In a path: whichever of them. No property that is asked for has this name. */
export const ANY = '*';

export interface Binding {
  readonly id: number;
  readonly name: string;
  readonly sources: Source[];
}

export interface Tree {
  readonly calls: readonly (CallExpression | NewExpression)[];
  readonly arrays: readonly ArrayExpression[];
  readonly members: readonly MemberExpression[];
  readonly properties: readonly Property[];
  readonly fields: readonly PropertyDefinition[];
  readonly assignments: readonly AssignmentExpression[];
  readonly declarators: readonly VariableDeclarator[];
  /** Methods and functions under a name: of classes, of objects, assigned to a member. */
  readonly methods: ReadonlyMap<string, readonly FunctionNode[]>;
  /** What functions return, in the order of the text. */
  readonly returns: ReadonlyMap<FunctionNode, readonly Expression[]>;
  readonly resolve: (name: Identifier) => Binding | undefined;
}

export function indexTree(program: Program): Tree {
  const scopes = new Map<AnyNode, Map<string, Binding>>();
  const methods = new Map<string, FunctionNode[]>();
  const returns = new Map<FunctionNode, Expression[]>();
  const writes: { readonly name: Identifier; readonly source: Source }[] = [];
  const tree = {
    calls: [] as (CallExpression | NewExpression)[],
    arrays: [] as ArrayExpression[],
    members: [] as MemberExpression[],
    properties: [] as Property[],
    fields: [] as PropertyDefinition[],
    assignments: [] as AssignmentExpression[],
    declarators: [] as VariableDeclarator[],
  };
  let bindings = 0;

  const stack: AnyNode[] = [program];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    visit(node);
    pushChildren(node, stack);
  }
  for (const { name, source } of writes) resolve(name)?.sources.push(source);
  return { ...tree, methods, returns, resolve };

  function visit(node: AnyNode): void {
    switch (node.type) {
      case 'ArrayExpression':
        tree.arrays.push(node);
        break;
      case 'CallExpression':
      case 'NewExpression':
        // Babel reads on where there is an argument too few: `f(, x)`.
        node.arguments = node.arguments.filter(argument => argument !== null);
        tree.calls.push(node);
        break;
      case 'MemberExpression':
        tree.members.push(node);
        break;
      case 'Property':
        if ((node.parent as AnyNode).type !== 'ObjectExpression') break;
        tree.properties.push(node as Property);
        addMethod(keyOf(node), node.value);
        break;
      case 'MethodDefinition':
        addMethod(keyOf(node), node.value);
        break;
      case 'PropertyDefinition':
        tree.fields.push(node);
        addMethod(keyOf(node), node.value);
        break;
      case 'AssignmentExpression':
        tree.assignments.push(node);
        if (node.left.type === 'MemberExpression') addMethod(keyOf(node.left), node.right);
        // `x ||= y` gives x another value; `x += y` gives it none that is of interest here.
        else if (/^(?:\|\||&&|\?\?)?=$/.test(node.operator))
          eachName(node.left, node.right, [], (name, source) => {
            if (source !== undefined) writes.push({ name, source });
          });
        break;
      case 'VariableDeclaration':
        for (const declarator of node.declarations) {
          tree.declarators.push(declarator);
          eachName(declarator.id, declarator.init ?? undefined, [], (name, source) =>
            declare(name.name, source, scopeFor(node, node.kind === 'var')),
          );
        }
        break;
      case 'ForOfStatement':
        if (node.left.type === 'VariableDeclaration') {
          const scope = node.left.kind === 'var' ? scopeFor(node, true) : node;
          for (const { id } of node.left.declarations)
            eachName(id, node.right, [ANY], (name, source) => declare(name.name, source, scope));
        }
        break;
      case 'ImportDeclaration':
        for (const specifier of node.specifiers) {
          const path =
            specifier.type === 'ImportSpecifier'
              ? [nameOf(specifier.imported) ?? '']
              : specifier.type === 'ImportDefaultSpecifier'
                ? ['default']
                : [];
          const source = { from: 'import', module: String(node.source.value), path } as const;
          declare(specifier.local.name, source, program);
        }
        break;
      case 'ClassDeclaration':
        if (node.id) declare(node.id.name, value(node), scopeFor(node, false));
        break;
      case 'FunctionDeclaration':
        if (node.id) declare(node.id.name, value(node), scopeFor(node, false));
        parameters(node);
        break;
      case 'FunctionExpression':
        if (node.id) declare(node.id.name, value(node), node);
        parameters(node);
        break;
      case 'ArrowFunctionExpression':
        parameters(node);
        if (node.expression) addReturn(node, node.body as Expression);
        break;
      case 'ReturnStatement': {
        const fn = functionAround(node);
        if (fn !== undefined && node.argument) addReturn(fn, node.argument);
        break;
      }
      default:
        typescriptImport(node);
    }
  }

  function value(node: AnyNode, path: Path = []): Source {
    return { from: 'value', value: unwrapped(node), path };
  }

  function parameters(fn: FunctionNode): void {
    for (const [index, parameter] of fn.params.entries())
      eachPattern(parameter, [], (name, path, fallback) => {
        declare(name.name, { from: 'parameter', fn, index, path }, fn);
        if (fallback !== undefined) declare(name.name, value(fallback), fn);
      });
  }

  /** `import cp = require('child_process')`. */
  function typescriptImport(node: AnyNode): void {
    const { type, id, moduleReference } = node as unknown as Record<string, AnyNode> & { type: string };
    if (type !== 'TSImportEqualsDeclaration' || id?.type !== 'Identifier') return;
    const { expression } = moduleReference as unknown as { expression?: AnyNode };
    if (expression?.type !== 'Literal') return;
    declare(id.name, { from: 'import', module: String(expression.value), path: [] }, program);
  }

  function declare(name: string, source: Source | undefined, scope: AnyNode): void {
    let names = scopes.get(scope);
    if (names === undefined) {
      names = new Map();
      scopes.set(scope, names);
    }
    let binding = names.get(name);
    if (binding === undefined) {
      binding = { id: bindings++, name, sources: [] };
      names.set(name, binding);
    }
    if (source !== undefined) binding.sources.push(source);
  }

  function resolve(name: Identifier): Binding | undefined {
    for (let node: AnyNode | undefined = name; node !== undefined; node = node.parent) {
      const binding = scopes.get(node)?.get(name.name);
      if (binding !== undefined) return binding;
    }
    return undefined;
  }

  function addMethod(name: string | undefined, node: AnyNode | null | undefined): void {
    const fn = node == null ? undefined : unwrapped(node);
    if (name === undefined || fn === undefined || !isFunction(fn)) return;
    const known = methods.get(name);
    if (known === undefined) methods.set(name, [fn]);
    else known.push(fn);
  }

  function addReturn(fn: FunctionNode, expression: Expression): void {
    const known = returns.get(fn);
    const returned = unwrapped(expression) as Expression;
    if (known === undefined) returns.set(fn, [returned]);
    else known.push(returned);
  }
}

/** Every name that a pattern gives a value to. */
function eachName(
  pattern: AnyNode,
  init: AnyNode | undefined,
  path: Path,
  give: (name: Identifier, source: Source | undefined) => void,
): void {
  eachPattern(pattern, path, (name, path, fallback) => {
    give(name, init === undefined ? undefined : { from: 'value', value: unwrapped(init), path });
    if (fallback !== undefined) give(name, { from: 'value', value: unwrapped(fallback), path: [] });
  });
}

function eachPattern(
  pattern: AnyNode,
  path: Path,
  give: (name: Identifier, path: Path, fallback: AnyNode | undefined) => void,
  fallback?: AnyNode,
): void {
  switch (pattern.type) {
    case 'Identifier':
      give(pattern, path, fallback);
      break;
    case 'AssignmentPattern':
      eachPattern(pattern.left, path, give, pattern.right);
      break;
    case 'ObjectPattern':
      for (const property of pattern.properties)
        if (property.type === 'Property')
          eachPattern(property.value, [...path, keyOf(property) ?? '?'], give);
        // What is left over still holds what is asked for by name.
        else eachPattern(property.argument, path, give);
      break;
    case 'ArrayPattern':
      for (const [index, element] of pattern.elements.entries())
        if (element !== null) eachPattern(element, [...path, String(index)], give);
      break;
    case 'RestElement':
      eachPattern(pattern.argument, [...path, '...'], give);
      break;
    default:
      // `constructor(private readonly x: T)`.
      if ((pattern.type as string) === 'TSParameterProperty')
        eachPattern((pattern as unknown as { parameter: AnyNode }).parameter, path, give);
  }
}

const SCOPES = new Set([
  'BlockStatement',
  'CatchClause',
  'ForInStatement',
  'ForOfStatement',
  'ForStatement',
  'Program',
  'StaticBlock',
  'SwitchStatement',
]);

function scopeFor(node: AnyNode, hoisted: boolean): AnyNode {
  let scope = node.parent as AnyNode;
  while (scope.parent !== undefined) {
    if (isFunction(scope) || (!hoisted && SCOPES.has(scope.type))) break;
    scope = scope.parent;
  }
  return scope;
}

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

interface Keyed {
  readonly key?: AnyNode;
  readonly property?: AnyNode;
  readonly computed: boolean;
}

/** The name under which a property stands, if it is written down. */
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

/** Says nothing about a value: stands aside for what it encloses. */
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
/** Types have no values, and comments no code. */
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

function pushChildren(node: AnyNode, stack: AnyNode[]): void {
  const record = node as unknown as Record<string, unknown>;
  const first = stack.length;
  for (const key in record) {
    if (IGNORED.has(key)) continue;
    const child = record[key];
    if (typeof child !== 'object' || child === null) continue;
    if (Array.isArray(child)) {
      for (let index = 0; index < child.length; index++) {
        if (isNode(child[index])) stack.push(adopt(child, index, node));
      }
    } else if (isNode(child)) stack.push(adopt(record, key, node));
  }
  // The last one pushed is the next one visited.
  for (let low = first, high = stack.length - 1; low < high; low++, high--)
    [stack[low], stack[high]] = [stack[high] as AnyNode, stack[low] as AnyNode];
}

function adopt(holder: object, key: string | number, parent: AnyNode): AnyNode {
  const slots = holder as Record<string | number, AnyNode>;
  const child = unwrapped(slots[key] as AnyNode);
  slots[key] = child;
  child.parent = parent;
  return child;
}

/** A node is met before what is below it has lost its wrappers: whatever is kept of it must. */
function unwrapped(node: AnyNode): AnyNode {
  let inner = node;
  while (WRAPPERS.has(inner.type)) inner = (inner as unknown as { expression: AnyNode }).expression;
  return inner;
}

function isNode(value: unknown): value is AnyNode {
  return typeof (value as AnyNode | null)?.type === 'string';
}
