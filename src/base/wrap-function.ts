// Replaces a function by a wrapper with the same name, length and properties.

export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** Replaces a method by `wrap(original)`. Does nothing if the property is not a function. */
export function replaceMethod(
  holder: object,
  name: string,
  wrap: (original: AnyFunction) => AnyFunction,
): void {
  const descriptor = Object.getOwnPropertyDescriptor(holder, name);
  const original: unknown = descriptor?.value;
  if (typeof original !== 'function') return;
  const wrapped = likeOriginal(wrap(original as AnyFunction), original as AnyFunction);
  Object.defineProperty(holder, name, { ...descriptor, value: wrapped });
}

/** Copies the name, the length and all other properties of the original. */
export function likeOriginal(wrapped: AnyFunction, original: AnyFunction): AnyFunction {
  for (const key of Reflect.ownKeys(original)) {
    const own = Object.getOwnPropertyDescriptor(wrapped, key);
    const theirs = Object.getOwnPropertyDescriptor(original, key);
    // The wrapper has its own (promisify.custom), or every function has one (prototype).
    if (theirs === undefined || (own !== undefined && own.configurable === false)) continue;
    if (own !== undefined && key !== 'name' && key !== 'length') continue;
    Object.defineProperty(wrapped, key, theirs);
  }
  return wrapped;
}
