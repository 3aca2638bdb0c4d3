// What an expression may be, as far as the same file tells: the nodes that give it its value.
//
// It follows variables, parameters to the calls of their function, properties to wherever the file
// writes them, and calls to what the function returns. It does not know which branch is taken, nor
// order, but for a variable that is given another value on the way (in-force.ts): it answers what is
// possible. A budget bounds it, for files in which everything refers to everything else.

import type {
  AnyNode,
  ArrayExpression,
  CallExpression,
  Class,
  Identifier,
  MemberExpression,
  NewExpression,
} from 'acorn';
import { isInForce } from './in-force';
import type { Tree } from './index-tree';
import { type FunctionNode, isFunction, keyOf, nameOf } from './syntax';
import { ANY, type Binding, type Path, type Source } from './tree';

export interface Values {
  /** One step towards the value; undefined if the expression is as plain as it gets. */
  readonly step: (node: AnyNode) => readonly AnyNode[] | undefined;
  /** Where that leads to in the end. */
  readonly all: (node: AnyNode) => readonly AnyNode[];
  /** What stands under a name in an object. */
  readonly property: (object: AnyNode, name: string) => readonly AnyNode[];
  /** What is passed as a parameter, where the file calls the function. */
  readonly given: (fn: FunctionNode, index: number) => readonly AnyNode[];
  /** What is called, by the name it had before it was imported or taken out of something. */
  readonly trueName: (callee: AnyNode) => string | undefined;
  /** The same variable or member has the same key; other expressions have none. */
  readonly key: (node: AnyNode) => string | undefined;
  /** What is assigned to a member elsewhere in the file, by its key. */
  readonly writes: ReadonlyMap<string, readonly AnyNode[]>;
  /** What is copied into an object by `Object.assign()`, by its key. */
  readonly merges: ReadonlyMap<string, readonly AnyNode[]>;
}

const BUDGET = 400_000;
const FEW = 40;
const EACH = /^(?:forEach|map|flatMap|filter|some|every|find)$/;

