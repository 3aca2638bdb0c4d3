// libfuse passes an FD by its flag alone and names it in a variable: fusermount gets it, and nothing else.

import { copyFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { addonOf, STRAY } from '../support/deep';
import { temporaryFolder } from '../support/programs';
import { LIST_FDS, ROOT, run } from '../support/run';

const PROGRAM = path.join(ROOT, 'test', 'fixtures', 'deep', 'with-variable.js');
const WAYS = ['fork and execv', 'fork and execvp', 'vfork and execve', 'posix_spawn', 'system', 'popen'];

interface Case {
  readonly library: string;
  readonly variable: string;
  readonly fds: readonly number[];
}

const CASES: readonly Case[] = [
  { library: 'libfuse3.so.3', variable: '_FUSE_COMMFD', fds: [STRAY] },
  { library: 'libfuse.so.2', variable: '_FUSE_COMMFD', fds: [STRAY] },
  { library: 'libfuse3.so.3', variable: 'OTHER_COMMFD', fds: [] },
  { library: 'libother.so.3', variable: '_FUSE_COMMFD', fds: [] },
];

for (const { library, variable, fds } of CASES)
  test(`${library} with ${variable}: its processes have ${fds.length === 0 ? 'neither FD' : 'that FD alone'}`, async t => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, library);
    copyFileSync(addonOf('lazy'), file);
    const { stdout, stderr } = await run(PROGRAM, {
      args: [file, LIST_FDS, folder, String(STRAY), variable, ...WAYS],
      env: { CLOSEFDS_DEEP: '1', NODE_NO_WARNINGS: '1' },
      cwd: folder,
    });
    t.deepEqual(JSON.parse(stdout || '{}'), Object.fromEntries(WAYS.map(way => [way, fds])), stderr);
  });
