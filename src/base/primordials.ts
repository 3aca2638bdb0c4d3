// What rewritten code calls in place of intrinsics: `list.map(work)` becomes `$p.$map(list, work)`.
//
// The sources import none of this, see scripts/build/capture-intrinsics.mjs. It is evaluated when it is first
// needed, and the program may have broken all intrinsics by then: this file uses those of `captured` alone. So it
// has no method calls on values of the language, no for-of, no spread and no pattern of a list.

import type { Captured, Intrinsics } from './captured';
import { allMatches, executePattern, type PatternKit, replaceMatches, splitAt } from './pattern-methods';

type AnyMethod = (this: unknown, ...args: unknown[]) => unknown;
type List = readonly unknown[];
type Work = (value: unknown, index: number, all: List) => unknown;

let captured: Captured;
let methods: Captured['methods'];
let classes: Pick<typeof globalThis, 'Uint8Array' | 'Date' | 'Promise' | 'RegExp' | 'WeakRef'>;
let apply: typeof Reflect.apply;
let isArray: typeof Array.isArray;
let create: typeof Object.create;
let protoOf: typeof Object.getPrototypeOf;
let iterator: typeof Symbol.iterator;
let patterns: PatternKit;
let table: Intrinsics;

/** Makes the table `$p`. */
export function createPrimordials(given: Captured): Intrinsics {
  captured = given;
  ({ methods } = given);
  classes = given.values as unknown as typeof globalThis;
  ({ apply } = given.statics.Reflect as unknown as typeof Reflect);
  ({ isArray } = given.statics.Array as unknown as typeof Array);
  ({ create, getPrototypeOf: protoOf } = given.statics.Object as unknown as typeof Object);
  ({ iterator } = given.statics.Symbol as unknown as typeof Symbol);
  const { exec } = given.methods.regexp;
  const kit = { apply, exec, RegExp: classes.RegExp, ...given.getters, ...methods.string };
  patterns = kit as unknown as PatternKit;

  table = create(null) as Intrinsics;
  table.of = of;
  table.optional = optional;
  addMethods();
  addPatternMethods();
  addStatics();
  addCollections();
  return table;
}

function eachKey(holder: object, work: (key: string) => void): void {
  const { ownKeys } = captured.statics.Reflect as unknown as typeof Reflect;
  const keys = ownKeys(holder) as string[];
  for (let index = 0; index < keys.length; index++) work(keys[index] as string);
}

// ---------------------------------------------------------------------------------------------
// Methods: the type of the receiver shows when they are called
// ---------------------------------------------------------------------------------------------

function addMethods(): void {
  eachKey(captured.methods, type => {
    eachKey((captured.methods as Record<string, Intrinsics>)[type] as Intrinsics, name => {
      table[`$${name}`] ??= toFunction(name);
    });
  });
}

/** A function that calls the captured method of its first argument's type, or the argument's own method. */
function toFunction(name: string): (self: unknown, ...args: unknown[]) => unknown {
  return (self, ...args) =>
    apply((methodFor(name, self) ?? (self as Intrinsics)[name]) as AnyMethod, self, args);
}

function methodFor(name: string, self: unknown): unknown {
  const { array, string, number, function: ofFunction, object, buffer, date, promise, regexp } = methods;
  if (object[name] !== undefined) return object[name];
  if (typeof self === 'string') return string[name];
  if (typeof self === 'function') return ofFunction[name];
  if (typeof self === 'number') return number[name];
  if (isArray(self)) return ARRAY_METHODS[name] ?? array[name];
  if (buffer[name] !== undefined && self instanceof classes.Uint8Array) return buffer[name];
  if (date[name] !== undefined && self instanceof classes.Date) return date[name];
  if (promise[name] !== undefined && self instanceof classes.Promise) return promise[name];
  if (regexp[name] !== undefined && self instanceof classes.RegExp) return regexp[name];
  if (methods.weakRef[name] !== undefined && self instanceof classes.WeakRef) return methods.weakRef[name];
  return undefined;
}

/**
 * In place of methods that look for the class of the list that they return, which a program may have replaced, or
 * that return an iterator. Holes are treated as the methods of the language treat them.
 */
const ARRAY_METHODS: Record<string, (this: List, ...args: never[]) => unknown> = {
  __proto__: null as never,
  concat(this: List, ...others: unknown[]) {
    const lists: unknown[] = [this];
    for (let index = 0; index < others.length; index++) lists[index + 1] = others[index];
    return flatten(lists, true);
  },
  entries() {
    const all: unknown[] = [];
    for (let index = 0; index < this.length; index++) all[index] = [index, this[index]];
    return all;
  },
  filter(isKept: Work) {
    const kept: unknown[] = [];
    for (let index = 0; index < this.length; index++)
      if (index in this && isKept(this[index], index, this)) kept[kept.length] = this[index];
    return kept;
  },
  flat() {
    return flatten(this, false);
  },
  flatMap(work: Work) {
    return flatten(mapped(this, work), false);
  },
  keys() {
    const all: unknown[] = [];
    for (let index = 0; index < this.length; index++) all[index] = index;
    return all;
  },
  map(work: Work) {
    return mapped(this, work);
  },
  slice(this: List, from = 0, to = this.length) {
    const { length } = this;
    const end = to < 0 ? length + to : to;
    const part: unknown[] = [];
    let index = from < 0 ? length + from : from;
    if (index < 0) index = 0;
    for (; index < end && index < length; index++) add(part, this, index, true);
    return part;
  },
  values() {
    return this;
  },
};

