// What programs do with an FD that they were given, as real traces tell.

import test from 'ava';
import type { Use } from '../../src/model/fd-use';
import { runCommand, tool } from '../support/run';
import { traceUse, whyNoTrace } from '../support/trace';

const missing = whyNoTrace();

/** A kernel without CONFIG_IA32_EMULATION, or with ia32_emulation=off, ends a process that makes such a call. */
async function lacks32BitCalls(): Promise<boolean> {
  const { signal } = await runCommand([tool('do-fds'), 'read32:0']);
  return signal === 'SIGSEGV';
}

/** Steps of test/native/do-fds.c with FD 5, and the verdict: with the calls, or the reason. */
const CASES: readonly { readonly steps: string; readonly verdict: string }[] = [
  { steps: '', verdict: 'never touched' },
  { steps: 'fstat:1 read:0', verdict: 'never touched' },
  { steps: 'read:5', verdict: 'used: read' },
  { steps: 'read:5 read:5 seek:5:1', verdict: 'used: read lseek' },
  { steps: 'seek:5:1', verdict: 'used: lseek' },
  { steps: 'read32:5', verdict: 'used: read' },
  { steps: 'send32:5', verdict: process.arch === 'x64' ? 'used: send' : 'used: sendto' },
  { steps: 'mmap:5', verdict: 'used: mmap' },
  { steps: 'flock:5', verdict: 'used: flock' },
  { steps: 'poll:5', verdict: 'used: poll' },
  { steps: 'select:5', verdict: 'used: pselect6' },
  { steps: 'epoll:5', verdict: 'used: epoll_ctl' },
  { steps: 'openat:5', verdict: 'used: openat' },
  // Directories count only where the path starts there.
  { steps: 'absolute:5', verdict: 'never touched' },

  // To ask is not to use.
  { steps: 'fstat:5', verdict: 'probed: newfstatat' },
  { steps: 'isatty:5 getfd:5', verdict: 'probed: ioctl fcntl' },
  { steps: 'seek:5:0', verdict: 'probed: lseek' },
  { steps: 'fioclex:5', verdict: 'probed: ioctl' },
  { steps: 'fstat:5 close:5', verdict: 'probed: newfstatat' },

  { steps: 'close:5', verdict: 'closed unused' },
  { steps: 'close:5 read:5', verdict: 'closed unused' },
  { steps: 'close_range:3:4:0', verdict: 'never touched' },
  { steps: 'close_range:3:-1:0', verdict: 'closed unused' },
  { steps: 'dup2:0:5 read:5', verdict: 'closed unused' },

  // Under another number
  { steps: 'dup2:5:9', verdict: 'never touched' },
  { steps: 'dup2:5:9 close:5', verdict: 'never touched' },
  { steps: 'dup2:5:9 close:5 close:9', verdict: 'closed unused' },
  { steps: 'dup2:5:9 close:5 read:9', verdict: 'used: read' },
  { steps: 'dup:5 close:5 read:3', verdict: 'used: read' },
  { steps: 'dup3:5:9 read:9', verdict: 'used: read' },
  { steps: 'dupfd:5:20 close:5 read:20', verdict: 'used: read' },
  { steps: 'dupfd_cloexec:5:20 close:5 read:20', verdict: 'used: read' },
  { steps: 'dup2:5:5 read:5', verdict: 'used: read' },
  { steps: 'dup2:5:9 dup2:0:9 read:9', verdict: 'never touched' },
  { steps: 'reopen:5', verdict: 'used: openat' },
  { steps: 'reopen:5:1', verdict: 'used: openat' },

  // In another task
  { steps: 'fork read:5', verdict: 'used: read' },
  { steps: 'fork close:5', verdict: 'never touched' },
  { steps: 'also close:5', verdict: 'closed unused' },
  { steps: 'fork fork dup2:5:7 close:5 read:7', verdict: 'used: read' },
  { steps: 'close:5 fork read:5', verdict: 'closed unused' },
  { steps: 'thread read:5', verdict: 'used: read' },
  { steps: 'thread close:5', verdict: 'closed unused' },
  { steps: 'thread dup2:5:8 close:5 read:8', verdict: 'used: read' },
  { steps: 'thread unshare close:5', verdict: 'never touched' },
  { steps: 'thread close_range:3:-1:2', verdict: 'never touched' },
  { steps: 'vfork read:5', verdict: 'used: read in do-fds' },
  { steps: 'vfork close:5', verdict: 'inherited on: closed unused in do-fds' },

  // In another program
  { steps: 'exec', verdict: 'inherited on: never touched in do-fds' },
  { steps: 'exec read:5', verdict: 'used: read in do-fds' },
  { steps: 'exec exec read:5', verdict: 'used: read in do-fds' },
  { steps: 'exec exec', verdict: 'inherited on: inherited on in do-fds, never touched in do-fds' },
  { steps: 'exec close:5', verdict: 'inherited on: closed unused in do-fds' },
  { steps: 'noexec read:5', verdict: 'used: read' },
  { steps: 'cloexec:5:1 exec read:5', verdict: 'probed: fcntl' },
  { steps: 'cloexec:5:1 cloexec:5:0 exec read:5', verdict: 'used: read in do-fds' },
  { steps: 'fioclex:5 exec read:5', verdict: 'probed: ioctl' },
  { steps: 'close_range:3:-1:4 exec read:5', verdict: 'closed unused' },
  { steps: 'dup3:5:9:1 close:5 exec read:9', verdict: 'closed unused' },
  { steps: 'dup2:5:0 close:5 exec read:0', verdict: 'used: read in do-fds' },
  { steps: 'dupfd_cloexec:5:9 close:5 exec read:9', verdict: 'closed unused' },
  { steps: 'thread_exec read:5', verdict: 'used: read in do-fds' },
  { steps: 'thread_exec', verdict: 'inherited on: never touched in do-fds' },
  { steps: 'also exec read:5', verdict: 'used: read in do-fds' },

  // To another process
  { steps: 'send:5', verdict: 'delegated: sendmsg' },
  // It comes back under the lowest free number, which is its own.
  { steps: 'pass:5 read:5', verdict: 'used: read' },

  // What a trace does not tell
  { steps: 'uring:1', verdict: 'unknown: it used io_uring, which a trace does not see into' },
  { steps: 'uring:0', verdict: 'never touched' },
  { steps: 'uring:1 read:5', verdict: 'used: read' },
  {
    steps: 'getfd_of:5',
    verdict: 'unknown: a process took an FD of this number from another with pidfd_getfd',
  },
  { steps: 'kill:9', verdict: 'unknown: it was killed by SIGKILL' },
  { steps: 'read:5 kill:9', verdict: 'used: read' },
  { steps: 'kill:15', verdict: 'never touched' },
  { steps: 'fork kill:9', verdict: 'unknown: it was killed by SIGKILL' },
];

