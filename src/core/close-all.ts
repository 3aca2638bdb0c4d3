// The plan of a spawn that could not be judged, by an error of ours.

import { type Plan, plainPlan } from './apply';
import type { Mode } from './policy';
import type { SpawnCall } from './request';

/** Nothing but stdio and the message channel, which the child waits for; in `warn` all of it. */
export function closeAll({ stdio }: SpawnCall, mode: Mode, strays: readonly { readonly fd: number }[]): Plan {
  if (mode === 'warn') return plainPlan(mode);
  return {
    ...plainPlan(mode),
    stdio: Array.isArray(stdio) ? closeSlots(stdio) : undefined,
    close: strays.map(stray => stray.fd),
  };
}

/** The same of the arguments of a call that could not even be read. */
export function closeArguments(args: readonly unknown[]): unknown[] {
  return args.map(arg => {
    const { stdio } = (arg ?? {}) as { stdio?: unknown };
    return Array.isArray(stdio) ? { ...(arg as object), stdio: closeSlots(stdio) } : arg;
  });
}

function closeSlots(stdio: readonly unknown[]): unknown[] {
  return stdio.map((slot, index) => (index < 3 || slot === 'ipc' ? slot : 'ignore'));
}
