// Data flow within one file: the nodes that may give an expression its value.
//
// It follows variables, parameters to the calls of their function, properties to wherever the file
// writes them, and calls to what the function returns. It knows neither which branch is taken nor the
// order of statements, except for a variable that is assigned again (reaching-definitions.ts): it answers what is
// possible. A budget bounds the work in files in which everything refers to everything else.

import type {
  AnyNode,
  ArrayExpression,
  CallExpression,
  Class,
  Identifier,
  MemberExpression,
  ObjectExpression,
} from 'acorn';
import { calledName, isAssign } from '../source/compiled-helpers';
import type { Tree } from '../source/index-tree';
import { specifierOf } from '../source/linked-modules';
import { ANY, type Binding, type Path, type Source } from '../source/scopes';
import { type FunctionNode, keyOf } from '../source/syntax';
import { CalledFunctions } from './called-functions';
import { collectMemberWrites, type MemberWrites, variableKey } from './member-writes';
import { isInForce } from './reaching-definitions';

const BUDGET = 400_000;
/** A larger table holds everything, such as a bundle's modules. */
const LARGEST_TABLE = 40;
const ITERATORS = /^(?:forEach|map|flatMap|filter|some|every|find)$/;

/** The nodes that were visited on the way, which ends cycles. */
type VisitedNodes = Set<AnyNode>;

export class DataFlow {
  private readonly functions: CalledFunctions;
  private readonly members: MemberWrites;
  private budget = BUDGET;
  private isLookingUp = false;

  constructor(private readonly tree: Tree) {
    this.functions = new CalledFunctions(tree);
    this.members = collectMemberWrites(tree);
  }

  /** All final values of an expression. */
  all(node: AnyNode): readonly AnyNode[] {
    const found = new Set<AnyNode>();
    const seen: VisitedNodes = new Set();
    const open = [node];
    for (let next = open.pop(); next !== undefined && this.budget-- > 0; next = open.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      const steps = this.step(next);
      if (steps === undefined || steps.length === 0) found.add(next);
      else open.push(...[...steps].reverse());
    }
    return [...found];
  }

  /** One step towards the values; undefined if the expression is a value itself. */
  step(node: AnyNode): readonly AnyNode[] | undefined {
    switch (node.type) {
      case 'Identifier':
        return this.ofName(node, new Set());
      case 'MemberExpression':
        return this.ofMember(node, new Set());
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
        return this.returned(node);
      default:
        return undefined;
    }
  }

  /** The values of a property of an object. */
  property(object: AnyNode, name: string): readonly AnyNode[] {
    return this.ofProperty(object, name, new Set());
  }

  /** The values of a parameter, by the calls of the function in this file. */
  argumentsFor(fn: FunctionNode, index: number): readonly AnyNode[] {
    return this.ofParameter(fn, index, new Set());
  }

  /** The functions that a call certainly is of; undefined if it may be of others. */
  exactFunctionsOf(callee: AnyNode): readonly FunctionNode[] | undefined {
    return this.functions.exactFunctionsOf(callee);
  }

  /** Runs `read` with the arguments of one call of a function. */
  inCall<T>(fn: FunctionNode, call: CallExpression, read: () => T): T {
    return this.functions.inCall(fn, call, read);
  }

  /** The number that an expression is, if it is always the same. */
  number(node: AnyNode): number | undefined {
    const values = this.all(node);
    const [first] = values;
    if (first?.type !== 'Literal' || typeof first.value !== 'number') return undefined;
    const isSame = values.every(value => value.type === 'Literal' && value.value === first.value);
    return isSame && !this.isCounted(node) ? first.value : undefined;
  }

  /** Whether a name on the way to the value is counted up or down: `i++`, `x.fd += 1`. */
  private isCounted(node: AnyNode): boolean {
    const seen = new Set<AnyNode>();
    const open = [node];
    for (let next = open.pop(); next !== undefined && !seen.has(next); next = open.pop()) {
      seen.add(next);
      const name = next.type === 'MemberExpression' ? keyOf(next) : (next as Partial<Identifier>).name;
      if (name !== undefined && this.tree.counted.has(name)) return true;
      open.push(...(this.step(next) ?? []));
    }
    return false;
  }

  /** Runs `read` with a budget of its own, so that it takes nothing from what follows. */
  withBudget<T>(budget: number, read: () => T): T {
    const left = this.budget;
    this.budget = budget;
    try {
      return read();
    } finally {
      this.budget = left;
    }
  }

