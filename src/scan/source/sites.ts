// The places in one file that pass FDs, or reach below what closefds and its readers can see.
//
// Pure: text in, sites out. How sure a site is says how much of the way this file shows:
//   certain    the call, and what it passes
//   likely     what is passed, under the name `stdio`, or the call without all that it passes
//   possible   something that looks like it, or that could do it

import type {
  AnyNode,
  ArrayExpression,
  CallExpression,
  MemberExpression,
  NewExpression,
  Program,
} from 'acorn';
import type { Kind } from '../../core/request';
import type { Change } from './changes';
import { type Crossing, crossingOf } from './crossing-of';
import { indexTree } from './index-tree';
import { isStdio, isVocabulary, looksLikeStdio, mentionsWord } from './looks-like-stdio';
import { createExportOf, type Export } from './modules';
import { parseSource } from './parse';
import { createPosition, excerpt } from './position';
import { createReader, type Slots } from './slots';
import { functionAround, keyOf, nameOf } from './syntax';
import { calledName, createValues } from './values';

export type Sure = 'certain' | 'likely' | 'possible';
export const SURE: readonly Sure[] = ['certain', 'likely', 'possible'];

export interface Site {
  readonly what: What;
  readonly sure: Sure;
  /** What makes it that sure, and no surer. */
  readonly reason: Reason;
  /** Of what reaches the child. Empty if it cannot be told. */
  readonly kinds: readonly Kind[];
  /** The child's numbers, as far as they are known. */
  readonly slots: readonly number[];
  /** Whether there may be others. */
  readonly more: boolean;
  /** The function that starts the process: `spawn`, `cross-spawn`, `execa.execaNode`. */
  readonly via?: string;
  /** Of the call if it is known, else of what is passed. From 1. */
  readonly line: number;
  readonly column: number;
  /** All lines that belong to it, such as those where the array is written. */
  readonly lines: readonly number[];
  readonly shows: string;
  /** The line that `shows` is from: that of the array, if there is one. */
  readonly shownAt: number;
}

export type What =
  | 'stdio'
  | 'use'
  | 'explicit'
  | 'binding'
  | 'constructor'
  | 'execve'
  | 'patch'
  | 'addon'
  | 'known';

/** See message.ts for the sentences. */
export type Reason =
  | 'call-and-array'
  | 'own-channel'
  | 'said'
  | 'own-function'
  | 'open-slot'
  | 'grows'
  | 'name'
  | 'words'
  | 'added'
  | 'used'
  | 'open-rest'
  | 'by-hand'
  | 'below'
  | 'execve'
  | 'makes-processes'
  | 'opens'
  | 'compat';

export interface Surroundings {
  /** Packages that start processes on behalf of their callers. */
  readonly launchers: ReadonlySet<string>;
}

/** What a file must say to be worth parsing. Nobody spells these with escapes. */
const WORTH = /stdio|child_process|process_wrap|spawn_sync|execve|ChildProcess|execa|withFds|\bipc\b/;

export function isWorthParsing(text: string): boolean {
  return WORTH.test(text);
}

/** Throws SyntaxError or RangeError, see `parseSource()`. */
export function sitesOf(text: string, file: string, surroundings: Surroundings): readonly Site[] {
  return isWorthParsing(text) ? analyze(parseSource(text, file), text, surroundings) : [];
}

const OWN = 'closefds';
/** child_process's functions that read `stdio`. `exec` and `execFile` do not. */
const STARTERS = new Set(['spawn', 'spawnSync', 'fork', 'execFileSync', 'execSync', '_forkChild']);
/** These two start a process with what they choose. */
const DEAF = new Set(['exec', 'execFile']);
const PATCHED = /^(?:spawn|fork|exec|execFile|spawnSync|execSync|execFileSync)$/;

