// The place of a report: a file or FIFO by its path, or stdout or stderr as `fd:1` and `fd:2`.
//
// Another user must not get the findings, which name paths: a link is not followed, and an existing file has to
// belong to the user of the process (or to root) and be closed to all others.

import type { Stats } from 'node:fs';

import fs = require('node:fs');
import path = require('node:path');

import { isWritableByOthers } from '../policy/config-owner';
import type { OpenPlace } from './report-file';

const { constants } = fs;

/**
 * Does not wait for the reader of a FIFO, and does not make a terminal the controlling one. Node adds O_CLOEXEC.
 * Windows has no links of this sort, and not all of the flags.
 */
const WRITE =
  constants.O_WRONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0) | (constants.O_NOFOLLOW ?? 0);

/** For a new file. Paths may be secret, so only the owner can read it. */
const PERMISSIONS = 0o600;

export type FileFunctions = Pick<typeof fs, 'openSync' | 'writeSync' | 'closeSync' | 'fstatSync'>;

/** Opens a place for appending; creates a file. `files` was captured before programs could replace it. Throws. */
export function openPlace(place: string, files: FileFunctions): OpenPlace {
  const own = ownFd(place);
  if (own !== undefined) return openOwn(own, files);
  return openPath(place, constants.O_APPEND | constants.O_CREAT, files);
}

/** Returns why a place cannot be written now; undefined if it can. Creates nothing. */
export function whyNotWritable(place: string): string | undefined {
  const own = ownFd(place);
  try {
    if (own !== undefined) fs.fstatSync(own);
    else if (fs.lstatSync(place, { throwIfNoEntry: false }) !== undefined) openPath(place, 0, fs).close();
    else fs.accessSync(path.dirname(place), constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A FIFO without a reader, which may come later.
    return code === 'ENXIO' ? undefined : message;
  }
}

function ownFd(place: string): number | undefined {
  const [, fd] = /^fd:(\d+)$/.exec(place) ?? [];
  return fd === undefined ? undefined : Number(fd);
}

/**
 * stdout or stderr itself: a path such as /dev/stderr opens the file again, at its beginning, and does not open
 * a socket at all. A pipe is opened again all the same, because it may be blocking, and its reader slow.
 */
function openOwn(own: number, files: FileFunctions): OpenPlace {
  const isPipe = files.fstatSync(own).isFIFO();
  try {
    if (isPipe) {
      const fd = files.openSync(`/proc/self/fd/${own}`, WRITE & ~(constants.O_NOFOLLOW ?? 0));
      return opened(fd, isPipe, files);
    }
  } catch {
    // No /proc, or the pipe belongs to another user.
  }
  return { ...opened(own, isPipe, files), close: () => {} };
}

function opened(fd: number, isPipe: boolean, files: FileFunctions): OpenPlace {
  return { isPipe, write: bytes => files.writeSync(fd, bytes), close: () => files.closeSync(fd) };
}

function openPath(file: string, flags: number, files: FileFunctions): OpenPlace {
  const fd = openAsIs(file, flags, files);
  try {
    const stat = files.fstatSync(fd);
    const problem = whyNotPrivate(stat);
    if (problem !== undefined) throw new Error(problem);
    return opened(fd, stat.isFIFO(), files);
  } catch (error) {
    files.closeSync(fd);
    throw error;
  }
}

function openAsIs(file: string, flags: number, files: FileFunctions): number {
  try {
    return files.openSync(file, WRITE | flags, PERMISSIONS);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
    throw new Error('expected a file, found a symbolic link; name what it leads to', { cause: error });
  }
}

/** Devices are exempt: the null device and a terminal belong to root or are open to all. */
function whyNotPrivate(stat: Stats): string | undefined {
  const user = process.geteuid?.();
  if (user === undefined || !(stat.isFile() || stat.isFIFO())) return undefined;
  if (stat.uid !== user && stat.uid !== 0)
    return `expected a file of uid ${user} or of root, found one of uid ${stat.uid}`;
  const permissions = (stat.mode & 0o777).toString(8);
  if ((stat.mode & 0o007) !== 0 || isWritableByOthers(stat))
    return `expected a file that is closed to other users, found permissions ${permissions}; 600 is enough`;
  return undefined;
}
