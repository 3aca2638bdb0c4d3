// What a `stdio` may designate: the arrays it may be, and how each grows.

import type { AnyNode, ArrayExpression, CallExpression, NewExpression } from 'acorn';
import type { Kind } from '../../core/request';
import { type Change, collectChanges } from './changes';
import type { Tree } from './index-tree';
import { kindOf } from './kind-of';
import { isFunction, keyOf } from './syntax';
import { calledName, isInLoop, isLoop, type Values } from './values';

export interface Slot {
  /** Empty where nothing is passed: 'ignore', null, a hole. */
  readonly kinds: readonly Kind[];
  /** Its value is not written in this file. */
  readonly isOpen?: boolean;
}

/** One array that a `stdio` may be. */
export interface Slots {
  readonly slots: readonly Slot[];
  /** What stands at numbers that cannot be told: pushed in a loop, spread, set at a computed index. */
  readonly rest: readonly Slot[];
  /** What it is written with: the array, the pushes. */
  readonly nodes: readonly AnyNode[];
}

export interface Reader {
  /** The arrays that an expression may be. */
  readonly arrays: (node: AnyNode) => readonly Slots[];
  /** The arrays that `name` may be in an object that this call is given. */
  readonly arraysIn: (object: AnyNode, name: string, call: AnyNode) => readonly Slots[];
  readonly slot: (node: AnyNode | null) => Slot;
  /** `push` and the like, writes to an index, and what makes an array shorter. */
  readonly changes: readonly Change[];
}

const NONE: Slot = { kinds: [] };
const OPEN: Slot = { kinds: ['fd', 'pipe'], isOpen: true };
/** A word that is none of Node's: the array is no `stdio`. */
const ALTERNATIVES = 12;

