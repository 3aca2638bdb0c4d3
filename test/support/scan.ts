// What the scan says of a program, in a line.

import type { Site } from '../../src/scan/analysis/site';

export const LAUNCHERS: ReadonlySet<string> = new Set([
  ...['cross-spawn', 'execa', 'nano-spawn', 'zx', '@npmcli/promise-spawn'],
]);

/** `certain spawn pipe 3,4`; `+` where there may be others. */
export function short({ siteType, confidence, callee, kinds, slots, more }: Site): string {
  const isNamed = siteType === 'patch' || siteType === 'launcher';
  const who = isNamed ? `${siteType} ${callee}` : (callee ?? siteType);
  return [confidence, who, [...kinds].sort().join('/'), slots.join(',') + (more ? '+' : '')]
    .filter(Boolean)
    .join(' ');
}
