// Replaces a function by a wrapper with the same name, length and properties.

export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

// Captured at load: programs replace functions.
const { ownKeys, defineProperty, getOwnPropertyDescriptor } = Reflect;

/** Replaces a method by `wrap(original)`. Does nothing if the property is not a function. */
export function replaceMethod(
  holder: object,
  name: string,
  wrap: (original: AnyFunction) => AnyFunction,
): void {
  const descriptor = getOwnPropertyDescriptor(holder, name);
  const original: unknown = descriptor?.value;
  if (typeof original !== 'function') return;
  const wrapped = likeOriginal(wrap(original as AnyFunction), original as AnyFunction);
  define(holder, name, { ...descriptor, value: wrapped });
}

/** Copies the name, the length and all other properties of the original. */
export function likeOriginal(wrapped: AnyFunction, original: AnyFunction): AnyFunction {
  const keys = ownKeys(original);
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as PropertyKey;
    const own = getOwnPropertyDescriptor(wrapped, key);
    const theirs = getOwnPropertyDescriptor(original, key);
    // The wrapper has its own (promisify.custom), or every function has one (prototype).
    if (theirs === undefined || (own !== undefined && own.configurable === false)) continue;
    if (own !== undefined && key !== 'name' && key !== 'length') continue;
    define(wrapped, key, theirs);
  }
  return wrapped;
}

/** Throws where it cannot, as Object.defineProperty() does. A descriptor has its own keys only, whatever Object.prototype has. */
function define(holder: object, key: PropertyKey, descriptor: PropertyDescriptor): void {
  const own = { __proto__: null, ...descriptor } as PropertyDescriptor;
  if (!defineProperty(holder, key, own)) throw new TypeError(`Cannot redefine property: ${String(key)}`);
}