export function createReader(tree: Tree, values: Values): Reader {
  const changes = collectChanges(tree);
  const changesOf = groupByKey();
  /** For which call the arrays are looked for. */
  let user: AnyNode | undefined;
  return {
    arrays: node => arrays(node, new Set()),
    arraysIn: (object, name, call) => {
      user = call;
      const found = arraysIn(object, name, new Set());
      user = undefined;
      return found;
    },
    slot,
    changes,
  };

  function arrays(node: AnyNode, seen: Set<AnyNode>): readonly Slots[] {
    if (seen.has(node)) return [];
    seen.add(node);
    if (node.type === 'ArrayExpression') return [ofArray(node, seen)];
    const built = built_(node, seen);
    if (built !== undefined) return built;
    if (node.type === 'MemberExpression') {
      const name = keyOf(node);
      if (name !== undefined) return arraysIn(node.object, name, seen);
    }
    const found = (values.step(node) ?? []).flatMap(value => arrays(value, seen));
    return grown(found, values.key(node));
  }

  function arraysIn(object: AnyNode, name: string, seen: Set<AnyNode>): readonly Slots[] {
    const found = values.property(object, name).flatMap(value => arrays(value, seen));
    const keys = new Set<string>();
    // `options.stdio.push()` may be said of each name that the object goes by on its way.
    const open = [object];
    const passed = new Set<AnyNode>();
    for (let node = open.pop(); node !== undefined && passed.size < 50; node = open.pop()) {
      if (passed.has(node)) continue;
      passed.add(node);
      const key = values.key(node);
      if (key !== undefined) keys.add(`${key}.${name}`);
      open.push(...(values.step(node) ?? []));
    }
    return [...keys].reduce<readonly Slots[]>((found, key) => grown(found, key), found);
  }

  function ofArray(node: ArrayExpression, seen: Set<AnyNode>): Slots {
    let slots: Slot[] = [];
    const rest: Slot[] = [];
    const nodes: AnyNode[] = [node];
    for (const element of node.elements) {
      if (element?.type !== 'SpreadElement') {
        (rest.length > 0 ? rest : slots).push(slot(element));
        continue;
      }
      const spread = arrays(element.argument, seen).at(0);
      if (spread === undefined) rest.push(OPEN);
      else {
        slots = [...slots, ...spread.slots];
        rest.push(...spread.rest);
        nodes.push(...spread.nodes);
      }
    }
    return { slots, rest, nodes };
  }

  /** `[...].concat()`, `Array(5).fill('pipe')`, `Array.from(...)`. */
  function built_(node: AnyNode, seen: Set<AnyNode>): readonly Slots[] | undefined {
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return undefined;
    const { callee, arguments: args } = node;
    if (callee.type === 'Identifier' && callee.name === 'Array') {
      const [length] = args;
      if (args.length !== 1 || length === undefined) return [ofElements(args, node)];
      return [{ ...sized(length, NONE), nodes: [node] }];
    }
    const spread = spreadBy(node);
    if (spread !== undefined) {
      const [base, ...more] = spread;
      return arrays(base, seen).map(base =>
        more.reduce<Slots>((joined, argument) => join(joined, argument, node, seen), base),
      );
    }
    if (callee.type !== 'MemberExpression') return undefined;
    const before = () => arrays(callee.object, seen);
    const [first] = args;
    switch (keyOf(callee)) {
      case 'concat':
        return before().map(base =>
          args.reduce((joined, argument) => join(joined, argument, node, seen), base),
        );
      case 'fill': {
        if (first === undefined) return undefined;
        const filled = slot(first);
        return before().map(base => ({
          slots: base.slots.map(() => filled),
          rest: base.rest.map(() => filled),
          nodes: [...base.nodes, node],
        }));
      }
      case 'slice':
        return args.length === 0 ? before() : before().map(base => slice(base, args, node));
      case 'from':
        return first === undefined ? undefined : made(first, args[1], node, seen);
      case 'map':
        return first === undefined ? undefined : mapped(before(), first, node);
      case 'filter':
        return before().map(base => unnumbered(base, node));
      case 'of':
        return [ofElements(args, node)];
      default:
        return undefined;
    }
  }

  function ofElements(args: readonly AnyNode[], node: AnyNode): Slots {
    return { slots: args.map(slot), rest: [], nodes: [node] };
  }

  /** `Array.from({ length: 4 }, () => 'pipe')`, `Array.from(list, x => ...)`. */
  function made(
    from: AnyNode,
    each: AnyNode | undefined,
    node: AnyNode,
    seen: Set<AnyNode>,
  ): readonly Slots[] | undefined {
    const [length] = values.property(from, 'length');
    const base = length === undefined ? arrays(from, seen) : [{ ...sized(length, NONE), nodes: [node] }];
    if (each === undefined) return base;
    const found = mapped(base, each, node);
    // Neither how many nor what: execa's own `Array.from({ length }, (_, i) => stdio[i])`.
    return found.some(({ rest }) => rest.some(({ kinds, isOpen }) => isOpen || kinds.length === 0))
      ? undefined
      : found;
  }

  /** As many slots, each with what the function makes of it. */
  function mapped(bases: readonly Slots[], each: AnyNode, node: AnyNode): readonly Slots[] {
    const returned = values.all(each).flatMap(fn => (isFunction(fn) ? (tree.returns.get(fn) ?? []) : []));
    const made = returned.map(slot);
    const one: Slot =
      made.length === 0
        ? OPEN
        : {
            kinds: [...new Set(made.flatMap(({ kinds }) => kinds))],
            isOpen: made.some(({ isOpen }) => isOpen),
          };
    return bases.map(base => ({
      slots: base.slots.map(() => one),
      rest: base.rest.map(() => one),
      nodes: [...base.nodes, node],
    }));
  }

  /** Some are left out, which cannot be told. Those behind them move, and always to lower numbers. */
  function unnumbered({ slots, rest, nodes }: Slots, node: AnyNode): Slots {
    return { slots: slots.slice(0, 3), rest: [...slots.slice(3), ...rest], nodes: [...nodes, node] };
  }

  function sized(length: AnyNode, filled: Slot): Omit<Slots, 'nodes'> {
    const count = length.type === 'Literal' && typeof length.value === 'number' ? length.value : undefined;
    if (count === undefined || count > 1024) return { slots: [], rest: [filled] };
    return { slots: Array.from({ length: count }, () => filled), rest: [] };
  }

  function join(base: Slots, argument: AnyNode, node: AnyNode, seen: Set<AnyNode>): Slots {
    const [more] = arrays(argument, seen);
    const nodes = [...base.nodes, node];
    if (more === undefined) {
      const one = slot(argument);
      // It may as well be an array.
      return append({ ...base, nodes }, [one], one.isOpen === true);
    }
    return append(
      { ...base, nodes: [...nodes, ...more.nodes], rest: [...base.rest, ...more.rest] },
      more.slots,
      false,
    );
  }

  function slice(base: Slots, [from, to]: readonly AnyNode[], node: AnyNode): Slots {
    const [start, end] = [numberOf(from), numberOf(to)];
    if (start === undefined || (to !== undefined && end === undefined)) return unnumbered(base, node);
    return { slots: base.slots.slice(start, end), rest: base.rest, nodes: [...base.nodes, node] };
  }

  /** With what is pushed to the variable or member of that key, anywhere in the file. */
  function grown(found: readonly Slots[], key: string | undefined): readonly Slots[] {
    const own = (key === undefined ? undefined : changesOf.get(key)) ?? [];
    return own.reduce(
      (found, change) => found.flatMap(slots => withChange(slots, change, own)).slice(0, ALTERNATIVES),
      found,
    );
  }

  /** What is pushed in the one branch and what in the other are not pushed both. */
  function withChange(slots: Slots, change: Change, all: readonly Change[]): readonly Slots[] {
    if (user !== undefined && isApart(change.node, user, slots.nodes[0] as AnyNode)) return [slots];
    const rivals = all.filter(({ node }) => areExclusive(node, change.node));
    if (rivals.some(({ node }) => slots.nodes.includes(node))) return [slots];
    return rivals.length === 0 ? [changed(slots, change)] : [changed(slots, change), slots];
  }

  function changed(base: Slots, { node, how, values: given, index }: Change): Slots {
    const nodes = [...base.nodes, node];
    const loop = isInLoop(node, repeatedAround(base.nodes[0] as AnyNode));
    const slots = given.map(value => (value.type === 'SpreadElement' ? OPEN : slot(value)));
    const spread = given.some(value => value.type === 'SpreadElement');
    switch (how) {
      case 'push':
        return append({ ...base, nodes }, slots, loop || spread);
      case 'fill':
        return {
          slots: base.slots.map(() => slots[0] ?? NONE),
          rest: base.rest.map(() => slots[0] ?? NONE),
          nodes,
        };
      case 'unshift':
        if (loop || spread) return { slots: [], rest: [...slots, ...base.slots, ...base.rest], nodes };
        return { slots: [...slots, ...base.slots], rest: base.rest, nodes };
      case 'splice':
        return spliced(base, node as CallExpression, slots.slice(2), loop || spread);
      case 'shrink':
        // In one branch it is shorter: in the other it is not.
        return isConditional(node) ? base : unnumbered(base, node);
      case 'index': {
        const at = numberOf(index);
        const [value = NONE] = slots;
        if (at === undefined || at > 1024) return { ...base, rest: [...base.rest, value], nodes };
        const filled = Array.from(
          { length: Math.max(base.slots.length, at + 1) },
          (_, i) => base.slots[i] ?? NONE,
        );
        // Set in one branch and not in the other: both are possible.
        filled[at] = { ...value, kinds: [...new Set([...(filled[at]?.kinds ?? []), ...value.kinds])] };
        return { slots: filled, rest: base.rest, nodes };
      }
    }
  }

  function spliced(base: Slots, node: CallExpression, added: readonly Slot[], repeated: boolean): Slots {
    const [start, count] = node.arguments.map(numberOf);
    const nodes = [...base.nodes, node];
    if (!repeated && start !== undefined && count === 0 && start <= base.slots.length) {
      const [before, after] = [base.slots.slice(0, start), base.slots.slice(start)];
      return { slots: [...before, ...added, ...after], rest: base.rest, nodes };
    }
    const kept = count === 0 || isConditional(node) ? base : unnumbered(base, node);
    return { ...kept, rest: [...kept.rest, ...added], nodes };
  }

  function append(base: Slots, more: readonly Slot[], unnumbered: boolean): Slots {
    if (unnumbered || base.rest.length > 0) return { ...base, rest: [...base.rest, ...more] };
    return { ...base, slots: [...base.slots, ...more] };
  }

  function slot(node: AnyNode | null): Slot {
    if (node === null) return NONE;
    const kinds = new Set<Kind>();
    let isOpen = false;
    for (const value of values.all(node)) {
      const kind = kindOf(value);
      if (kind === 'unknown') isOpen = true;
      else if (kind !== undefined) kinds.add(kind);
    }
    if (isOpen && kinds.size === 0) return OPEN;
    return isOpen ? { kinds: [...kinds], isOpen } : { kinds: [...kinds] };
  }

  function groupByKey(): ReadonlyMap<string, readonly Change[]> {
    const groups = new Map<string, Change[]>();
    for (const change of changes) {
      const key = values.key(change.target);
      if (key === undefined) continue;
      const known = groups.get(key);
      if (known === undefined) groups.set(key, [change]);
      else known.push(change);
    }
    return groups;
  }
}