function analyze(program: Program, text: string, { launchers }: Surroundings): readonly Site[] {
  const tree = indexTree(program);
  const values = createValues(tree);
  const reader = createReader(tree, values);
  const exportOf = createExportOf(tree, values, module => {
    return (
      module === 'child_process' || module === OWN || module === 'process' || launchers.has(packageOf(module))
    );
  });
  const position = createPosition(text);
  const sites: Site[] = [];
  /** Arrays and pushes that a call accounts for. */
  const used = new Set<AnyNode>();

  for (const call of tree.calls) ofCall(call);
  for (const { left, right } of tree.assignments) if (left.type === 'MemberExpression') ofPatch(left, right);
  const starts = tree.calls.some(call => startedBy(call) !== undefined);
  ofNames();
  ofArrays(starts);
  for (const change of reader.changes) ofChange(change, starts);
  ofUses();
  return merged(sites);

  // -------------------------------------------------------------------------------------------
  // Calls
  // -------------------------------------------------------------------------------------------

  function ofCall(call: CallExpression | NewExpression): void {
    const found = exportOf(startedWith(call));
    const via = startedBy(call, found);
    if (found?.module === OWN) ofOwn(call, found);
    else if (isOfProcess(call.callee, 'execve', found))
      add(call, {
        what: 'execve',
        sure: 'possible',
        kinds: ['stray'],
        more: true,
        via: 'process.execve',
        reason: 'execve',
      });
    else if (isOfProcess(call.callee, 'binding', found)) ofBinding(call);
    else if (found?.module === 'child_process' && DEAF.has(found.path[0] ?? '')) ofDeaf(call);
    else if (via === undefined) ofPatchingCall(call);
    else ofStart(call, via, found);
  }

  function ofStart(call: CallExpression | NewExpression, via: string, found: Export | undefined): void {
    const passed = argumentsOf(call).flatMap(argument => reader.arraysIn(argument, 'stdio', call));
    // A command's arguments may have the same words.
    for (const argument of call.arguments) if (argument.type === 'ArrayExpression') used.add(argument);
    if (report(call, passed, via, true)) return;
    if (addsChannel(call, found))
      add(call, {
        what: 'stdio',
        sure: 'certain',
        kinds: ['ipc'],
        slots: [3],
        via,
        reason: 'own-channel',
      });
    else if (via === 'new ChildProcess')
      add(call, {
        what: 'constructor',
        sure: 'possible',
        more: true,
        via,
        reason: 'by-hand',
      });
  }

  /** What the function gets: `f(...[a, b])`, `f.apply(x, [a, b])` and `Reflect.apply(f, x, [a, b])`. */
  function argumentsOf({ callee, arguments: args }: CallExpression | NewExpression): readonly AnyNode[] {
    const isApplied = callee.type === 'MemberExpression' && keyOf(callee) === 'apply';
    return args.flatMap((argument, index) => {
      const isList = argument.type === 'SpreadElement' || (isApplied && index === args.length - 1);
      if (!isList) return [argument];
      const list = argument.type === 'SpreadElement' ? argument.argument : argument;
      // Only as it stands: what nodemon applies is changed in the branch that forks.
      return list.type === 'ArrayExpression' ? elementsOf(list) : [];
    });
  }

  /** Whatever its `stdio` says, it is not listened to. */
  function ofDeaf(call: CallExpression | NewExpression): void {
    for (const argument of call.arguments)
      if (argument.type === 'ObjectExpression')
        for (const { nodes } of reader.arraysIn(argument, 'stdio', call))
          for (const node of nodes) used.add(node);
  }

  /** The name of what starts a process here, if it is known to. */
  function startedBy(
    call: CallExpression | NewExpression,
    found = exportOf(startedWith(call)),
  ): string | undefined {
    if (call.type === 'NewExpression' && isOwnChildProcess(call.callee)) return 'new ChildProcess';
    if (
      call.callee.type === 'MemberExpression' &&
      keyOf(call.callee) === 'spawn' &&
      isChildProcess(call.callee.object)
    )
      return 'ChildProcess.spawn';
    if (found === undefined || found.module === 'process' || found.module === OWN) return undefined;
    const [name, ...rest] = found.path;
    if (found.module !== 'child_process')
      return rest.length > 1 ? undefined : [found.module, ...found.path].join('.');
    if (name === 'ChildProcess') return call.type === 'NewExpression' ? 'new ChildProcess' : undefined;
    return name !== undefined &&
      STARTERS.has(name) &&
      (rest.length === 0 || rest[0] === 'call' || rest[0] === 'apply')
      ? name
      : undefined;
  }

  function isChildProcess(node: AnyNode): boolean {
    return values
      .all(node)
      .some(
        value =>
          value.type === 'NewExpression' &&
          (exportOf(value.callee)?.path[0] === 'ChildProcess' || isOwnChildProcess(value.callee)),
      );
  }

  /** `class Mine extends ChildProcess`. Where the name leads is not followed: every `new` would cost that. */
  function isOwnChildProcess(callee: AnyNode): boolean {
    const sources = callee.type === 'Identifier' ? (tree.resolve(callee)?.sources ?? []) : [];
    return sources.some(
      source =>
        source.from === 'value' &&
        source.path.length === 0 &&
        (source.value.type === 'ClassDeclaration' || source.value.type === 'ClassExpression') &&
        source.value.superClass != null &&
        exportOf(source.value.superClass)?.path[0] === 'ChildProcess',
    );
  }

  function isOfProcess(callee: AnyNode, name: string, found: Export | undefined): boolean {
    if (found?.module === 'process') return found.path[0] === name;
    if (!isProcess(callee, name)) return false;
    // Something of that name, made in this file.
    const { object } = callee as MemberExpression;
    return !values.all(object).some(value => /^(?:New|Object|Class)Expression$/.test(value.type));
  }

  /** execa's `execaNode()`, `execa.node()` and the options `node` and `ipc`. */
  function addsChannel(call: CallExpression | NewExpression, found: Export | undefined): boolean {
    if (found?.module !== 'execa') return false;
    if (found.path.includes('execaNode') || found.path.includes('node')) return !says(call, 'ipc', false);
    return says(call, 'ipc', true) || (says(call, 'node', true) && !says(call, 'ipc', false));
  }

  function says(call: CallExpression | NewExpression, option: string, wanted: boolean): boolean {
    return call.arguments.some(
      argument =>
        argument.type !== 'SpreadElement' &&
        values.property(argument, option).some(value => isBoolean(value, wanted)),
    );
  }

  function ofOwn(call: CallExpression | NewExpression, { path }: Export): void {
    if (path[0] !== 'withFds') return;
    const [, fds] = call.arguments;
    const objects =
      fds === undefined ? [] : values.all(fds).filter(value => value.type === 'ObjectExpression');
    const slots = objects.flatMap(object =>
      (object as { properties: readonly AnyNode[] }).properties.flatMap(property => {
        const number = property.type === 'Property' ? Number(keyOf(property)) : Number.NaN;
        return Number.isInteger(number) ? [number] : [];
      }),
    );
    add(call, {
      what: 'explicit',
      sure: 'certain',
      kinds: ['fd', 'pipe'],
      slots,
      more: slots.length === 0,
      via: 'withFds',
      reason: 'said',
    });
  }

  function ofBinding(call: CallExpression | NewExpression): void {
    const [name] = call.arguments;
    const wanted =
      name === undefined
        ? []
        : values.all(name).map(value => (value.type === 'Literal' ? String(value.value) : ''));
    const binding = wanted.find(name => name === 'process_wrap' || name === 'spawn_sync');
    if (binding === undefined) return;
    add(call, {
      what: 'binding',
      sure: 'possible',
      more: true,
      via: `process.binding('${binding}')`,
      reason: 'below',
    });
  }

  // -------------------------------------------------------------------------------------------
  // Patches
  // -------------------------------------------------------------------------------------------

  function ofPatch(left: AnyNode, right: AnyNode): void {
    if (left.type !== 'MemberExpression') return;
    const owner = patchable(left.object);
    // `cp.spawn = cp.spawn` and interop helpers copy; a patch brings a function of its own.
    if (owner === undefined) return;
    if (exportOf(right)?.module === 'child_process' && right.type === 'MemberExpression') return;
    const name = namesOf(left).find(name => PATCHED.test(name));
    if (name !== undefined) patches(left, owner + name);
  }

  /** `shimmer.wrap(cp, 'spawn', ...)`, `Object.defineProperty(cp, 'spawn', ...)`, `Object.assign(cp, { spawn })`. */
  function ofPatchingCall(call: CallExpression | NewExpression): void {
    const [target, name] = call.arguments;
    if (target === undefined || name === undefined) return;
    const verb = call.callee.type === 'MemberExpression' ? keyOf(call.callee) : nameOf(call.callee);
    const isOne = call.arguments.length >= 3 && /wrap|patch|defineProperty$|^set$/i.test(verb ?? '');
    const isMany = /^(?:massWrap|assign|defineProperties)$/.test(verb ?? '');
    if (!isOne && !isMany) return;
    const targets = target.type === 'ArrayExpression' ? elementsOf(target) : [target];
    const owner = targets.map(patchable).find(owner => owner !== undefined);
    if (owner === undefined) return;
    const found = isMany ? call.arguments.slice(1).flatMap(keysIn) : stringsIn(name);
    const patched = found.find(name => PATCHED.test(name));
    if (patched !== undefined) patches(call, owner + patched);
  }

  /** What is said before the function's name; undefined for what is not child_process. */
  function patchable(node: AnyNode): string | undefined {
    const found = exportOf(node);
    if (found?.module !== 'child_process') return undefined;
    // `Object.create(cp)` is another object.
    const isCopy = (value: AnyNode) =>
      value.type === 'CallExpression' && /^(?:create|clone)$/.test(calledName(value.callee) ?? '');
    if (values.all(node).some(isCopy)) return undefined;
    if (found.path.length === 0) return '';
    const isPrototype = found.path[0] === 'ChildProcess' && found.path.at(-1) === 'prototype';
    return isPrototype ? 'ChildProcess.prototype.' : undefined;
  }

  /** `cp.spawn`, and `cp[name]` in a loop over names. */
  function namesOf(member: MemberExpression): readonly string[] {
    const name = keyOf(member);
    return name === undefined ? stringsIn(member.property) : [name];
  }

  function stringsIn(node: AnyNode): readonly string[] {
    return values.all(node).flatMap(value => (value.type === 'Literal' ? [String(value.value)] : []));
  }

  /** Of an object its keys, of an array its strings. */
  function keysIn(node: AnyNode): readonly string[] {
    return values.all(node).flatMap(value => {
      if (value.type === 'ArrayExpression') return elementsOf(value).flatMap(stringsIn);
      if (value.type !== 'ObjectExpression') return [];
      return value.properties.flatMap(property => {
        const key = property.type === 'Property' ? keyOf(property) : undefined;
        return key === undefined ? [] : [key];
      });
    });
  }

  function patches(node: AnyNode, name: string): void {
    add(node, {
      what: 'patch',
      sure: 'certain',
      kinds: [],
      via: name,
      reason: 'own-function',
    });
  }

  // -------------------------------------------------------------------------------------------
  // What no call accounts for
  // -------------------------------------------------------------------------------------------

  function ofNames(): void {
    for (const property of tree.properties)
      if (isStdio(keyOf(property))) report(property.value, reader.arrays(property.value), undefined, false);
    for (const { left, right } of tree.assignments) {
      const name = left.type === 'MemberExpression' ? keyOf(left) : nameOf(left);
      if (isStdio(name))
        report(right, reader.arrays(left.type === 'MemberExpression' ? left : right), undefined, false);
    }
    for (const { id, init } of tree.declarators)
      if (init && isStdio(nameOf(id))) report(init, reader.arrays(id), undefined, false);
    for (const { key, value, computed } of tree.fields)
      if (value && isStdio(keyOf({ key, computed }))) report(value, reader.arrays(value), undefined, false);
  }

  /** An array that can hardly be anything else, wherever it stands. */
  function ofArrays(starts: boolean): void {
    for (const array of tree.arrays) {
      if (used.has(array) || isVocabulary(array) || !looksLikeStdio(array.elements)) continue;
      const name = functionName(array);
      const sure = isStdio(name) || starts ? 'likely' : 'possible';
      report(array, reader.arrays(array), undefined, false, sure, 'words');
    }
  }

  function ofChange({ node, target, values: given, how, index }: Change, starts: boolean): void {
    if (used.has(node) || how === 'fill' || how === 'shrink') return;
    const isNamed = isStdio(target.type === 'MemberExpression' ? keyOf(target) : nameOf(target));
    // `Kind[Kind["ipc"] = 1] = "ipc"`, and every other table with such a word in it.
    if (how === 'index' && !isNamed) return;
    const number = index?.type === 'Literal' ? Number(index.value) : undefined;
    const kinds = given
      .filter(value => value.type !== 'SpreadElement' && mentionsWord(value))
      .flatMap(value => reader.slot(value).kinds)
      .filter(kind => kind === 'ipc' || number === undefined || number >= 3);
    if (!(isNamed ? kinds.length > 0 : kinds.includes('ipc'))) return;
    used.add(node);
    add(node, {
      what: 'stdio',
      sure: isNamed || starts ? 'likely' : 'possible',
      kinds: unique(kinds),
      slots: number === undefined ? [] : [number],
      more: number === undefined,
      reason: 'added',
    });
  }

  function ofUses(): void {
    const numbers = new Map<AnyNode, number[]>();
    const add_ = (node: AnyNode, number: number) => {
      if (number >= 3 && number < 1024) numbers.set(node, [...(numbers.get(node) ?? []), number]);
    };
    for (const member of tree.members) {
      const { object, property, computed } = member;
      if (!computed || property.type !== 'Literal' || typeof property.value !== 'number') continue;
      if (isWritten(member)) continue;
      if (isStdioMember(object as AnyNode) || (isStdioOfChild(object as AnyNode) && isStream(member)))
        add_(member, property.value);
    }
    for (const { id, init } of tree.declarators) if (init) ofPattern(id, isStdioMember(init), add_);
    for (const { left, right } of tree.assignments) ofPattern(left, isStdioMember(right), add_);
    for (const { callee, arguments: args } of tree.calls) {
      const [first] = args;
      if (callee.type !== 'MemberExpression' || keyOf(callee) !== 'at' || first?.type !== 'Literal') continue;
      if (isStdioMember(callee.object)) add_(callee, Number(first.value));
    }
    for (const [node, slots] of numbers)
      add(node, {
        what: 'use',
        sure: 'likely',
        kinds: ['pipe'],
        slots,
        reason: 'used',
      });
  }

  /** A variable for it: `const { stdio } = child`, `const pipes = child.stdio`. */
  function isStdioOfChild(node: AnyNode): boolean {
    if (node.type !== 'Identifier') return false;
    return (tree.resolve(node)?.sources ?? []).some(
      source =>
        source.path.at(-1) === 'stdio' ||
        (source.from === 'value' && source.path.length === 0 && isStdioMember(source.value)),
    );
  }

  /** `const [, , , out] = child.stdio`, `const { 3: out } = child.stdio`, `const { stdio: [, , , out] } = child`. */
  function ofPattern(pattern: AnyNode, isStdio: boolean, use: (node: AnyNode, number: number) => void): void {
    if (pattern.type === 'ArrayPattern' && isStdio)
      for (const [index, element] of pattern.elements.entries()) if (element) use(pattern, index);
    if (pattern.type !== 'ObjectPattern') return;
    for (const property of pattern.properties) {
      if (property.type !== 'Property') continue;
      if (isStdio) use(pattern, Number(keyOf(property)));
      else ofPattern(property.value, keyOf(property) === 'stdio', use);
    }
  }

  // -------------------------------------------------------------------------------------------
  // Writing it down
  // -------------------------------------------------------------------------------------------

  function report(
    node: AnyNode,
    arrays: readonly Slots[],
    via: string | undefined,
    isCall: boolean,
    sure?: Sure,
    reason?: Reason,
  ): boolean {
    let found = false;
    for (const array of arrays) {
      const isFresh = array.nodes.some(part => !used.has(part));
      if (!isCall && (!isFresh || array.nodes.some(isVocabulary))) continue;
      const crossing = crossingOf(array);
      if (crossing !== undefined || isCall) for (const part of array.nodes) used.add(part);
      if (crossing === undefined) continue;
      found = true;
      const judged = isCall
        ? judge(array, crossing)
        : {
            sure: sure ?? 'likely',
            reason: reason ?? 'name',
          };
      // Without a call, a value that nobody knows says little.
      if (!isCall && crossing.isOpen && judged.sure === 'likely') Object.assign(judged, { sure: 'possible' });
      add(
        node,
        {
          what: 'stdio',
          ...judged,
          kinds: crossing.kinds,
          slots: crossing.slots,
          more: crossing.more,
          ...(via && { via }),
        },
        array.nodes,
      );
    }
    return found;
  }

  function judge(array: Slots, { isOpen, more, slots }: Crossing): { sure: Sure; reason: Reason } {
    if (slots.length > 0 && !isOpen) return { sure: 'certain', reason: 'call-and-array' };
    if (slots.length > 0) return { sure: 'likely', reason: 'open-slot' };
    if (more && !isOpen) return { sure: 'likely', reason: 'grows' };
    return {
      sure: 'possible',
      reason: array.rest.length > 0 ? 'open-rest' : 'open-slot',
    };
  }

  function add(
    node: AnyNode,
    site: Partial<Site> & Pick<Site, 'what' | 'sure' | 'reason'>,
    parts: readonly AnyNode[] = [],
  ): void {
    const at = node.type === 'CallExpression' ? placeOfCall(node) : node.start;
    const { line, column } = position(at);
    const shown = parts[0]?.start ?? node.start;
    const lines = [node.start, at].map(start => position(start).line);
    for (const part of parts) lines.push(...linesOf(part));
    sites.push({
      kinds: [],
      slots: [],
      more: false,
      ...site,
      line,
      column,
      lines: unique([line, ...lines]).sort((a, b) => a - b),
      shows: excerpt(text, shown),
      shownAt: position(shown).line,
    });
  }

  /** All lines of an array, which may stand one element a line; of others the first. */
  function linesOf({ type, start, end }: AnyNode): number[] {
    const first = position(start).line;
    const last = type === 'ArrayExpression' ? position(end).line : first;
    return Array.from({ length: Math.min(last - first, 100) + 1 }, (_, index) => first + index);
  }
}

