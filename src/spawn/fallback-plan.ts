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

/** Does the same with the arguments of a call that could not even be read. */
export function stdioOnlyArguments(args: readonly unknown[], placeholder: number | undefined): unknown[] {
  return args.map(arg => {
    const { stdio } = (arg ?? {}) as { stdio?: unknown };
    return Array.isArray(stdio)
      ? { ...(arg as object), stdio: withPlaceholders(stdio, beyondStdio(stdio), placeholder) }
      : arg;
  });
}

const EMPTY: ReadonlySet<unknown> = new Set(['ignore', undefined, null]);

function beyondStdio(slots: readonly unknown[]): DeniedSlot[] {
  return [...slots.keys()]
    .filter(index => index >= 3 && slots[index] !== 'ipc' && !EMPTY.has(slots[index]))
    .map(index => ({ index, childFd: index }));
}
