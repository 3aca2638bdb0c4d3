// Resolves an expression to an export of a module: `cp.spawn`, `(0, child.fork)`, `n(317).spawn`.
//
// It follows what bundlers and compilers write: interop helpers, aliases, webpack's numbers.

import type { AnyNode, Identifier, MemberExpression } from 'acorn';
import type { Tree } from '../source/index-tree';
import { ANY, type Binding, type Path, type Source } from '../source/scopes';
import { type FunctionNode, functionAround, isFunction, keyOf } from '../source/syntax';
import type { DataFlow } from './data-flow';

export interface Export {
  /** Without `node:`. */
  readonly module: string;
  /** Without `default`, which only some tools insert. */
  readonly path: Path;
}

export class Exports {
  private readonly byBinding = new Map<Binding, Export | undefined>();
  private readonly byMember = new Map<string, Export | undefined>();
  /** webpack's modules, by their numbers. */
  private readonly numbered = new Map<string, Export>();

  constructor(
    private readonly tree: Tree,
    private readonly flow: DataFlow,
    /** Whether a module is of interest. */
    private readonly isKnown: (module: string) => boolean,
  ) {
    this.addWebpackModules();
  }

  /** The export that an expression is, if it is one of a known module. */
  of(node: AnyNode): Export | undefined {
    switch (node.type) {
      case 'Identifier':
        return this.ofName(node);
      case 'MemberExpression':
        return below(this.of(node.object), keyOf(node) ?? '?') ?? this.ofGlobal(node) ?? this.ofMember(node);
      case 'AwaitExpression':
        return this.of(node.argument);
      case 'SequenceExpression':
        return this.of(node.expressions.at(-1) as AnyNode);
      case 'AssignmentExpression':
        return this.of(node.right);
      case 'ConditionalExpression':
        return this.of(node.consequent) ?? this.of(node.alternate);
      case 'LogicalExpression':
        return this.of(node.left) ?? this.of(node.right);
      case 'ImportExpression':
        return this.ofSpecifier(node.source);
      case 'CallExpression':
        return this.ofCall(node.callee, node.arguments);
      default:
        return undefined;
    }
  }

  private ofName(node: Identifier): Export | undefined {
    const binding = this.tree.resolve(node);
    if (binding === undefined) return node.name === 'process' ? this.named('process') : undefined;
    if (!this.byBinding.has(binding)) {
      // Ends cycles: `a = b; b = a`.
      this.byBinding.set(binding, undefined);
      this.byBinding.set(binding, this.ofBinding(binding));
    }
    return this.byBinding.get(binding);
  }

  /** `globalThis.process`. */
  private ofGlobal({ object, ...member }: MemberExpression): Export | undefined {
    const isGlobal = object.type === 'Identifier' && /^(?:global|globalThis)$/.test(object.name);
    return isGlobal && keyOf(member) === 'process' ? this.named('process') : undefined;
  }

  /** `this.spawn = options.spawn ?? cp.spawn`. */
  private ofMember(node: MemberExpression): Export | undefined {
    const key = this.flow.key(node);
    if (key === undefined) return undefined;
    if (!this.byMember.has(key)) {
      this.byMember.set(key, undefined);
      this.byMember.set(key, this.firstOf(this.flow.writesTo(key)));
    }
    return this.byMember.get(key);
  }

