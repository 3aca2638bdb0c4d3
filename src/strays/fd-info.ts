// Reads the flags of an open FD.

import type { Access } from '../model/spawn-request';

/** The flags of open(2) in a text of /proc/PID/fdinfo, which has them in octal: proc_pid_fdinfo(5). */
export function openFlagsIn(fdInfo: string): number | undefined {
  const [, flags] = /^flags:\s*([0-7]+)/m.exec(fdInfo) ?? [];
  return flags === undefined ? undefined : Number.parseInt(flags, 8);
}

/** By O_ACCMODE of open(2). */
export function accessOf(flags: number): Access | undefined {
  return ACCESS[flags & 3];
}

const ACCESS: readonly (Access | undefined)[] = ['read', 'write', 'both'];
