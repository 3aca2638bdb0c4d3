// What an expression may be, as far as the same file tells: the nodes that give it its value.
//
// It follows variables, parameters to the calls of their function, properties to wherever the file
// writes them, and calls to what the function returns. It does not know order, nor which branch is
// taken: it answers what is possible. A budget bounds it, for files in which everything refers to
// everything else.

import type { AnyNode, CallExpression, MemberExpression } from 'acorn';
import { type FunctionNode, isFunction, keyOf, nameOf, type Path, type Source, type Tree } from './tree';

export interface Values {
  /** One step towards the value; undefined if the expression is as plain as it gets. */
  readonly step: (node: AnyNode) => readonly AnyNode[] | undefined;
  /** Where that leads to in the end. */
  readonly all: (node: AnyNode) => readonly AnyNode[];
  /** What stands under a name in an object. */
  readonly property: (object: AnyNode, name: string) => readonly AnyNode[];
  /** What is passed as a parameter, where the file calls the function. */
  readonly given: (fn: FunctionNode, index: number) => readonly AnyNode[];
  /** The same variable or member has the same key; other expressions have none. */
  readonly key: (node: AnyNode) => string | undefined;
  /** What is assigned to a member elsewhere in the file, by its key. */
  readonly writes: ReadonlyMap<string, readonly AnyNode[]>;
  /** What is copied into an object by `Object.assign()`, by its key. */
  readonly merges: ReadonlyMap<string, readonly AnyNode[]>;
}

const BUDGET = 400_000;
const FEW = 40;

