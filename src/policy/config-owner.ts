// Who may have written a config that was found by looking. Whoever writes it decides what the children
// of this process get, and where a report is appended.
//
// As Git (safe.directory) and OpenSSH do: a config of another user is refused, not read. What
// CLOSEFDS_CONFIG names is the operator's choice, and is not asked about.

import type { Stats } from 'node:fs';

import fs = require('node:fs');
import path = require('node:path');

/** sticky(7): in such a folder only a file's owner can replace it. */
const STICKY = 0o1000;
const WRITABLE_BY_ALL = 0o002;

/**
 * Why a config should not be taken; undefined if it may be. `link` is what lies at the path, `target` the file
 * that was opened.
 */
export function whyNotTrusted(file: string, link: Stats, target: Stats): string | undefined {
  const uids = trustedUsers();
  if (uids === undefined) return undefined;
  const owner = [link, target].find(({ uid }) => !uids.includes(uid));
  const users = uids.map(uid => `uid ${uid}`).join(' or ');
  if (owner !== undefined) return `expected a file of ${users}, found one of uid ${owner.uid}`;
  // A group that may write was given that right by the owner.
  if ((target.mode & WRITABLE_BY_ALL) !== 0) return 'expected a file that not every user may write to';
  const { mode } = fs.statSync(path.dirname(file));
  const isOpen = (mode & WRITABLE_BY_ALL) !== 0 && (mode & STICKY) === 0;
  return isOpen
    ? `expected a folder that not every user may write to, found ${path.dirname(file)}`
    : undefined;
}

/** undefined on Windows, which has no user numbers. As Git does, root by way of sudo is who called sudo, too. */
function trustedUsers(): number[] | undefined {
  const user = process.geteuid?.();
  if (user === undefined) return undefined;
  const caller = user === 0 ? Number(process.env.SUDO_UID || Number.NaN) : Number.NaN;
  return [...new Set([user, 0, ...(Number.isInteger(caller) ? [caller] : [])])];
}