/** One site a line and a kind of place: a call whose array has several forms is one. */
function merged(sites: readonly Site[]): readonly Site[] {
  const places = new Map<string, Site>();
  for (const site of sites) {
    // `f(child.stdio[3], child.stdio[4])` is one use.
    const column = site.what === 'use' ? '' : site.column;
    const key = `${site.what} ${site.line}:${column} ${site.via ?? ''}`;
    const known = places.get(key);
    places.set(key, known === undefined ? site : join(known, site));
  }
  return [...places.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

function join(a: Site, b: Site): Site {
  const [surer] = SURE.indexOf(a.sure) <= SURE.indexOf(b.sure) ? [a] : [b];
  return {
    ...surer,
    kinds: unique([...a.kinds, ...b.kinds]),
    slots: unique([...a.slots, ...b.slots]).sort((x, y) => x - y),
    more: a.more || b.more,
    lines: unique([...a.lines, ...b.lines]).sort((x, y) => x - y),
  };
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** Where a stack trace places a call: at the name of a method, else at the callee. */
function placeOfCall({ callee }: CallExpression): number {
  return callee.type === 'MemberExpression' ? callee.property.start : callee.start;
}

/** `Reflect.apply(cp.spawn, ...)` starts what its first argument would. */
function startedWith({ callee, arguments: [first] }: CallExpression | NewExpression): AnyNode {
  const isReflect =
    callee.type === 'MemberExpression' &&
    callee.object.type === 'Identifier' &&
    callee.object.name === 'Reflect' &&
    keyOf(callee) === 'apply';
  return isReflect && first !== undefined ? first : callee;
}

function elementsOf({ elements }: ArrayExpression): readonly AnyNode[] {
  return elements.filter(element => element !== null && element.type !== 'SpreadElement') as AnyNode[];
}

function isProcess(callee: AnyNode, name: string): boolean {
  if (callee.type !== 'MemberExpression' || keyOf(callee) !== name) return false;
  const { object } = callee;
  return (
    (object.type === 'Identifier'
      ? object.name
      : object.type === 'MemberExpression'
        ? keyOf(object)
        : undefined) === 'process'
  );
}

function isBoolean(node: AnyNode, wanted: boolean): boolean {
  if (node.type === 'Literal') return node.value === wanted;
  // Minified: !0 and !1.
  return (
    node.type === 'UnaryExpression' &&
    node.operator === '!' &&
    node.argument.type === 'Literal' &&
    !node.argument.value === wanted
  );
}

function isStdioMember(node: AnyNode): boolean {
  return node.type === 'MemberExpression' && keyOf(node) === 'stdio';
}

/** What is asked of it only streams can do: it is no option that is looked at. */
function isStream({ parent }: MemberExpression): boolean {
  return parent?.type === 'MemberExpression' && STREAM.test(keyOf(parent) ?? '');
}

const STREAM =
  /^(?:on|once|off|write|end|pipe|read|destroy|resume|pause|ref|unref|setEncoding|addListener|removeAllListeners)$/;

function isWritten(node: AnyNode): boolean {
  const { parent } = node;
  return parent?.type === 'AssignmentExpression' && parent.left === node;
}

function functionName(node: AnyNode): string | undefined {
  const fn = functionAround(node);
  if (fn === undefined) return undefined;
  if (fn.id) return fn.id.name;
  const { parent } = fn;
  if (parent?.type === 'MethodDefinition' || parent?.type === 'Property') return keyOf(parent);
  return parent?.type === 'VariableDeclarator' ? nameOf(parent.id) : undefined;
}

function packageOf(module: string): string {
  const parts = module.split('/');
  return parts.slice(0, module.startsWith('@') ? 2 : 1).join('/');
}
