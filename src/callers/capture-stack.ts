// Captures the stack when a call comes in, and reads it only where the caller is needed.
//
// V8 walks frame by frame, and each frame takes a microsecond or more. So the stack is captured where few
// frames of closefds are on it, and only as deep as most callers are.
//
// All of this works with stack-trace hooks of user code, a stack limit of 0, and frozen intrinsics.

import { createTimeBudget } from '../base/time-budget';
import type { AnyFunction } from '../base/wrap-function';
import type { CallSites, CallStack } from './stack';

// Captured at load (by the build, see base/captured): tests mock these, and some programs delete
// captureStackTrace() to look like a browser.
const OriginalError = Error;
const captureStackTrace = Error.captureStackTrace;

export interface StackCapture {
  /** As deep as most callers are. Never throws; undefined where nothing can be captured. */
  readonly near: () => CallStack | undefined;
  /** As deep as any caller is. */
  readonly far: () => CallStack;
  /** Whether the time budget allows another stack walk where the decision does not need one. Walks use at most 0.5 % of run time. */
  readonly isDue: () => boolean;
  /** Captures an error's stack again, without the frames up to that of `entry`. Never throws. */
  readonly retrace: (error: Error, entry: AnyFunction) => void;
  /** The caller was found: ends the walk that `near` began, for the time budget. */
  readonly done: () => void;
}

const SHARE = 200;

/** In frames. The caller of spawn() is the 7th frame and that of exec() the 11th; frames below are closefds's and Node's. */
const NEAR = 12;
const FAR = 100;

/** `now` is a monotonic clock in milliseconds. */
export function createStackCapture(now: () => number): StackCapture {
  const budget = createTimeBudget(SHARE, now);
  return {
    near: () => {
      try {
        budget.begin();
        return capture(NEAR);
      } catch {
        return undefined;
      }
    },
    far: () => capture(FAR),
    retrace: (error, entry) => {
      try {
        captureStackTrace(error, entry);
      } catch {
        // The stack stays as it was: user code froze Error, or deleted the function.
      }
    },
    isDue: budget.canRun,
    done: budget.end,
  };
}

/** Restores the stack limit that user code has set. */
function capture(most: number): CallStack {
  const holder: { stack?: unknown } = {};
  const undo: Undo[] = [];
  try {
    const isAsked = override(OriginalError, 'stackTraceLimit', most, undo);
    captureStackTrace(holder);
    return { holder, most, isAsked };
  } finally {
    takeBack(undo);
  }
}

/** Restores the stack-trace hook that user code has set. */
export function callSitesOf({ holder, most, isAsked }: CallStack): CallSites {
  const undo: Undo[] = [];
  try {
    // Node reads the hook from the current global Error, V8 the limit from the original one.
    const current: unknown = globalThis.Error;
    const Current = typeof current === 'function' ? current : OriginalError;
    const hooked = override(Current, 'prepareStackTrace', toSites, undo);
    // V8 calls the hook when `stack` is read for the first time.
    const stack = readStack(holder);
    if (hooked && Array.isArray(stack))
      return { sites: stack, complete: isAsked, isAll: isAsked && stack.length < most, text: undefined };
    const text = typeof stack === 'string' ? stack : undefined;
    return { sites: [], complete: false, isAll: false, text };
  } finally {
    takeBack(undo);
  }
}

function readStack(holder: CallStack['holder']): unknown {
  try {
    return holder.stack;
  } catch {
    // A stack-trace hook of user code threw.
    return undefined;
  }
}

function toSites(_error: unknown, sites: unknown): unknown {
  return sites;
}

type Undo = () => void;

function takeBack(undo: readonly Undo[]): void {
  for (let index = undo.length - 1; index >= 0; index--) undo[index]?.();
}

/** Overrides a property and returns whether that worked. Does not call an accessor of user code. */
function override(holder: object, name: string, value: unknown, undo: Undo[]): boolean {
  const before = Object.getOwnPropertyDescriptor(holder, name);
  if (before?.writable) {
    // Bun notices only an assignment.
    if (!Reflect.set(holder, name, value)) return false;
    undo.push(() => Reflect.set(holder, name, before.value));
    return true;
  }
  const fixed = before?.configurable === false;
  const changed = fixed ? { value } : { value, writable: true, enumerable: true, configurable: true };
  if (!Reflect.defineProperty(holder, name, changed)) return false;
  undo.push(() => {
    if (before === undefined) Reflect.deleteProperty(holder, name);
    else Reflect.defineProperty(holder, name, before);
  });
  return true;
}