export function createValues(tree: Tree): Values {
  let budget = BUDGET;
  let isLookingUp = false;
  const calls = callsByName();
  const { writes, merges } = collectWrites();
  return {
    step,
    all,
    trueName,
    property: (object, name) => property(object, name, new Set()),
    given: (fn, index) => given(fn, index, new Set()),
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
        return ofName(node, new Set());
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

  function ofName(name: Identifier, seen: Set<AnyNode>): readonly AnyNode[] {
    const sources = tree.resolve(name)?.sources ?? [];
    const isOf = isInForce(name, sources, value => madeOf(value, tree.resolve(name)));
    return sources.filter(isOf).flatMap(source => ofSource(source, seen));
  }

  /** `io = checked(io)`, `parsed = parse(file, options); options = parsed.options`. */
  function madeOf(value: AnyNode, variable: Binding | undefined): Identifier | undefined {
    const object = withoutMembers(value);
    const sources = object.type === 'Identifier' ? (tree.resolve(object)?.sources ?? []) : [];
    const calls = [object, ...sources.flatMap(source => (source.from === 'value' ? [source.value] : []))];
    for (const call of calls.map(withoutMembers)) {
      if (call.type !== 'CallExpression' || isAssign(call)) continue;
      // What a method is, its name only suggests: `crossSpawn._parse` is not the parser's `_parse`.
      if (call.callee.type === 'Identifier' && functionsOf(call.callee).length > 0) continue;
      for (const argument of call.arguments)
        if (argument.type === 'Identifier' && tree.resolve(argument) === variable) return argument;
    }
    return undefined;
  }

  function ofSource(source: Source, seen: Set<AnyNode>): readonly AnyNode[] {
    if (source.from === 'import') return [];
    const values = source.from === 'value' ? [source.value] : given(source.fn, source.index, seen);
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
    if (name !== undefined) return property(node.object, name, seen);
    // `TABLE[kind]`: one of them. A kind that is looked up itself may be any: `i = a[i]` has no end.
    if (isLookingUp) return [];
    isLookingUp = true;
    const names = all(node.property).map(value => (value.type === 'Literal' ? String(value.value) : ANY));
    isLookingUp = false;
    const [first, ...others] = new Set(names);
    return [first ?? ANY, ...others].flatMap(name =>
      property(node.object, name, others.length === 0 ? seen : new Set(seen)),
    );
  }

  function property(object: AnyNode, name: string, seen: Set<AnyNode>): readonly AnyNode[] {
    if (seen.has(object) || budget-- < 0) return [];
    seen.add(object);
    const own = key(object);
    const found = own === undefined ? [] : [...(writes.get(`${own}.${name}`) ?? [])];
    for (const merged of (own !== undefined && merges.get(own)) || [])
      found.push(...property(merged, name, seen));

    if (object.type === 'ObjectExpression') found.push(...ofObject(object.properties, name, seen));
    else if (object.type === 'ArrayExpression') found.push(...ofElements(object, name));
    else if (object.type === 'ClassDeclaration' || object.type === 'ClassExpression')
      found.push(...ofStatics(object, name));
    else if (object.type === 'CallExpression' && isAssign(object))
      found.push(...ofMerged(object.arguments, name, seen));
    else for (const value of stepWithin(object, seen)) found.push(...property(value, name, seen));
    return found;
  }

  function ofElements({ elements }: ArrayExpression, name: string): readonly AnyNode[] {
    const asked = name === ANY ? few(elements) : [elements[Number(name)]];
    return asked.filter(element => element != null && element.type !== 'SpreadElement') as AnyNode[];
  }

  function ofStatics({ body }: Class, name: string): readonly AnyNode[] {
    return body.body.flatMap(member =>
      member.type === 'PropertyDefinition' && member.static && member.value && keyOf(member) === name
        ? [member.value]
        : [],
    );
  }

  /** What is merged later overwrites what was there, if it surely has the property. */
  function ofMerged(args: readonly AnyNode[], name: string, seen: Set<AnyNode>): readonly AnyNode[] {
    const found: AnyNode[] = [];
    for (const argument of [...args].reverse()) {
      found.push(...property(argument, name, seen));
      const has = (node: AnyNode) => node.type === 'Property' && keyOf(node) === name;
      if (argument.type === 'ObjectExpression' && argument.properties.some(has)) break;
    }
    return found;
  }

  function stepWithin(node: AnyNode, seen: Set<AnyNode>): readonly AnyNode[] {
    if (node.type === 'MemberExpression') return ofMember(node, seen);
    if (node.type === 'Identifier') return ofName(node, seen);
    return step(node) ?? [];
  }

  function ofObject(properties: readonly AnyNode[], name: string, seen: Set<AnyNode>): AnyNode[] {
    const found: AnyNode[] = [];
    if (name === ANY) return few(properties).flatMap(any => (any.type === 'Property' ? [any.value] : []));
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
    // `Object.freeze(options)`, closefds's own `unsafe(options, reason)`: what they are given.
    const [first] = call.arguments;
    if (first !== undefined && /^(?:freeze|seal|unsafe)$/.test(trueName(call.callee) ?? '')) return [first];
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

  function given(fn: FunctionNode, index: number, seen: Set<AnyNode>): readonly AnyNode[] {
    const of = fn.parent?.type === 'CallExpression' ? fn.parent.callee : undefined;
    // `[...].forEach(x => ...)`: each of them.
    if (index === 0 && of?.type === 'MemberExpression' && EACH.test(keyOf(of) ?? ''))
      return property(of.object, ANY, seen);
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

  function trueName(callee: AnyNode): string | undefined {
    const sources = callee.type === 'Identifier' ? (tree.resolve(callee)?.sources ?? []) : [];
    return sources.map(({ path }) => path.at(-1)).find(name => name !== undefined) ?? calledName(callee);
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
    for (const call of tree.calls) {
      const field = fieldOf(call);
      const target = field === undefined ? undefined : key(field.target);
      if (field !== undefined && target !== undefined) add(writes, `${target}.${field.name}`, field.value);
    }
    for (const fields of tree.fields)
      if (fields.value)
        add(writes, `this ${classAround(fields)?.start ?? ''}.${keyOf(fields)}`, fields.value);
    return { writes, merges };
  }
}

/** `(await x).y.z`: x. */
function withoutMembers(node: AnyNode): AnyNode {
  if (node.type === 'MemberExpression') return withoutMembers(node.object);
  return node.type === 'AwaitExpression' ? withoutMembers(node.argument) : node;
}

/** `f`, `x.f`, `(0, x.f)`, `x.f.call`: f. */
export function calledName(callee: AnyNode): string | undefined {
  if (callee.type === 'SequenceExpression') return calledName(callee.expressions.at(-1) as AnyNode);
  if (callee.type === 'CallExpression') return nameOf(callee.arguments.at(-1) ?? callee);
  if (callee.type !== 'MemberExpression') return nameOf(callee);
  const name = keyOf(callee);
  return name === 'call' || name === 'apply' ? calledName(callee.object) : name;
}

/** `Object.assign()`, and what TypeScript, Babel and esbuild make of `{ ...a, b }`. */
const MERGERS: ReadonlySet<string> = new Set([
  'assign',
  'extend',
  '__assign',
  '__spreadProps',
  '__spreadValues',
  '_extends',
  '_objectSpread',
  '_objectSpread2',
]);

function isAssign({ callee, arguments: args }: CallExpression): boolean {
  if (MERGERS.has(calledName(callee) ?? '')) return true;
  // Minified, they have lost their names: `f(f({}, a), { b })`.
  const [first] = args;
  if (callee.type !== 'Identifier' || first === undefined || args.length < 2) return false;
  return first.type === 'ObjectExpression'
    ? first.properties.length === 0
    : first.type === 'CallExpression' && isAssign(first);
}

/** What compilers make of class fields: `__publicField(this, 'x', value)`, `_defineProperty(this, 'x', value)`. */
function fieldOf({ callee, arguments: args }: CallExpression | NewExpression) {
  const [target, name, value] = args;
  if (args.length !== 3 || target === undefined || value === undefined) return undefined;
  if (name?.type !== 'Literal' || typeof name.value !== 'string') return undefined;
  const isField =
    target.type === 'ThisExpression'
      ? callee.type !== 'MemberExpression'
      : /publicField|define_?property$/i.test((callee as { name?: string }).name ?? '');
  return isField ? { target, name: name.value, value } : undefined;
}

/** More than that is a table of everything, such as a bundle's modules. */
function few<T>(nodes: readonly T[]): readonly T[] {
  return nodes.length > FEW ? [] : nodes;
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
    if (isLoop(at) || isFunction(at)) return true;
  }
  return false;
}

export function isLoop({ type }: AnyNode): boolean {
  return /^(?:For|While|DoWhile)/.test(type);
}
