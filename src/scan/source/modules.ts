// Which export of which module an expression is: `cp.spawn`, `(0, child.fork)`, `n(317).spawn`.
//
// However a bundler or a compiler has written it: interop helpers, aliases, webpack's numbers.

import type { AnyNode, Identifier, MemberExpression } from 'acorn';
import type { Tree } from './index-tree';
import { type FunctionNode, functionAround, isFunction, keyOf } from './syntax';
import { ANY, type Binding, type Path, type Source } from './tree';
import type { Values } from './values';

export interface Export {
  /** Without `node:`. */
  readonly module: string;
  /** Without `default`, which some tools put between and others do not. */
  readonly path: Path;
}

export type ExportOf = (node: AnyNode) => Export | undefined;

/** `isKnown`: the modules that are of interest. */
export function createExportOf(tree: Tree, values: Values, isKnown: (module: string) => boolean): ExportOf {
  const known = new Map<Binding, Export | undefined>();
  const members = new Map<string, Export | undefined>();
  const numbered = webpackModules();
  return exportOf;

  function exportOf(node: AnyNode): Export | undefined {
    switch (node.type) {
      case 'Identifier':
        return ofName(node);
      case 'MemberExpression':
        return below(exportOf(node.object), keyOf(node) ?? '?') ?? ofGlobal(node) ?? ofMember(node);
      case 'AwaitExpression':
        return exportOf(node.argument);
      case 'SequenceExpression':
        return exportOf(node.expressions.at(-1) as AnyNode);
      case 'AssignmentExpression':
        return exportOf(node.right);
      case 'ConditionalExpression':
        return exportOf(node.consequent) ?? exportOf(node.alternate);
      case 'LogicalExpression':
        return exportOf(node.left) ?? exportOf(node.right);
      case 'ImportExpression':
        return ofString(node.source);
      case 'CallExpression':
        return ofCall(node.callee, node.arguments);
      default:
        return undefined;
    }
  }

  function ofName(node: Identifier): Export | undefined {
    const binding = tree.resolve(node);
    if (binding === undefined) return node.name === 'process' ? named('process') : undefined;
    if (!known.has(binding)) {
      // While it is being looked for, it is not known: `a = b; b = a`.
      known.set(binding, undefined);
      known.set(binding, ofBinding(binding));
    }
    return known.get(binding);
  }

  /** `globalThis.process`. */
  function ofGlobal({ object, ...member }: MemberExpression): Export | undefined {
    const isGlobal = object.type === 'Identifier' && /^(?:global|globalThis)$/.test(object.name);
    return isGlobal && keyOf(member) === 'process' ? named('process') : undefined;
  }

  /** `this.spawn = options.spawn ?? cp.spawn`. */
  function ofMember(node: MemberExpression): Export | undefined {
    const key = values.key(node);
    if (key === undefined) return undefined;
    if (!members.has(key)) {
      members.set(key, undefined);
      members.set(key, firstOf(values.writes.get(key) ?? []));
    }
    return members.get(key);
  }

  function firstOf(nodes: readonly AnyNode[]): Export | undefined {
    for (const node of nodes) {
      const found = exportOf(node);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  function ofBinding({ sources }: Binding): Export | undefined {
    for (const source of sources) {
      const found = source.path.reduce(below, ofSource(source));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  function ofSource(source: Source): Export | undefined {
    if (source.from === 'import') return named(source.module);
    if (source.from === 'value') return exportOf(source.value);
    if (source.index === 0) {
      const handed = ofCallback(source.fn);
      if (handed !== undefined) return handed;
    }
    // `run(cp.spawn, command)`: whoever is told what to start with.
    return firstOf(values.given(source.fn, source.index));
  }

  /** What a function gets that is called with a module: `import('x').then(x => ...)`, and hooks. */
  function ofCallback({ parent }: FunctionNode): Export | undefined {
    if (parent?.type !== 'CallExpression' && parent?.type !== 'NewExpression') return undefined;
    const { callee, arguments: args } = parent;
    if (callee.type === 'MemberExpression' && keyOf(callee) === 'then') return exportOf(callee.object);
    return HOOK.test(values.trueName(callee) ?? '') && args[0] !== undefined ? ofNames(args[0]) : undefined;
  }

  /** What tells a hook which module to wait for: `'x'`, `['x']`, `{ name: ['x'] }`. */
  function ofNames(node: AnyNode, depth = 0): Export | undefined {
    const told = values.all(node);
    for (const name of told) {
      const found = ofString(name);
      if (found !== undefined) return found;
    }
    if (depth === 2) return undefined;
    for (const name of told.flatMap(value => values.property(value, ANY))) {
      const found = ofNames(name, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A call with the module's name is a `require` of whatever name; one with the module itself, a helper. */
  function ofCall(callee: AnyNode, args: readonly AnyNode[]): Export | undefined {
    const [first] = args;
    if (callee.type === 'MemberExpression' && keyOf(callee) === 'bind') return exportOf(callee.object);
    // `Promise.resolve().then(() => require('x'))`: what `import('x')` was compiled to.
    if (callee.type === 'MemberExpression' && keyOf(callee) === 'then' && first && isFunction(first))
      return firstOf(tree.returns.get(first) ?? []);
    // webpack's `n()`, a getter of the module.
    if (first === undefined) return ofGetter(exportOf(callee));
    if (first.type === 'SpreadElement') return undefined;
    if (first.type === 'Literal') {
      if (args.length > 1 || typeof first.value === 'boolean') return undefined;
      return ofString(first) ?? numbered.get(String(first.value));
    }
    // A function of the module itself is called with what it is to do: `promisify(spawn)` is another matter.
    return exportOf(callee) === undefined ? exportOf(first) : undefined;
  }

  function ofGetter(found: Export | undefined): Export | undefined {
    return found?.path.length === 0 && found.module === 'child_process' ? found : undefined;
  }

  function ofString(node: AnyNode): Export | undefined {
    return node.type === 'Literal' && typeof node.value === 'string' ? named(node.value) : undefined;
  }

  function named(specifier: string): Export | undefined {
    const module = specifier.replace(/^node:/, '');
    return isKnown(module) ? { module, path: [] } : undefined;
  }

  /** `{ 317: e => { e.exports = require('child_process') } }`. */
  function webpackModules(): ReadonlyMap<string, Export> {
    const modules = new Map<string, Export>();
    for (const { left, right } of tree.assignments) {
      if (left.type !== 'MemberExpression' || keyOf(left) !== 'exports') continue;
      if (right.type !== 'CallExpression' || right.arguments.length !== 1) continue;
      const found = ofString(right.arguments[0] as AnyNode);
      const holder = found && functionAround(left)?.parent;
      if (holder?.type !== 'Property') continue;
      const key = keyOf(holder);
      if (key !== undefined) modules.set(key, found as Export);
    }
    return modules;
  }
}

/** Of require-in-the-middle, import-in-the-middle, OpenTelemetry, dd-trace. */
const HOOK = /hook|instrument/i;

function below(found: Export | undefined, key: string): Export | undefined {
  if (found === undefined || key === 'default' || key === '...') return found;
  return { ...found, path: [...found.path, key] };
}
