// The signs of a variable that names an FD. Apart from announcement.ts, since the first call needs them.

type Signs = readonly (readonly [string])[];

/** One of these is in the variable's name or value. Lists of arguments, see contains(). */
const IN_NAME: Signs = [['FD'], ['GIT_TRACE'], ['WAYLAND_SOCKET']];
const IN_VALUE: Signs = [['/fd/'], ['--jobserver-']];

const { includes } = String.prototype;
const { apply } = Reflect;

/**
 * Whether a part of a variable, or all of it, has a sign. Most have none, and each spawn of a process with strays asks
 * for each variable, so nothing is allocated: after a fork, new memory is a page fault.
 */
export function hasFdSign(text: string): boolean {
  return hasOneOf(text, IN_NAME) || hasOneOf(text, IN_VALUE);
}

/** Whether the value of a variable, or a part of it, has a sign. */
export function hasFdSignInValue(text: string): boolean {
  return hasOneOf(text, IN_VALUE);
}

function hasOneOf(text: string, signs: Signs): boolean {
  for (let index = 0; index < signs.length; index++)
    if (contains(text, signs[index] as readonly [string])) return true;
  return false;
}

function contains(text: string, sign: readonly [string]): boolean {
  return apply(includes, text, sign);
}