  private firstOf(nodes: readonly AnyNode[]): Export | undefined {
    for (const node of nodes) {
      const found = this.of(node);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private ofBinding({ sources }: Binding): Export | undefined {
    for (const source of sources) {
      const found = source.path.reduce(below, this.ofSource(source));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private ofSource(source: Source): Export | undefined {
    if (source.from === 'import') return this.named(source.module);
    if (source.from === 'value') return this.of(source.value);
    const module = source.index === 0 ? this.ofCallback(source.fn) : undefined;
    // `run(cp.spawn, command)`: the callers pass the function.
    return module ?? this.firstOf(this.flow.argumentsFor(source.fn, source.index));
  }

  // -------------------------------------------------------------------------------------------
  // Calls
  // -------------------------------------------------------------------------------------------

  /** The first argument of a callback that gets a module: `import('x').then(x => ...)`, and hooks. */
  private ofCallback({ parent }: FunctionNode): Export | undefined {
    if (parent?.type !== 'CallExpression' && parent?.type !== 'NewExpression') return undefined;
    const { callee, arguments: args } = parent;
    if (callee.type === 'MemberExpression' && keyOf(callee) === 'then') return this.of(callee.object);
    const isHook = HOOK.test(this.flow.originalName(callee) ?? '');
    return isHook && args[0] !== undefined ? this.ofHookedNames(args[0]) : undefined;
  }

  /** The module that a hook waits for: `'x'`, `['x']`, `{ name: ['x'] }`. */
  private ofHookedNames(node: AnyNode, depth = 0): Export | undefined {
    const values = this.flow.all(node);
    for (const name of values) {
      const found = this.ofSpecifier(name);
      if (found !== undefined) return found;
    }
    if (depth === 2) return undefined;
    for (const name of values.flatMap(value => this.flow.property(value, ANY))) {
      const found = this.ofHookedNames(name, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A call with a module's name is a `require` under any name. One with the module itself is a helper. */
  private ofCall(callee: AnyNode, args: readonly AnyNode[]): Export | undefined {
    const [first] = args;
    const method = callee.type === 'MemberExpression' ? keyOf(callee) : undefined;
    if (callee.type === 'MemberExpression' && method === 'bind') return this.of(callee.object);
    // `Promise.resolve().then(() => require('x'))` is a compiled `import('x')`.
    if (method === 'then' && first && isFunction(first))
      return this.firstOf(this.tree.returns.get(first) ?? []);
    if (first === undefined) return this.ofGetter(callee);
    if (first.type === 'SpreadElement') return undefined;
    if (first.type === 'Literal') {
      if (args.length > 1 || typeof first.value === 'boolean') return undefined;
      return this.ofSpecifier(first) ?? this.numbered.get(String(first.value));
    }
    // A call of a module's own function returns no module: `promisify(spawn)` is a helper, `spawn(x)` is not.
    return this.of(callee) === undefined ? this.of(first) : undefined;
  }

  /** webpack's `n()`, a getter of the module. */
  private ofGetter(callee: AnyNode): Export | undefined {
    const found = this.of(callee);
    return found?.path.length === 0 && found.module === 'child_process' ? found : undefined;
  }

  private ofSpecifier(node: AnyNode): Export | undefined {
    return node.type === 'Literal' && typeof node.value === 'string' ? this.named(node.value) : undefined;
  }

  private named(specifier: string): Export | undefined {
    const module = specifier.replace(/^node:/, '');
    return this.isKnown(module) ? { module, path: [] } : undefined;
  }

  /** `{ 317: e => { e.exports = require('child_process') } }`. */
  private addWebpackModules(): void {
    for (const { left, right } of this.tree.assignments) {
      if (left.type !== 'MemberExpression' || keyOf(left) !== 'exports') continue;
      if (right.type !== 'CallExpression' || right.arguments.length !== 1) continue;
      const found = this.ofSpecifier(right.arguments[0] as AnyNode);
      const holder = found && functionAround(left)?.parent;
      if (holder?.type !== 'Property') continue;
      const key = keyOf(holder);
      if (key !== undefined) this.numbered.set(key, found as Export);
    }
  }
}

/** Functions of require-in-the-middle, import-in-the-middle, OpenTelemetry, dd-trace. */
const HOOK = /hook|instrument/i;

function below(found: Export | undefined, key: string): Export | undefined {
  if (found === undefined || key === 'default' || key === '...') return found;
  return { ...found, path: [...found.path, key] };
}
