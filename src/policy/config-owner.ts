// Checks who may have written a config that was found by looking: its author decides what the children of this
// process get, and where a report is appended.
//
// Like Git (safe.directory) and OpenSSH, closefds refuses a config of another user. The operator names a config
// with CLOSEFDS_CONFIG, so that one is not checked.

import type { Stats } from 'node:fs';

import fs = require('node:fs');
import path = require('node:path');

/** sticky(7): in such a folder only the owner of a file or of the folder can replace the file. */
const STICKY = 0o1000;
const WRITABLE_BY_ALL = 0o002;
const WRITABLE_BY_GROUP = 0o020;

/**
 * Returns why a config must not be used, undefined if it may. `link` is what is at the path, `target` the file
 * that was opened.
 */
export function whyNotTrusted(file: string, link: Stats, target: Stats): string | undefined {
  // Windows has no user numbers.
  const user = process.geteuid?.();
  if (user === undefined) return undefined;
  const uids = [...new Set([user, 0])];
  const folderPath = path.dirname(file);
  const folder = fs.statSync(folderPath);
  const isOthers = ({ uid }: Stats) => !uids.includes(uid);
  const users = uids.map(uid => `uid ${uid}`).join(' or ');

  const owner = [link, target].find(isOthers);
  if (owner !== undefined) return `expected a file of ${users}, found one of uid ${owner.uid}`;
  if (isWritableByOthers(target)) return 'expected a file that no other user may write to';
  if (isOthers(folder)) return `expected a folder of ${users}, found ${folderPath} of uid ${folder.uid}`;
  if (isWritableByOthers(folder) && (folder.mode & STICKY) === 0)
    return `expected a folder that no other user may write to, found ${folderPath}`;
  return undefined;
}

/** A group of this process is trusted: with umask 002, each user's own group may write to the user's files. */
export function isWritableByOthers({ mode, gid }: Stats): boolean {
  if ((mode & WRITABLE_BY_ALL) !== 0) return true;
  if ((mode & WRITABLE_BY_GROUP) === 0 || gid === 0) return false;
  return gid !== process.getegid?.() && !process.getgroups?.().includes(gid);
}
