// What the scan says of a program, in a line.

import type { Site } from '../../src/scan/source/sites';

export const LAUNCHERS: ReadonlySet<string> = new Set([
  ...['cross-spawn', 'execa', 'nano-spawn', 'zx', '@npmcli/promise-spawn'],
]);

/** `certain spawn pipe 3,4`; `+` where there may be others. */
export function short({ what, sure, via, kinds, slots, more }: Site): string {
  const who = what === 'patch' ? `patch ${via}` : (via ?? what);
  return [sure, who, [...kinds].sort().join('/'), slots.join(',') + (more ? '+' : '')]
    .filter(Boolean)
    .join(' ');
}
