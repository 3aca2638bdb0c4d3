// The stack where user code locked or deleted what the stack of this realm needs: SES lockdown(), a frozen Error.
//
// V8 takes the limit and the hook of a stack from the realm of the function that captures. A new realm has its own,
// which user code has not seen.

import vm = require('node:vm');

/** In frames, as the stack of this realm. */
const FAR = 100;

/** Runs in the other realm, so it uses nothing of this one. */
const CAPTURE = `(function capture(most) {
  Error.stackTraceLimit = most;
  Error.prepareStackTrace = (_error, sites) => sites;
  const holder = {};
  Error.captureStackTrace(holder, capture);
  return holder.stack;
})`;

type Capture = (most: number) => unknown;

/** `null` where a realm cannot be made. */
let capture: Capture | null | undefined;

/** Innermost first, async frames included. Undefined where the runtime has no other realms, as Deno and Bun. */
export function sitesOfOtherRealm(): readonly NodeJS.CallSite[] | undefined {
  if (capture === undefined) capture = inOtherRealm();
  try {
    const sites = capture?.(FAR);
    return Array.isArray(sites) && sites.length > 0 ? sites : undefined;
  } catch {
    return undefined;
  }
}

function inOtherRealm(): Capture | null {
  try {
    return vm.runInNewContext(CAPTURE, undefined, { filename: __filename }) as Capture;
  } catch {
    return null;
  }
}