  /** Whether the file calls a function. */
  isCalled(fn: FunctionNode): boolean {
    return this.functions.isCalled(fn);
  }

  /** The name of a called function, before an import or a pattern renamed it. */
  originalName(callee: AnyNode): string | undefined {
    const sources = callee.type === 'Identifier' ? (this.tree.resolve(callee)?.sources ?? []) : [];
    return sources.map(({ path }) => path.at(-1)).find(name => name !== undefined) ?? calledName(callee);
  }

  /** See `variableKey()`. */
  key(node: AnyNode): string | undefined {
    return variableKey(this.tree, node);
  }

  /** The values that are assigned to a member elsewhere in the file. */
  writesTo(key: string): readonly AnyNode[] {
    return this.members.writes.get(key) ?? [];
  }

  // -------------------------------------------------------------------------------------------
  // Variables
  // -------------------------------------------------------------------------------------------

  private ofName(name: Identifier, seen: VisitedNodes): readonly AnyNode[] {
    const binding = this.tree.resolve(name);
    const sources = binding?.sources ?? [];
    const isPossible = isInForce(name, sources, value => this.argumentOf(value, binding));
    return sources.filter(isPossible).flatMap(source => this.ofSource(source, seen));
  }

  /** The variable, where an unknown function makes its new value: `io = checked(io)`, `o = parse(o).options`. */
  private argumentOf(value: AnyNode, variable: Binding | undefined): Identifier | undefined {
    const object = withoutMembers(value);
    const sources = object.type === 'Identifier' ? (this.tree.resolve(object)?.sources ?? []) : [];
    const calls = [object, ...sources.flatMap(source => (source.from === 'value' ? [source.value] : []))];
    for (const call of calls.map(withoutMembers)) {
      if (call.type !== 'CallExpression' || isAssign(call)) continue;
      // A method is only found by its name: `crossSpawn._parse` is not the parser's `_parse`.
      const { callee } = call;
      if (callee.type === 'Identifier' && this.functions.functionsOf(callee).length > 0) continue;
      const isVariable = (argument: AnyNode): argument is Identifier =>
        argument.type === 'Identifier' && this.tree.resolve(argument) === variable;
      const argument = call.arguments.find(isVariable);
      if (argument !== undefined) return argument;
    }
    return undefined;
  }

  private valuesOf(source: Source, seen: VisitedNodes): readonly AnyNode[] {
    if (source.from === 'value') return [source.value];
    if (source.from === 'parameter') return this.ofParameter(source.fn, source.index, seen);
    const imported = this.tree.importsOf(source.module);
    return imported === undefined ? [] : [imported];
  }

  private ofSource(source: Source, seen: VisitedNodes): readonly AnyNode[] {
    const values = this.valuesOf(source, seen);
    return this.follow(values, source.path, seen);
  }

  private follow(values: readonly AnyNode[], path: Path, seen: VisitedNodes): readonly AnyNode[] {
    return path.reduce<readonly AnyNode[]>(
      (found, name) => found.flatMap(value => this.ofProperty(value, name, seen)),
      values,
    );
  }

  // -------------------------------------------------------------------------------------------
  // Properties
  // -------------------------------------------------------------------------------------------

  private ofMember(node: MemberExpression, seen: VisitedNodes): readonly AnyNode[] {
    const name = keyOf(node);
    if (name !== undefined) return this.ofProperty(node.object, name, seen);
    // `TABLE[kind]` is one of the table's values. A nested look-up may be any of them: `i = a[i]` has no end.
    if (this.isLookingUp) return [];
    this.isLookingUp = true;
    const names = this.all(node.property).map(value =>
      value.type === 'Literal' ? String(value.value) : ANY,
    );
    this.isLookingUp = false;
    const [first, ...others] = new Set(names);
    return [first ?? ANY, ...others].flatMap(name =>
      this.ofProperty(node.object, name, others.length === 0 ? seen : new Set(seen)),
    );
  }

  private ofProperty(object: AnyNode, name: string, seen: VisitedNodes): readonly AnyNode[] {
    if (seen.has(object) || this.budget-- < 0) return [];
    seen.add(object);
    const key = this.key(object);
    const merged = (key !== undefined && this.members.merges.get(key)) || [];
    return [
      ...(key === undefined ? [] : this.writesTo(`${key}.${name}`)),
      ...merged.flatMap(source => this.ofProperty(source, name, seen)),
      ...this.ofOwnProperty(object, name, seen),
    ];
  }

