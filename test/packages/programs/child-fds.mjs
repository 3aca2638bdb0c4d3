// What a leaker's child holds, as one line of JSON: its FDs, and the names of what lies beyond stdio.
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import path from 'node:path';

/** The child opens nothing and has nothing but what it inherits, so its numbers are ours. */
export function printChildFds() {
  const { stdout } = spawnSync(process.env.LIST_FDS, { encoding: 'utf8' });
  const fds = JSON.parse(stdout);
  const targets = fds.filter(fd => fd > 2).map(fd => nameOf(readlinkSync(`/proc/self/fd/${fd}`)));
  console.log(JSON.stringify({ fds, targets: targets.sort() }));
}

/** Sockets and pipes have a number that differs each time. */
function nameOf(target) {
  return target.startsWith('/') ? path.basename(target) : target.replace(/\[\d+\]$/, '');
}
