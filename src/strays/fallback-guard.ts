// The fallback guard: the stray guard in JavaScript, for processes in which the addon does not load.
//
// No function of Node sets close-on-exec on an open FD. But the child's `stdio` can put a placeholder over a
// stray's number, so that the child does not get the stray. This guard lists strays before every spawn. The
// child gets a placeholder where it would get nothing under the addon. The guard does not reach children of
// addons and process.execve(), to which it passes no `stdio`.

import fs = require('node:fs');
import os = require('node:os');

import type { OpenFile, Stray } from '../model/spawn-request';
import { openFlagsIn } from './fd-info';
import type { Describe, IdentifiedFd, StrayGuard } from './stray-guard';

// Captured at load: programs replace functions of `fs`, and these must read the real system.
const { closeSync, fstatSync, openSync, readdirSync, readFileSync } = fs;

/** Throws if /proc cannot be read or no placeholder can be opened: this guard needs both. */
export function createFallbackGuard(): StrayGuard {
  const atStart = new Map(list().map(stray => [stray.fd, stray.identity]));
  const placeholder = createPlaceholder();
  let known: ReadonlyMap<string, Stray> = new Map();
  let strays: readonly Stray[] = [];
  let failure: unknown;
  placeholder();

  return {
    arm: () => {},
    list: look,
    mark: requireLook,
    begin: requireLook,
    end: () => false,
    replace: () => {
      throw new Error('without the addon, no FD can be closed at process.execve()');
    },
    way: () => 'mask',
    spawning: () => 'unknown',
    placeholder,
    coverHere: () => () => {},
    mustCover: true,
  };

  /** Throws if the last listing failed: unlisted strays have no placeholder. */
  function requireLook(): void {
    if (failure !== undefined) throw failure;
  }

  function look(_marks: boolean, describe: Describe): readonly Stray[] {
    try {
      const now = list().map(one => known.get(`${one.fd} ${one.identity}`) ?? toStray(one, describe));
      failure = undefined;
      if (now.length === strays.length && now.every((stray, index) => stray === strays[index])) return strays;
      known = new Map(now.map(stray => [`${stray.fd} ${stray.identity}`, stray]));
      strays = now;
      return strays;
    } catch (error) {
      failure = error;
      throw error;
    }
  }

  function toStray({ fd, identity }: IdentifiedFd, describe: Describe): Stray {
    let file: OpenFile | undefined;
    return {
      fd,
      identity,
      atStart: atStart.get(fd) === identity,
      get file() {
        file ??= describe(fd);
        return file;
      },
    };
  }
}

/** The value on Linux, on every architecture that Node runs on. fs.constants has neither O_PATH nor O_CLOEXEC. */
const O_PATH = 0o10000000;

/** Paths that are symbolic links on common systems; see native/placeholder.c. */
const LINKS = ['/proc/self', '/dev/fd', '/dev/stdin', '/etc/mtab', '/bin', '/lib', '/etc/localtime'];

/** Returns a function that opens the placeholder with its first call, and again if user code closed that FD. */
export function createPlaceholder(): () => number {
  let fd: number | undefined;
  let identity = '';

  return () => {
    if (fd === undefined || identityOf(fd) !== identity) {
      fd = openPlaceholder();
      identity = identityOf(fd);
    }
    return fd;
  };
}

function openPlaceholder(): number {
  const links = process.platform === 'linux' ? LINKS.map(link => () => openLink(link)) : [];
  // Writing to the null device fails too, since it is opened for reading only.
  const opens = [...links, () => openSync(os.devNull, 'r')];
  let failure: unknown;
  for (const open of opens) {
    try {
      return open();
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function openLink(link: string): number {
  const fd = openSync(link, O_PATH | fs.constants.O_NOFOLLOW);
  if (isLink(fd)) return fd;
  closeSync(fd);
  throw new Error(`${link} is not a symbolic link`);
}

function isLink(fd: number): boolean {
  return fstatSync(fd).isSymbolicLink();
}

function identityOf(fd: number): string {
  try {
    const { dev, ino, mode } = fstatSync(fd);
    return `${dev}:${ino}:${mode}`;
  } catch {
    return '';
  }
}

function list(): IdentifiedFd[] {
  const strays: IdentifiedFd[] = [];
  for (const fd of openNumbers()) {
    try {
      const flags = openFlagsIn(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? 0;
      // A placeholder that a parent under closefds put here gives access to nothing.
      if ((flags & O_CLOEXEC) !== 0 || ((flags & O_PATH) !== 0 && isLink(fd))) continue;
      // Without `bigint`, an inode number above 2^53 loses its last bits.
      const { dev, ino, mode, rdev } = fstatSync(fd, { bigint: true });
      strays.push({ fd, identity: `${dev}:${ino}:${mode >> 12n}:${rdev}` });
    } catch {
      // The number is not open, or was closed meanwhile. One of them is readdirSync()'s own.
    }
  }
  return strays.sort((a, b) => a.fd - b.fd);
}

/**
 * Numbers from 3 up that may be open. A seccomp filter can kill the process for reading a directory, and a program
 * may never do that. So if there is a filter, this is each number of the FD table: proc_pid_status(5).
 */
function openNumbers(): number[] {
  const status = readFileSync('/proc/self/status', 'latin1');
  const size = Number(/^FDSize:\s*(\d+)/m.exec(status)?.[1] ?? 0);
  const hasFilter = !/^Seccomp:\s*0$/m.test(status);
  if (!hasFilter || size === 0)
    return readdirSync('/proc/self/fd')
      .map(Number)
      .filter(fd => fd > 2);
  return Array.from({ length: Math.max(0, size - 3) }, (_, index) => index + 3);
}

const O_CLOEXEC = 0o2000000;
