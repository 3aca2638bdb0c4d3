// The ways of the stray guard that every row has to pass.

import { withoutAddon } from '../support/routes';
import { preloading, REGISTER, tool } from '../support/run';

export interface ConformanceWay {
  readonly name: string;
  /** What is asserted of the mechanism, once a process has been started: see row N13. */
  readonly mechanism: readonly [way: string, spawning: string];
  readonly register: () => string;
  /** Commands to start Node with. */
  readonly through: readonly string[];
  /** The child marks, too, alone. */
  readonly forks: boolean;
  /** Strays are covered by the placeholder, and not closed. */
  readonly masks: boolean;
}

const denying = (calls: string): string[] => [tool('deny'), calls];

function forking(name: string, way: string, through: readonly string[]): ConformanceWay {
  const mechanism = [way, 'fork'] as const;
  return { name, mechanism, register: () => REGISTER, through, forks: true, masks: false };
}

export const CONFORMANCE_WAYS: readonly ConformanceWay[] = [
  forking('fork, close_range', 'close_range', []),
  forking('fork, table', 'table', denying('close_range=EPERM')),
  forking('fork, /proc', 'proc', denying('close_range=EPERM,pselect6=EBADF')),
  {
    ...forking('posix_spawn', 'close_range', ['env', `LD_PRELOAD=${preloading(tool('no-atfork.so'))}`]),
    mechanism: ['close_range', 'other'],
    forks: false,
  },
  {
    ...forking('fallback', 'mask', []),
    mechanism: ['mask', 'unknown'],
    register: withoutAddon,
    forks: false,
    masks: true,
  },
];