/** What TypeScript, Babel and SWC make of `[...a, ...b]`: the arrays that are joined. */
function spreadBy({ callee, arguments: args }: CallExpression | NewExpression): Joined | undefined {
  const [first, second] = args;
  const name = calledName(callee) ?? '';
  if (first === undefined) return undefined;
  if (/^(?:_to_?consumable_?array|__read)$/i.test(name)) return [first];
  if (name === '__spread' || name === '__spreadArrays') return [first, ...args.slice(1)];
  // Minified, it has lost its name: `f(f([], a, true), b, false)`.
  const isSpread = name === '__spreadArray' || (callee.type === 'Identifier' && isEmptyOrSpread(first));
  return isSpread && second !== undefined ? [first, second] : undefined;
}

function isEmptyOrSpread(node: AnyNode): boolean {
  if (node.type === 'ArrayExpression') return node.elements.length === 0;
  return node.type === 'CallExpression' && (spreadBy(node)?.length ?? 0) > 1;
}

type Joined = readonly [AnyNode, ...AnyNode[]];

/** Whether what is made is never both changed and used: the two are in different branches, once each time. */
function isApart(change: AnyNode, use: AnyNode, made: AnyNode): boolean {
  const fork = forkBetween(change, use);
  // A case may fall through to the next.
  if (fork === undefined || fork.type === 'SwitchStatement') return false;
  const around = repeatedAround(fork);
  return around === undefined || (around.start <= made.start && made.end <= around.end);
}