for (const { steps, verdict } of CASES) {
  test(`${steps || 'nothing'}: ${verdict}`, async t => {
    const why = await missing;
    if (why !== undefined) return skip(t, why);
    if (/32:/.test(steps) && (await lacks32BitCalls())) return skip(t, 'the kernel has no 32-bit calls');
    const command = [tool('do-fds'), ...steps.split(' ').filter(step => step !== '')];
    t.is(tell(await traceUse(t, command)), verdict);
  });
}

for (const { title, command, verdict } of [
  { title: 'a redirection of a shell', command: ['sh', '-c', 'cat <&5'], verdict: 'used: read in cat' },
  {
    title: 'a shell that starts another program',
    command: ['sh', '-c', 'true; ls /'],
    verdict: 'inherited on: never touched in ls',
  },
  { title: 'a subshell', command: ['sh', '-c', '(read line <&5)'], verdict: 'used: read' },
  { title: 'a path', command: ['cat', '/dev/fd/5'], verdict: 'used: openat' },
] as const) {
  test(`${title}: ${verdict}`, async t => {
    const why = await missing;
    if (why !== undefined) return skip(t, why);
    // Some read with fadvise64() or sendfile() first, and the shells' own ways differ.
    t.regex(tell(await traceUse(t, command)), new RegExp(`^${verdict.replace(': read', ': .*read')}`));
  });
}

test('tells when, and for how long', async t => {
  const why = await missing;
  if (why !== undefined) return skip(t, why);
  const { after = -1, held = -1 } = await traceUse(t, [
    tool('do-fds'),
    'sleep:30',
    'read:5',
    'close:5',
    'sleep:30',
  ]);
  t.true(after >= 0.03);
  t.true(held >= after);
});

function skip(t: { log: (why: string) => void; pass: () => void }, why: string): void {
  t.log(`skipped: ${why}`);
  t.pass();
}

function tell({ verdict, reason, calls, heirs = [] }: Use): string {
  const name = (program = '') => program.replace(/.*\//, '').replace(/^exe$/, 'do-fds');
  if (verdict === 'inherited on')
    return `${verdict}: ${heirs.map(heir => `${heir.verdict} in ${name(heir.program)}`).join(', ')}`;
  const detail = reason ?? calls?.join(' ');
  const where = heirs.length > 0 ? ` in ${name(heirs[0]?.program)}` : '';
  return `${verdict}${detail === undefined ? '' : `: ${detail}`}${where}`;
}
