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
const CASES: readonly (readonly [steps: string, verdict: string])[] = [
  ['', 'never touched'],
  ['fstat:1 read:0', 'never touched'],
  ['read:5', 'used: read'],
  ['read:5 read:5 seek:5:1', 'used: read lseek'],
  ['seek:5:1', 'used: lseek'],
  ['read32:5', 'used: read'],
  ['send32:5', process.arch === 'x64' ? 'used: send' : 'used: sendto'],
  ['mmap:5', 'used: mmap'],
  ['flock:5', 'used: flock'],
  ['poll:5', 'used: poll'],
  ['select:5', 'used: pselect6'],
  ['epoll:5', 'used: epoll_ctl'],
  ['openat:5', 'used: openat'],
  // Directories count only where the path starts there.
  ['absolute:5', 'never touched'],

  // To ask is not to use.
  ['fstat:5', 'probed: newfstatat'],
  ['isatty:5 getfd:5', 'probed: ioctl fcntl'],
  ['seek:5:0', 'probed: lseek'],
  ['fioclex:5', 'probed: ioctl'],
  ['fstat:5 close:5', 'probed: newfstatat'],

  ['close:5', 'closed unused'],
  ['close:5 read:5', 'closed unused'],
  ['close_range:3:4:0', 'never touched'],
  ['close_range:3:-1:0', 'closed unused'],
  ['dup2:0:5 read:5', 'closed unused'],

  // Under another number
  ['dup2:5:9', 'never touched'],
  ['dup2:5:9 close:5', 'never touched'],
  ['dup2:5:9 close:5 close:9', 'closed unused'],
  ['dup2:5:9 close:5 read:9', 'used: read'],
  ['dup:5 close:5 read:3', 'used: read'],
  ['dup3:5:9 read:9', 'used: read'],
  ['dupfd:5:20 close:5 read:20', 'used: read'],
  ['dupfd_cloexec:5:20 close:5 read:20', 'used: read'],
  ['dup2:5:5 read:5', 'used: read'],
  ['dup2:5:9 dup2:0:9 read:9', 'never touched'],
  ['reopen:5', 'used: openat'],
  ['reopen:5:1', 'used: openat'],

  // In another task
  ['fork read:5', 'used: read'],
  ['fork close:5', 'never touched'],
  ['also close:5', 'closed unused'],
  ['fork fork dup2:5:7 close:5 read:7', 'used: read'],
  ['close:5 fork read:5', 'closed unused'],
  ['thread read:5', 'used: read'],
  ['thread close:5', 'closed unused'],
  ['thread dup2:5:8 close:5 read:8', 'used: read'],
  ['thread unshare close:5', 'never touched'],
  ['thread close_range:3:-1:2', 'never touched'],
  ['vfork read:5', 'used: read in do-fds'],
  ['vfork close:5', 'inherited on: closed unused in do-fds'],

  // In another program
  ['exec', 'inherited on: never touched in do-fds'],
  ['exec read:5', 'used: read in do-fds'],
  ['exec exec read:5', 'used: read in do-fds'],
  ['exec exec', 'inherited on: inherited on in do-fds, never touched in do-fds'],
  ['exec close:5', 'inherited on: closed unused in do-fds'],
  ['noexec read:5', 'used: read'],
  ['cloexec:5:1 exec read:5', 'probed: fcntl'],
  ['cloexec:5:1 cloexec:5:0 exec read:5', 'used: read in do-fds'],
  ['fioclex:5 exec read:5', 'probed: ioctl'],
  ['close_range:3:-1:4 exec read:5', 'closed unused'],
  ['dup3:5:9:1 close:5 exec read:9', 'closed unused'],
  ['dup2:5:0 close:5 exec read:0', 'used: read in do-fds'],
  ['dupfd_cloexec:5:9 close:5 exec read:9', 'closed unused'],
  ['thread_exec read:5', 'used: read in do-fds'],
  ['thread_exec', 'inherited on: never touched in do-fds'],
  ['also exec read:5', 'used: read in do-fds'],

  // To another process
  ['send:5', 'delegated: sendmsg'],
  // It comes back under the lowest free number, which is its own.
  ['pass:5 read:5', 'used: read'],

  // What a trace does not tell
  ['uring:1', 'unknown: it used io_uring, which a trace does not see into'],
  ['uring:0', 'never touched'],
  ['uring:1 read:5', 'used: read'],
  ['getfd_of:5', 'unknown: a process took an FD of this number from another with pidfd_getfd'],
  ['kill:9', 'unknown: it was killed by SIGKILL'],
  ['read:5 kill:9', 'used: read'],
  ['kill:15', 'never touched'],
  ['fork kill:9', 'unknown: it was killed by SIGKILL'],
];

for (const [steps, verdict] of CASES) {
  test(`${steps || 'nothing'}: ${verdict}`, async t => {
    const why = await missing;
    if (why !== undefined) return skip(t, why);
    if (/32:/.test(steps) && (await lacks32BitCalls())) return skip(t, 'the kernel has no 32-bit calls');
    const command = [tool('do-fds'), ...steps.split(' ').filter(step => step !== '')];
    t.is(tell(await traceUse(t, command)), verdict);
  });
}

for (const [title, command, verdict] of [
  ['a redirection of a shell', ['sh', '-c', 'cat <&5'], 'used: read in cat'],
  ['a shell that starts another program', ['sh', '-c', 'true; ls /'], 'inherited on: never touched in ls'],
  ['a subshell', ['sh', '-c', '(read line <&5)'], 'used: read'],
  ['a path', ['cat', '/dev/fd/5'], 'used: openat'],
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