export function createValues(tree: Tree): Values {
  let budget = BUDGET;
  const calls = callsByName();
  const { writes, merges } = collectWrites();
  return {
    step,
    all,
    property: (object, name) => property(object, name, new Set()),
    given,
    key,
    writes,
    merges,
  };

  function all(node: AnyNode): readonly AnyNode[] {
    const found = new Set<AnyNode>();
    const seen = new Set<AnyNode>();
    const open = [node];
    for (let next = open.pop(); next !== undefined && budget-- > 0; next = open.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      const steps = step(next);
      if (steps === undefined || steps.length === 0) found.add(next);
      else open.push(...[...steps].reverse());
    }
    return [...found];
  }

  function step(node: AnyNode): readonly AnyNode[] | undefined {
    switch (node.type) {
      case 'Identifier':
        return (tree.resolve(node)?.sources ?? []).flatMap(source => ofSource(source, new Set()));
      case 'MemberExpression':
        return ofMember(node, new Set());
      case 'ConditionalExpression':
        return [node.consequent, node.alternate];
      case 'LogicalExpression':
        return [node.left, node.right];
      case 'SequenceExpression':
        return node.expressions.slice(-1);
      case 'AssignmentExpression':
        return [node.right];
      case 'AwaitExpression':
        return [node.argument];
      case 'CallExpression':
        return returned(node);
      default:
        return undefined;
    }
  }

  function ofSource(source: Source, seen: Set<AnyNode>): readonly AnyNode[] {
    if (source.from === 'import') return [];
    const values = source.from === 'value' ? [source.value] : given(source.fn, source.index);
    return follow(values, source.path, seen);
  }

  function follow(values: readonly AnyNode[], path: Path, seen: Set<AnyNode>): readonly AnyNode[] {
    return path.reduce<readonly AnyNode[]>(
      (found, name) => found.flatMap(value => property(value, name, seen)),
      values,
    );
  }

  function ofMember(node: MemberExpression, seen: Set<AnyNode>): readonly AnyNode[] {
    const name = keyOf(node);
    return name === undefined ? [] : property(node.object, name, seen);
  }

  function property(object: AnyNode, name: string, seen: Set<AnyNode>): readonly AnyNode[] {
    if (seen.has(object) || budget-- < 0) return [];
    seen.add(object);
    const own = key(object);
    const found = own === undefined ? [] : [...(writes.get(`${own}.${name}`) ?? [])];
    for (const merged of (own !== undefined && merges.get(own)) || [])
      found.push(...property(merged, name, seen));

    if (object.type === 'ObjectExpression') found.push(...ofObject(object.properties, name, seen));
    else if (object.type === 'ArrayExpression') {
      const element = object.elements[Number(name)];
      if (element && element.type !== 'SpreadElement') found.push(element);
    } else if (object.type === 'CallExpression' && isAssign(object))
      for (const argument of object.arguments) found.push(...property(argument, name, seen));
    else for (const value of stepWithin(object, seen)) found.push(...property(value, name, seen));
    return found;
  }

  function stepWithin(node: AnyNode, seen: Set<AnyNode>): readonly AnyNode[] {
    if (node.type === 'MemberExpression') return ofMember(node, seen);
    if (node.type === 'Identifier')
      return (tree.resolve(node)?.sources ?? []).flatMap(source => ofSource(source, seen));
    return step(node) ?? [];
  }

  function ofObject(properties: readonly AnyNode[], name: string, seen: Set<AnyNode>): AnyNode[] {
    const found: AnyNode[] = [];
    for (const property_ of [...properties].reverse()) {
      if (property_.type === 'SpreadElement') found.push(...property(property_.argument, name, seen));
      else if (property_.type === 'Property' && keyOf(property_) === name) {
        if (property_.kind === 'get')
          found.push(...(tree.returns.get(property_.value as FunctionNode) ?? []));
        else found.push(property_.value);
        // Whatever was spread before it is overwritten.
        break;
      }
    }
    return found;
  }

  // -------------------------------------------------------------------------------------------
  // Functions of the file
  // -------------------------------------------------------------------------------------------

  function returned(call: CallExpression): readonly AnyNode[] {
    return functionsOf(call.callee).flatMap(fn => tree.returns.get(fn) ?? []);
  }

  function functionsOf(callee: AnyNode): readonly FunctionNode[] {
    if (isFunction(callee)) return [callee];
    if (callee.type === 'Identifier') {
      const values = tree.resolve(callee)?.sources ?? [];
      return values.flatMap(source => {
        if (source.from !== 'value' || source.path.length > 0) return [];
        return isFunction(source.value) ? [source.value] : [];
      });
    }
    if (callee.type === 'SequenceExpression') return functionsOf(callee.expressions.at(-1) as AnyNode);
    if (callee.type === 'CallExpression') {
      // TypeScript's private methods: __classPrivateFieldGet(this, _instances, 'm', _method).
      const last = callee.arguments.at(-1);
      return callee.arguments.length === 4 && last !== undefined ? functionsOf(last) : [];
    }
    if (callee.type !== 'MemberExpression') return [];
    const name = keyOf(callee);
    if (name === undefined) return [];
    if (name === 'call' || name === 'apply') return functionsOf(callee.object);
    const named = tree.methods.get(name) ?? [];
    // `toString`, `get`: what has the name may be anything.
    return named.length <= 3 ? named : [];
  }

  function given(fn: FunctionNode, index: number): readonly AnyNode[] {
    const name = functionName(fn);
    const candidates = name === undefined ? [] : (calls.get(name) ?? []);
    if (candidates.length > FEW) return [];
    return candidates.flatMap(call => {
      if (!functionsOf(call.callee).includes(fn)) return [];
      const shifted = call.callee.type === 'MemberExpression' && keyOf(call.callee) === 'call' ? 1 : 0;
      const argument = call.arguments[index + shifted];
      return argument === undefined || argument.type === 'SpreadElement' ? [] : [argument];
    });
  }

  function functionName(fn: FunctionNode): string | undefined {
    if (fn.id) return fn.id.name;
    const parent = fn.parent as AnyNode;
    if (parent.type === 'VariableDeclarator' || parent.type === 'AssignmentExpression') {
      const target = parent.type === 'VariableDeclarator' ? parent.id : parent.left;
      return target.type === 'MemberExpression' ? keyOf(target) : nameOf(target);
    }
    return parent.type === 'Property' ||
      parent.type === 'MethodDefinition' ||
      parent.type === 'PropertyDefinition'
      ? keyOf(parent)
      : undefined;
  }

  function callsByName(): ReadonlyMap<string, readonly CallExpression[]> {
    const named = new Map<string, CallExpression[]>();
    for (const call of tree.calls) {
      if (call.type !== 'CallExpression') continue;
      const name = calledName(call.callee);
      if (name === undefined) continue;
      const known = named.get(name);
      if (known === undefined) named.set(name, [call]);
      else known.push(call);
    }
    return named;
  }

  // -------------------------------------------------------------------------------------------
  // Writes
  // -------------------------------------------------------------------------------------------

  function key(node: AnyNode): string | undefined {
    if (node.type === 'Identifier') {
      const binding = tree.resolve(node);
      return binding === undefined ? `global ${node.name}` : `${binding.id}`;
    }
    if (node.type === 'ThisExpression') return `this ${classAround(node)?.start ?? ''}`;
    if (node.type !== 'MemberExpression') return undefined;
    const [object, name] = [key(node.object), keyOf(node)];
    return object === undefined || name === undefined ? undefined : `${object}.${name}`;
  }

  function collectWrites() {
    const writes = new Map<string, AnyNode[]>();
    const merges = new Map<string, AnyNode[]>();
    const add = (map: Map<string, AnyNode[]>, name: string | undefined, value: AnyNode) => {
      if (name === undefined) return;
      const known = map.get(name);
      if (known === undefined) map.set(name, [value]);
      else known.push(value);
    };
    for (const { left, right } of tree.assignments)
      if (left.type === 'MemberExpression') add(writes, key(left), right);
    for (const call of tree.calls) {
      const [target, ...others] = call.arguments;
      if (target === undefined || call.type !== 'CallExpression' || !isAssign(call)) continue;
      for (const other of others) if (other.type !== 'SpreadElement') add(merges, key(target), other);
    }
    for (const fields of tree.fields)
      if (fields.value)
        add(writes, `this ${classAround(fields)?.start ?? ''}.${keyOf(fields)}`, fields.value);
    return { writes, merges };
  }
}

function calledName(callee: AnyNode): string | undefined {
  if (callee.type === 'SequenceExpression') return calledName(callee.expressions.at(-1) as AnyNode);
  if (callee.type === 'CallExpression') return nameOf(callee.arguments.at(-1) ?? callee);
  if (callee.type !== 'MemberExpression') return nameOf(callee);
  const name = keyOf(callee);
  return name === 'call' || name === 'apply' ? calledName(callee.object) : name;
}

function isAssign({ callee }: CallExpression): boolean {
  const name = calledName(callee);
  return name === 'assign' || name === '__assign' || name === '_extends' || name === 'extend';
}

/** What `this` most likely is: the class, or for functions on a prototype the file. */
function classAround(node: AnyNode): AnyNode | undefined {
  for (let at = node.parent; at !== undefined; at = at.parent)
    if (at.type === 'ClassDeclaration' || at.type === 'ClassExpression') return at;
  return undefined;
}

/** Whether it is run more than once for each time that `within` is. */
export function isInLoop(node: AnyNode, within: AnyNode | undefined): boolean {
  for (let at = node.parent; at !== undefined && at !== within; at = at.parent) {
    if (/^(?:For|While|DoWhile)/.test(at.type)) return true;
    if (isFunction(at)) return true;
  }
  return false;
}
