// The stack, in two steps: captured when a call comes in, read when somebody asks who called.
//
// V8 walks frame by frame, and each takes a microsecond or more. So the stack is captured where few
// frames of ours are on it, and no deeper than the caller mostly is.
//
// Everything here has to work in a process where others changed the rules: stack-trace hooks, a
// stack limit of 0, frozen intrinsics.

import { createTimeBudget } from '../base/time-budget';
import type { CallSites, CallStack } from './stack';

// Taken at load: tests mock these, and some programs hide captureStackTrace() to pass for a browser.
const OriginalError = Error;
const { captureStackTrace } = Error;

export interface StackCapture {
  /** As deep as callers mostly are. Never throws; undefined where nothing can be captured. */
  readonly near: () => CallStack | undefined;
  /** As deep as it takes for a caller of any sort. */
  readonly far: () => CallStack;
  /** Whether the last walk is paid off, where one can be done without: at most one part in two hundred of the time goes into walking. */
  readonly isDue: () => boolean;
  /** The last one near was read, and the caller found. */
  readonly done: () => void;
}

const SHARE = 200;

/** In frames. The caller of spawn() is the seventh frame, that of exec() the eleventh: those below are ours and Node's. */
const NEAR = 12;
const FAR = 100;

/** The clock gives milliseconds and never goes back. */
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
    isDue: budget.canRun,
    done: budget.end,
  };
}

/** Whatever limit others have set is back in place afterwards. */
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

/** Whatever hook others have set is back in place afterwards. */
export function callSitesOf({ holder, most, isAsked }: CallStack): CallSites {
  const undo: Undo[] = [];
  try {
    // Node asks the Error of the moment for the hook, V8 the one it was born with for the limit.
    const current: unknown = globalThis.Error;
    const Current = typeof current === 'function' ? current : OriginalError;
    const hooked = override(Current, 'prepareStackTrace', toSites, undo);
    // Made by the hook of this moment, if not asked for before.
    const sites: unknown = hooked ? holder.stack : undefined;
    if (!Array.isArray(sites)) return { sites: [], complete: false, isAll: false };
    return { sites, complete: isAsked, isAll: isAsked && sites.length < most };
  } finally {
    takeBack(undo);
  }
}

function toSites(_error: unknown, sites: unknown): unknown {
  return sites;
}

type Undo = () => void;

function takeBack(undo: readonly Undo[]): void {
  for (let index = undo.length - 1; index >= 0; index--) undo[index]?.();
}

/** Whether it could be done. Neither calls nor keeps an accessor that others have put there. */
function override(holder: object, name: string, value: unknown, undo: Undo[]): boolean {
  const before = Object.getOwnPropertyDescriptor(holder, name);
  if (before?.writable) {
    // Bun heeds only an assignment.
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
