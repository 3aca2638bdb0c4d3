// Describes what an open FD of this process refers to.

import fs = require('node:fs');
import tty = require('node:tty');

import type { Access, FileType, OpenFile } from '../model/spawn-request';
import type { FilePosition } from './stray-guard';

// Captured at load: programs replace functions of `fs`, and these must read the real system.
const { fstatSync, readFileSync, readlinkSync } = fs;

/** Never throws. A property is undefined if it cannot be read (no /proc, FD already closed). */
export function describeFd(fd: number): OpenFile {
  const stat = attempt(() => fstatSync(fd));
  return {
    target: attempt(() => readlinkSync(`/proc/self/fd/${fd}`)),
    type: stat && typeOf(stat, fd),
    access: attempt(() => accessOf(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))),
    isNullDevice: stat?.isCharacterDevice() === true && stat.rdev === NULL_DEVICE,
  };
}

/** Major 1, minor 3 on every Linux system: Documentation/admin-guide/devices.txt in the kernel. */
const NULL_DEVICE = 0x103;

function typeOf(stat: fs.Stats, fd: number): FileType {
  if (stat.isFile()) return 'file';
  if (stat.isFIFO()) return 'pipe';
  if (stat.isSocket()) return 'socket';
  if (stat.isCharacterDevice()) return tty.isatty(fd) ? 'tty' : 'device';
  return stat.isBlockDevice() ? 'device' : 'other';
}

/** `flags:` is octal; its lowest two bits are O_ACCMODE. See proc_pid_fdinfo(5). */
function accessOf(fdinfo: string): Access | undefined {
  const flags = /^flags:\s*([0-7]+)/m.exec(fdinfo)?.[1];
  if (flags === undefined) return undefined;
  return (['read', 'write', 'both'] as const)[Number.parseInt(flags, 8) & 3];
}

/** The file offset in bytes, from proc_pid_fdinfo(5). Does not read the file or move the offset. */
export function positionOf(fd: number): FilePosition | undefined {
  const target = attempt(() => readlinkSync(`/proc/self/fd/${fd}`));
  const offset = attempt(() => /^pos:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]);
  return target === undefined || offset === undefined ? undefined : { target, offset: Number(offset) };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
