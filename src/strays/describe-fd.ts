// Describes what an open FD of this process refers to.

import fs = require('node:fs');
import tty = require('node:tty');

import type { Access, FileType, OpenFile } from '../model/spawn-request';
import type { FilePosition } from './stray-guard';

// Captured at load: programs replace functions of `fs`, and these must read the real system.
const { fstatSync, readFileSync, readlinkSync } = fs;

/**
 * Never throws. A property is undefined if it cannot be read (no /proc, FD already closed). Each is read when it
 * is first asked for: a process may have thousands of strays, and mostly nothing asks.
 */
export function describeFd(fd: number): OpenFile {
  return new DescribedFile(fd);
}

class DescribedFile implements OpenFile {
  readonly #fd: number;
  #target: string | undefined | null = null;
  #access: Access | undefined | null = null;
  #stat: fs.Stats | undefined | null = null;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get target(): string | undefined {
    if (this.#target === null) this.#target = attempt(() => readlinkSync(`/proc/self/fd/${this.#fd}`));
    return this.#target;
  }

  get type(): FileType | undefined {
    const stat = this.#stats();
    return stat && typeOf(stat, this.#fd);
  }

  get access(): Access | undefined {
    if (this.#access === null)
      this.#access = attempt(() => accessOf(readFileSync(`/proc/self/fdinfo/${this.#fd}`, 'latin1')));
    return this.#access;
  }

  get isNullDevice(): boolean {
    const stat = this.#stats();
    return stat?.isCharacterDevice() === true && stat.rdev === NULL_DEVICE;
  }

  #stats(): fs.Stats | undefined {
    if (this.#stat === null) this.#stat = attempt(() => fstatSync(this.#fd));
    return this.#stat;
  }
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
