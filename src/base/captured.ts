// The intrinsics as they were at load. Programs replace and delete them.
//
// The build rewrites what runs later than the start, so that it uses these: see scripts/build/capture-intrinsics.mjs,
// which reads the lists below. src/base/primordials.ts makes of them what the rewritten code calls. Here only
// property reads happen, since each start pays for them.

import type * as Primordials from './primordials';

/** Functions and values by name. */
export type Intrinsics = Record<PropertyKey, unknown>;

/** Reads properties of an object. */
function pick(holder: unknown, names: string): Intrinsics {
  const found: Intrinsics = Object.create(null);
  for (const name of names.split(' ')) found[name] = (holder as Intrinsics)[name];
  return found;
}

/** Methods, by the type of their receiver. */
const methods = {
  array: pick(
    Array.prototype,
    'at concat entries every fill filter find findIndex findLast findLastIndex flat flatMap forEach includes indexOf join keys lastIndexOf map pop push reduce reduceRight reverse shift slice some sort splice toString unshift values',
  ),
  string: pick(
    String.prototype,
    'at charAt charCodeAt codePointAt concat endsWith includes indexOf lastIndexOf localeCompare match matchAll normalize padEnd padStart repeat replace replaceAll search slice split startsWith substring toLowerCase toString toUpperCase trim trimEnd trimStart',
  ),
  function: pick(Function.prototype, 'apply bind call toString'),
  number: pick(Number.prototype, 'toFixed toString'),
  regexp: pick(RegExp.prototype, 'exec test'),
  buffer: pick(Buffer.prototype, 'every fill includes indexOf lastIndexOf slice some subarray toString'),
  date: pick(Date.prototype, 'getTime toISOString'),
  promise: pick(Promise.prototype, 'catch finally then'),
  weakRef: pick(WeakRef.prototype, 'deref'),
  object: pick(Object.prototype, 'hasOwnProperty'),
};

/** Static functions and constants, by the name of the global. */
const statics = {
  Array: pick(Array, 'from isArray of'),
  Date: pick(Date, 'now parse'),
  Error: pick(Error, 'captureStackTrace'),
  JSON: pick(JSON, 'parse stringify'),
  Math: pick(Math, 'abs ceil floor imul log2 max min round trunc'),
  Number: pick(
    Number,
    'MAX_SAFE_INTEGER MIN_SAFE_INTEGER isFinite isInteger isNaN isSafeInteger parseFloat parseInt NEGATIVE_INFINITY POSITIVE_INFINITY',
  ),
  Object: pick(
    Object,
    'assign create defineProperty entries freeze fromEntries getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertyNames getPrototypeOf hasOwn is isExtensible isFrozen keys setPrototypeOf values',
  ),
  Promise: pick(Promise, 'resolve'),
  Reflect: pick(
    Reflect,
    'apply construct defineProperty deleteProperty get getOwnPropertyDescriptor getPrototypeOf has ownKeys set setPrototypeOf',
  ),
  String: pick(String, 'fromCharCode raw'),
  Symbol: pick(Symbol, 'asyncIterator for hasInstance iterator'),
};

/** Captured as they are. Collections get classes whose methods are captured. */
const values = pick(
  globalThis,
  'Array BigInt Boolean Buffer Date Error Function JSON Map Math Number Object Promise Proxy RangeError Reflect RegExp Set String Symbol SyntaxError TypeError URIError Uint8Array WeakMap WeakRef WeakSet decodeURIComponent encodeURIComponent isFinite isNaN parseFloat parseInt process',
);

const generator = (function* () {})();

/** What src/base/primordials.ts needs besides. */
const iteration = {
  arrayIterator: Object.getPrototypeOf([][Symbol.iterator]()) as { next: unknown },
  nextOfArray: [][Symbol.iterator]().next,
  ofString: String.prototype[Symbol.iterator],
  nextOfString: ''[Symbol.iterator]().next,
  nextOfMap: new Map()[Symbol.iterator]().next,
  nextOfSet: new Set()[Symbol.iterator]().next,
  generatorPrototype: Object.getPrototypeOf(Object.getPrototypeOf(generator)) as object,
  nextOfGenerator: generator.next,
  returnOfGenerator: generator.return,
};

const collections = {
  Map: pick(Map.prototype, 'clear delete forEach get has set keys values entries'),
  Set: pick(Set.prototype, 'add clear delete forEach has keys values entries'),
  WeakMap: pick(WeakMap.prototype, 'delete get has set'),
  WeakSet: pick(WeakSet.prototype, 'add delete has'),
};

/** Accessors, as functions. */
const getters = {
  sizeOfMap: getterOf(Map.prototype, 'size'),
  sizeOfSet: getterOf(Set.prototype, 'size'),
  flags: getterOf(RegExp.prototype, 'flags'),
  global: getterOf(RegExp.prototype, 'global'),
  source: getterOf(RegExp.prototype, 'source'),
};

function getterOf(holder: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(holder, name)?.get;
}

const captured = { methods, statics, values, iteration, collections, getters };

export type Captured = typeof captured;

let table: Intrinsics | undefined;

/** The table `$p` of rewritten code. */
export function primordials(): Intrinsics {
  table ??= (require('./primordials') as typeof Primordials).createPrimordials(captured);
  return table;
}