  /** The property as the expression itself defines it, without later writes. */
  private ofOwnProperty(object: AnyNode, name: string, seen: VisitedNodes): readonly AnyNode[] {
    switch (object.type) {
      case 'ObjectExpression':
        return this.ofObject(object, name, seen);
      case 'ArrayExpression':
        return ofElements(object, name);
      case 'ClassDeclaration':
      case 'ClassExpression':
        return ofStaticFields(object, name);
      case 'CallExpression':
        if (isAssign(object)) return this.ofMerged(object.arguments, name, seen);
    }
    return this.stepWithin(object, seen).flatMap(value => this.ofProperty(value, name, seen));
  }

  private stepWithin(node: AnyNode, seen: VisitedNodes): readonly AnyNode[] {
    if (node.type === 'MemberExpression') return this.ofMember(node, seen);
    if (node.type === 'Identifier') return this.ofName(node, seen);
    return this.step(node) ?? [];
  }

  /** A later argument overwrites an earlier one if it certainly has the property. */
  private ofMerged(args: readonly AnyNode[], name: string, seen: VisitedNodes): readonly AnyNode[] {
    const found: AnyNode[] = [];
    for (const argument of [...args].reverse()) {
      found.push(...this.ofProperty(argument, name, seen));
      const has = (node: AnyNode) => node.type === 'Property' && keyOf(node) === name;
      if (argument.type === 'ObjectExpression' && argument.properties.some(has)) break;
    }
    return found;
  }

  private ofObject({ properties }: ObjectExpression, name: string, seen: VisitedNodes): readonly AnyNode[] {
    if (name === ANY)
      return few(properties).flatMap(any => (any.type === 'Property' ? [any.value as AnyNode] : []));
    const found: AnyNode[] = [];
    for (const property of [...properties].reverse()) {
      if (property.type === 'SpreadElement') found.push(...this.ofProperty(property.argument, name, seen));
      else if (property.type === 'Property' && keyOf(property) === name) {
        if (property.kind === 'get')
          found.push(...(this.tree.returns.get(property.value as FunctionNode) ?? []));
        else found.push(property.value);
        // The property overwrites everything that is spread before it.
        break;
      }
    }
    return found;
  }

  // -------------------------------------------------------------------------------------------
  // Functions
  // -------------------------------------------------------------------------------------------

  private returned({ callee, arguments: [first] }: CallExpression): readonly AnyNode[] {
    const required = first === undefined ? undefined : this.required(callee, first);
    if (required !== undefined) return [required];
    // These return their argument: `Object.freeze(options)`, and our own `unsafe(options, reason)`.
    if (first !== undefined && /^(?:freeze|seal|unsafe)$/.test(this.originalName(callee) ?? ''))
      return [first];
    return this.functions.returned(callee);
  }

  /** `require('./slots')`. */
  private required(callee: AnyNode, first: AnyNode): AnyNode | undefined {
    const isRequire = callee.type === 'Identifier' && callee.name === 'require' && first.type === 'Literal';
    return isRequire ? this.tree.importsOf(specifierOf(first, first)) : undefined;
  }

  private ofParameter(fn: FunctionNode, index: number, seen: VisitedNodes): readonly AnyNode[] {
    const callee = fn.parent?.type === 'CallExpression' ? fn.parent.callee : undefined;
    // `[...].forEach(x => ...)` passes each element.
    if (index === 0 && callee?.type === 'MemberExpression' && ITERATORS.test(keyOf(callee) ?? ''))
      return this.ofProperty(callee.object, ANY, seen);
    return this.functions.passedTo(fn, index);
  }
}

function ofElements({ elements }: ArrayExpression, name: string): readonly AnyNode[] {
  const asked = name === ANY ? few(elements) : [elements[Number(name)]];
  return asked.filter(element => element != null && element.type !== 'SpreadElement') as AnyNode[];
}

function ofStaticFields({ body }: Class, name: string): readonly AnyNode[] {
  return body.body.flatMap(member =>
    member.type === 'PropertyDefinition' && member.static && member.value && keyOf(member) === name
      ? [member.value]
      : [],
  );
}

function few<T>(nodes: readonly T[]): readonly T[] {
  return nodes.length > LARGEST_TABLE ? [] : nodes;
}

/** The object at the start of `(await x).y.z`: x. */
function withoutMembers(node: AnyNode): AnyNode {
  if (node.type === 'MemberExpression') return withoutMembers(node.object);
  return node.type === 'AwaitExpression' ? withoutMembers(node.argument) : node;
}