function mapped(list: List, work: Work): unknown[] {
  const results: unknown[] = [];
  results.length = list.length;
  for (let index = 0; index < list.length; index++)
    if (index in list) results[index] = work(list[index], index, list);
  return results;
}

function flatten(lists: List, keepsHoles: boolean): unknown[] {
  const all: unknown[] = [];
  for (let index = 0; index < lists.length; index++) {
    const list = lists[index];
    if (!isArray(list)) add(all, lists, index, keepsHoles);
    else for (let at = 0; at < list.length; at++) add(all, list, at, keepsHoles);
  }
  return all;
}

/** Adds one element of a list, or a hole. */
function add(all: unknown[], list: List, index: number, keepsHoles: boolean): void {
  if (index in list) all[all.length] = list[index];
  else if (keepsHoles) all.length++;
}

/** `self?.name(...args)` */
function optional(self: unknown, name: string, ...args: unknown[]): unknown {
  if (self === undefined || self === null) return undefined;
  const all: unknown[] = [self];
  for (let index = 0; index < args.length; index++) all[index + 1] = args[index];
  return apply(table[name] as AnyMethod, undefined, all);
}

/** Those that would read `exec` and `flags` of the pattern, where a program may have replaced them. */
function addPatternMethods(): void {
  const replace = (text: string, pattern: RegExp, by: unknown) => replaceMatches(patterns, text, pattern, by);
  onPattern('match', (text, pattern) => {
    if (!apply(patterns.global, pattern, [])) return executePattern(patterns, pattern, text);
    const found = allMatches(patterns, text, pattern);
    return found.length === 0 ? null : mapped(found, match => (match as RegExpExecArray)[0]);
  });
  onPattern('matchAll', (text, pattern) => allMatches(patterns, text, pattern));
  onPattern('replace', replace);
  onPattern('replaceAll', replace);
  onPattern('search', (text, pattern) => executePattern(patterns, pattern, text)?.index ?? -1);
  onPattern('split', (text, pattern, limit) => splitAt(patterns, text, pattern, limit));
  const test = table.$test as AnyMethod;
  table.$test = (self: unknown, text: unknown) =>
    self instanceof patterns.RegExp
      ? executePattern(patterns, self, text as string) !== null
      : apply(test, undefined, [self, text]);
}

function onPattern(name: string, work: (text: string, pattern: RegExp, given: unknown) => unknown): void {
  const other = table[`$${name}`] as AnyMethod;
  table[`$${name}`] = (self: unknown, first: unknown, second: unknown) => {
    if (typeof self === 'string' && first instanceof patterns.RegExp) return work(self, first, second);
    return apply(other, undefined, second === undefined ? [self, first] : [self, first, second]);
  };
}

// ---------------------------------------------------------------------------------------------
// Iteration
// ---------------------------------------------------------------------------------------------

/** An iterable over the same values that calls nothing of the program's. Collections of closefds are such already. */
function of(values: unknown): unknown {
  const { ofString, nextOfString, generatorPrototype, nextOfGenerator, returnOfGenerator } =
    captured.iteration;
  if (isArray(values)) return isPristine(values) ? values : overList(values);
  if (typeof values === 'string') return overNext(apply(ofString, values, []), nextOfString);
  if (typeof values !== 'object' || values === null) return values;
  const prototype = protoOf(values) as object | null;
  if (prototype === null || protoOf(prototype) !== generatorPrototype) return values;
  return overNext(values, nextOfGenerator, returnOfGenerator);
}

/** Whether V8 may iterate over a list by itself, as it does some times faster. */
function isPristine(values: List): boolean {
  const { arrayIterator, nextOfArray } = captured.iteration;
  return values[iterator] === captured.methods.array.values && arrayIterator.next === nextOfArray;
}

function overList(values: List): unknown {
  let index = 0;
  return iterable(() => {
    const done = index >= values.length;
    return { done, value: done ? undefined : values[index++] };
  }, undefined);
}

function overNext(inner: unknown, next: unknown, end?: unknown): unknown {
  return iterable(
    () => apply(next as AnyMethod, inner, []),
    end === undefined ? undefined : value => apply(end as AnyMethod, inner, [value]),
  );
}

function iterable(next: () => unknown, end: ((value: unknown) => unknown) | undefined): unknown {
  const self = { __proto__: null, next, return: end, [iterator]: () => self };
  return self;
}

// ---------------------------------------------------------------------------------------------
// Static functions and classes
// ---------------------------------------------------------------------------------------------

