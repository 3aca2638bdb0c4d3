// The fallback of the stray guard where the addon cannot load: in JavaScript, with placeholders.
//
// No function of Node can set close-on-exec on an open FD. But the child's `stdio` can put a placeholder
// over a stray's number, and then the stray does not arrive. So this guard lists the strays before every
// spawn, and the child has a placeholder where the addon would leave nothing. Children that addons and
// process.execve() start have no slots, so this guard does not cover them.

import fs = require('node:fs');
import os = require('node:os');

import type { ListedStray, StrayGuard } from './stray-guard';

// Captured at load: programs replace functions of `fs`, and these results must be about the real system.
const { closeSync, fstatSync, openSync, readdirSync, readFileSync } = fs;

/** Throws if /proc cannot be read or no placeholder can be opened. */
export function createFallbackGuard(): StrayGuard {
  const atStart = new Map(list().map(stray => [stray.fd, stray.identity]));
  const placeholder = createPlaceholder();
  let failure: unknown;
  placeholder();

  return {
    arm: () => {},
    list: look,
    mark: requireLook,
    begin: requireLook,
    end: () => {},
    replace: () => {
      throw new Error('without the addon, nothing can be closed when this process becomes another program');
    },
    way: () => 'mask',
    spawning: () => 'unknown',
    placeholder,
    coverHere: () => () => {},
    mustCover: true,
  };

  /** Strays that could not be listed are not covered. */
  function requireLook(): void {
    if (failure !== undefined) throw failure;
  }

  function look(): ListedStray[] {
    try {
      const strays = list().map(stray => ({ ...stray, atStart: atStart.get(stray.fd) === stray.identity }));
      failure = undefined;
      return strays;
    } catch (error) {
      failure = error;
      throw error;
    }
  }
}

/** Linux, on every architecture that Node runs on; fs.constants has neither this nor O_CLOEXEC. */
const O_PATH = 0o10000000;

/** Any of these is a symbolic link; see native/placeholder.c. */
const LINKS = ['/proc/self', '/dev/fd', '/dev/stdin', '/etc/mtab', '/bin', '/lib', '/etc/localtime'];

/** Opens the placeholder with the first call, and again if the program closed it by number. */
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
  // Reading and writing fail there, too: at the descriptor with O_PATH, by the access mode without.
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
  throw new Error(`${link} is no symbolic link`);
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

function list(): ListedStray[] {
  const strays: ListedStray[] = [];
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd < 3) continue;
    try {
      const flags = flagsOf(fd);
      // A placeholder that this process inherited gives access to nothing.
      if ((flags & O_CLOEXEC) !== 0 || ((flags & O_PATH) !== 0 && isLink(fd))) continue;
      // Without `bigint`, an inode beyond 2^53 loses its last bits.
      const { dev, ino, mode, rdev } = fstatSync(fd, { bigint: true });
      strays.push({ fd, atStart: false, identity: `${dev}:${ino}:${mode >> 12n}:${rdev}` });
    } catch {
      // Closed since the directory was read, most likely by readdirSync() itself.
    }
  }
  return strays.sort((a, b) => a.fd - b.fd);
}

const O_CLOEXEC = 0o2000000;

/** See proc_pid_fdinfo(5). */
function flagsOf(fd: number): number {
  const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
  return Number.parseInt(flags ?? '0', 8);
}
