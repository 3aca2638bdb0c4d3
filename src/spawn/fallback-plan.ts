// The plan of a call that could not be evaluated because closefds failed.

import type { SpawnCall } from '../model/spawn-request';
import type { Mode } from '../policy/rule';
import { type DeniedSlot, defaultPlan, type Plan } from './plan';
import { withPlaceholders } from './stdio-option';

/** Passes FDs 0 to 2 and the message channel, which the child waits for. In `warn` everything passes. */
export function stdioOnlyPlan(
  { stdio }: SpawnCall,
  mode: Mode,
  strays: readonly { readonly fd: number }[],
): Plan {
  if (mode === 'warn') return defaultPlan(mode);
  return {
    ...defaultPlan(mode),
    denied: beyondStdio(stdio.slots ?? []),
    close: strays.map(stray => stray.fd),
  };
}

// Loops by index below: programs replace functions and iterators, and this runs where all else has failed.

const { isArray } = Array;

/** Does the same with the arguments of a call that could not even be read. */
export function stdioOnlyArguments(args: readonly unknown[], placeholder: number | undefined): unknown[] {
  const passed: unknown[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    const { stdio } = (arg ?? {}) as { stdio?: unknown };
    passed[index] = isArray(stdio)
      ? { ...(arg as object), stdio: withPlaceholders(stdio, beyondStdio(stdio), placeholder) }
      : arg;
  }
  return passed;
}

function beyondStdio(slots: readonly unknown[]): DeniedSlot[] {
  const denied: DeniedSlot[] = [];
  for (let index = 3; index < slots.length; index++) {
    const slot = slots[index];
    const isEmpty = slot === 'ignore' || slot === undefined || slot === null;
    if (!isEmpty && slot !== 'ipc') denied[denied.length] = { index, childFd: index };
  }
  return denied;
}