/** The function or the loop's body around it: what is run more than once. */
function repeatedAround(node: AnyNode): AnyNode | undefined {
  for (let at: AnyNode = node; at.parent !== undefined; at = at.parent) {
    if (isFunction(at.parent)) return at.parent;
    if (isLoop(at.parent) && (at.parent as { body?: AnyNode }).body === at) return at;
  }
  return undefined;
}

function areExclusive(a: AnyNode, b: AnyNode): boolean {
  return forkBetween(a, b) !== undefined;
}

/** What takes the one way for a and the other for b. */
function forkBetween(a: AnyNode, b: AnyNode): AnyNode | undefined {
  if (a === b) return undefined;
  const wayUp = new Map<AnyNode, AnyNode>();
  for (let at = a; at.parent !== undefined; at = at.parent) wayUp.set(at.parent, at);
  for (let at = b; at.parent !== undefined; at = at.parent) {
    const { parent } = at;
    const other = wayUp.get(parent);
    if (other === undefined) continue;
    const branches = parent.type === 'IfStatement' || parent.type === 'ConditionalExpression';
    const isFork = branches
      ? other !== at && other !== parent.test && at !== parent.test
      : parent.type === 'SwitchStatement' && other !== at;
    return isFork ? parent : undefined;
  }
  return undefined;
}

function isConditional(node: AnyNode): boolean {
  for (let at = node.parent; at !== undefined && !isFunction(at); at = at.parent)
    if (/^(?:If|Conditional|Logical|Switch|Try|For|While|DoWhile)/.test(at.type)) return true;
  return false;
}

function numberOf(node: AnyNode | undefined): number | undefined {
  return node?.type === 'Literal' && typeof node.value === 'number' ? node.value : undefined;
}