function addStatics(): void {
  eachKey(captured.values, name => {
    table[name] = captured.values[name];
  });
  // As functions: String(x).
  eachKey(captured.statics, name => {
    table[`${name}_`] = captured.values[name];
    table[name] = (captured.statics as Record<string, unknown>)[name];
  });
  const { Object: ofObject, Reflect: ofReflect, Array: ofArray, String: ofString } = captured.statics;
  const { array, object, string } = captured.methods;
  table.Object = { __proto__: null, ...ofObject, prototype: object };
  table.Reflect = { __proto__: null, ...ofReflect };
  table.Array = { __proto__: null, ...ofArray, prototype: array };
  table.String = { __proto__: null, ...ofString, prototype: string };
  hardenDescriptors('Object');
  hardenDescriptors('Reflect');
  harden('Object', 'create', 1, withOwnDescriptors);
  hardenResult('Object', 'getOwnPropertyDescriptors', withOwnDescriptors);
  harden('Object', 'fromEntries', 0, of);
  harden('Array', 'from', 0, of);
  const { resolve } = captured.statics.Promise;
  table.Promise = {
    __proto__: null,
    resolve: (value: unknown) => apply(resolve as AnyMethod, captured.values.Promise, [value]),
  };
}

/** Each spawn calls these, so they have no lists of arguments: after a fork, new memory is a page fault. */
function hardenDescriptors(holder: 'Object' | 'Reflect'): void {
  const statics = table[holder] as Intrinsics;
  const { defineProperty, getOwnPropertyDescriptor } = captured.statics[holder] as unknown as typeof Object;
  const { setPrototypeOf } = captured.statics.Object as unknown as typeof Object;
  statics.defineProperty = (object: object, key: PropertyKey, descriptor: PropertyDescriptor) =>
    defineProperty(object, key, withoutPrototype(descriptor) as PropertyDescriptor);
  // The descriptor is a new object.
  statics.getOwnPropertyDescriptor = (object: object, key: PropertyKey) => {
    const descriptor = getOwnPropertyDescriptor(object, key);
    return descriptor === undefined ? undefined : setPrototypeOf(descriptor, null);
  };
}

/** Changes an argument of a static function. */
function harden(holder: string, name: string, index: number, change: (argument: unknown) => unknown): void {
  const statics = table[holder] as Intrinsics;
  const original = statics[name] as AnyMethod;
  statics[name] = (...args: unknown[]) => {
    if (index < args.length) args[index] = change(args[index]);
    return apply(original, undefined, args);
  };
}

/** Changes the result of a static function. */
function hardenResult(holder: string, name: string, change: (result: unknown) => unknown): void {
  const statics = table[holder] as Intrinsics;
  const original = statics[name] as AnyMethod;
  statics[name] = (...args: unknown[]) => change(apply(original, undefined, args));
}

/** A descriptor that has only its own keys, whatever Object.prototype has. */
function withoutPrototype(descriptor: unknown): unknown {
  return { __proto__: null, ...(descriptor as object) };
}

/** For the second argument of Object.create(), and the result of Object.getOwnPropertyDescriptors(). */
function withOwnDescriptors(properties: unknown): unknown {
  const own = { __proto__: null, ...(properties as object) } as Intrinsics;
  const keys = (captured.statics.Reflect as unknown as typeof Reflect).ownKeys(own);
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as PropertyKey;
    own[key] = withoutPrototype(own[key]);
  }
  return own;
}

function addCollections(): void {
  const { nextOfMap, nextOfSet } = captured.iteration;
  const { sizeOfMap, sizeOfSet } = captured.getters;
  addCollection('Map', nextOfMap, sizeOfMap);
  addCollection('Set', nextOfSet, sizeOfSet);
  addCollection('WeakMap', undefined, undefined);
  addCollection('WeakSet', undefined, undefined);
}

/** A class with the captured methods under a prototype that inherits nothing. */
function addCollection(name: keyof Captured['collections'], next: unknown, size: unknown): void {
  const Base = captured.values[name] as MapConstructor;
  class Collection extends Base<unknown, unknown> {
    constructor(entries?: unknown) {
      super(of(entries) as []);
    }
  }
  const { setPrototypeOf, defineProperty } = captured.statics.Object as unknown as typeof Object;
  const { prototype } = Collection;
  const methods = captured.collections[name];
  const put = (key: PropertyKey, value: unknown) =>
    defineProperty(prototype, key, { __proto__: null, value } as PropertyDescriptor);
  eachKey(methods, key => {
    const isIterating = key === 'keys' || key === 'values' || key === 'entries';
    put(key, isIterating ? iterating(methods[key], next) : methods[key]);
  });
  if (next !== undefined) put(iterator, iterating(methods[name === 'Map' ? 'entries' : 'values'], next));
  if (size !== undefined)
    defineProperty(prototype, 'size', { __proto__: null, get: size as () => number } as PropertyDescriptor);
  setPrototypeOf(prototype, null);
  table[name] = Collection;
}

function iterating(method: unknown, next: unknown): AnyMethod {
  return function () {
    return overNext(apply(method as AnyMethod, this, []), next);
  };
}
