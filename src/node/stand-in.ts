// The stray guard's stand-in, for where the addon cannot load: in JavaScript, with masks.
//
// No function of Node can set close-on-exec on an open FD. But the child's `stdio` can put the
// null device over a stray's number, and then the stray does not arrive. So this guard depends
// on listing, looks before every spawn, and leaves the child with a null device where the addon
// would leave nothing. Children that pass no `stdio` of ours (addons', process.execve's) are
// out of its reach.

import fs = require('node:fs');

import type { ListedStray, StrayGuard } from '../core/stray-guard';

// Taken at load: programs replace functions of `fs`, and these answers are about the real system.
const { fstatSync, openSync, readdirSync, readFileSync } = fs;

/** Throws if /proc or the null device cannot be read: then there is nothing this can do. */
export function createStandIn(): StrayGuard {
  const atStart = new Map(list().map(stray => [stray.fd, stray.identity]));
  let opened: number | undefined;
  let failure: unknown;
  nullDevice();

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
    nullDevice,
  };

  /** What was not seen is not masked. */
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

  function nullDevice(): number {
    // The program may have closed it by number; that must not put its next file over a stray.
    if (opened === undefined || !isNullDevice(opened)) opened = openNullDevice();
    return opened;
  }
}

function openNullDevice(): number {
  try {
    return openSync('/dev/null', 'r+');
  } catch {
    // Node's permission model may allow reading alone; a mask that refuses writes is a mask, too.
    return openSync('/dev/null', 'r');
  }
}

function isNullDevice(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isCharacterDevice() && stat.rdev === fs.statSync('/dev/null').rdev;
  } catch {
    return false;
  }
}

function list(): ListedStray[] {
  const strays: ListedStray[] = [];
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd < 3) continue;
    try {
      if (isCloseOnExec(fd)) continue;
      const { dev, ino } = fstatSync(fd);
      strays.push({ fd, atStart: false, identity: `${dev}:${ino}` });
    } catch {
      // Closed since the directory was read, most likely by readdirSync() itself.
    }
  }
  return strays.sort((a, b) => a.fd - b.fd);
}

/** O_CLOEXEC is 02000000 on every Linux that Node runs on. See proc_pid_fdinfo(5). */
function isCloseOnExec(fd: number): boolean {
  const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
  return (Number.parseInt(flags ?? '0', 8) & 0o2000000) !== 0;
}
