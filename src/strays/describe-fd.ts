// Describes what an open FD of this process refers to.

import fs = require('node:fs');
import tty = require('node:tty');

import type { Access, FileType, OpenFile } from '../model/spawn-request';
import { accessOf, openFlagsIn } from './fd-info';
import type { FilePosition, KnownFile } from './stray-guard';

// Captured at load: programs replace functions of `fs`, and these must read the real system.
const { fstatSync, readFileSync, readlinkSync } = fs;

/**
 * Never throws. A property is undefined if it cannot be read (no /proc, FD already closed). Each is read when it
 * is first asked for: a process may have thousands of strays, and mostly nothing asks.
 */
export function describeFd(fd: number, known?: KnownFile): OpenFile {
  return new DescribedFile(fd, known);
}

class DescribedFile implements OpenFile {
  readonly #fd: number;
  readonly #known: KnownFile;
  #target: string | undefined | null = null;
  #type: FileType | undefined | null = null;
  #access: Access | undefined | null = null;

  constructor(fd: number, known: KnownFile = new StatFile(fd)) {
    this.#fd = fd;
    this.#known = known;
  }

  get target(): string | undefined {
    if (this.#target === null) this.#target = attempt(() => readlinkSync(`/proc/self/fd/${this.#fd}`));
    return this.#target;
  }

  get type(): FileType | undefined {
    if (this.#type === null) this.#type = attempt(() => typeOf(this.#known.format, this.#fd));
    return this.#type;
  }

  get access(): Access | undefined {
    if (this.#access === null) this.#access = attempt(() => this.#readAccess());
    return this.#access;
  }

  get isNullDevice(): boolean {
    return attempt(() => isNullDevice(this.#known)) === true;
  }

  #readAccess(): Access | undefined {
    const flags = this.#known.flags ?? new StatFile(this.#fd).flags;
    return flags === undefined ? undefined : accessOf(flags);
  }
}

/** Each getter throws if the FD is closed. */
class StatFile implements KnownFile {
  readonly #fd: number;
  #stat: fs.Stats | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get format(): number {
    return this.#read().mode & S_IFMT;
  }

  get flags(): number | undefined {
    return openFlagsIn(readFileSync(`/proc/self/fdinfo/${this.#fd}`, 'latin1'));
  }

  /** makedev(3) */
  get deviceMajor(): number {
    return (this.#read().rdev >> 8) & 0xfff;
  }

  get deviceMinor(): number {
    const { rdev } = this.#read();
    return (rdev & 0xff) | ((rdev >> 12) & 0xfff00);
  }

  #read(): fs.Stats {
    this.#stat ??= fstatSync(this.#fd);
    return this.#stat;
  }
}

/** On every Linux system: Documentation/admin-guide/devices.txt in the kernel. */
function isNullDevice({ format, deviceMajor, deviceMinor }: KnownFile): boolean {
  return format === S_IFCHR && deviceMajor === 1 && deviceMinor === 3;
}

/** inode(7) */
const { S_IFMT, S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK } = fs.constants;

function typeOf(format: number, fd: number): FileType {
  if (format === S_IFCHR) return tty.isatty(fd) ? 'tty' : 'device';
  return TYPES.get(format) ?? 'other';
}

const TYPES: ReadonlyMap<number, FileType> = new Map([
  [S_IFREG, 'file'],
  [S_IFIFO, 'pipe'],
  [S_IFSOCK, 'socket'],
  [S_IFBLK, 'device'],
]);

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
