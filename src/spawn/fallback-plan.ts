// The plan of a spawn that could not be judged, by an error of ours.

import type { SpawnCall } from '../model/spawn-request';
import type { Mode } from '../policy/rule';
import { defaultPlan, type Plan } from './plan';

/** Nothing but stdio and the message channel, which the child waits for; in `warn` all of it. */
export function stdioOnlyPlan(
  { stdio }: SpawnCall,
  mode: Mode,
  strays: readonly { readonly fd: number }[],
): Plan {
  if (mode === 'warn') return defaultPlan(mode);
  return {
    ...defaultPlan(mode),
    ...(Array.isArray(stdio) && closeSlots(stdio)),
    close: strays.map(stray => stray.fd),
  };
}

/** The same of the arguments of a call that could not even be read. */
export function stdioOnlyArguments(args: readonly unknown[], placeholder: number | undefined): unknown[] {
  return args.map(arg => {
    const { stdio } = (arg ?? {}) as { stdio?: unknown };
    return Array.isArray(stdio)
      ? { ...(arg as object), stdio: putPlaceholder(closeSlots(stdio), placeholder) }
      : arg;
  });
}

type ClosedSlots = Pick<Plan, 'stdio' | 'denied'>;

/**
 * A plan's `stdio` as Node takes it. Left empty, the number of a denied slot would be free: the child's next
 * file would get it, and what the child writes to the FD that it was promised would land there.
 */
export function putPlaceholder(
  { stdio, denied }: ClosedSlots,
  placeholder: number | undefined,
): unknown[] | undefined {
  if (stdio === undefined || placeholder === undefined) return stdio?.slice();
  const slots = stdio.slice();
  for (const index of denied) slots[index] = placeholder;
  return slots;
}

const EMPTY: ReadonlySet<unknown> = new Set(['ignore', undefined, null]);

function closeSlots(stdio: readonly unknown[]): ClosedSlots {
  const closes = (slot: unknown, index: number) => index >= 3 && slot !== 'ipc' && !EMPTY.has(slot);
  const denied = [...stdio.keys()].filter(index => closes(stdio[index], index));
  return { stdio: stdio.map((slot, index) => (closes(slot, index) ? 'ignore' : slot)), denied };
}
