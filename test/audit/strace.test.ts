// The trace reader: odd lines and interrupted calls. test/fuzz/trace.ts has a model of the kernel.

import test from 'ava';
import { readCall, readLine, toNumber, toPath } from '../../src/audit/strace/parse-line';
import { follow } from '../../src/audit/strace/replay';
import type { Use } from '../../src/model/fd-use';

const EXEC = '7 1.000000 execve("\\x2f\\x61", 0x1, 0x2) = 0';

const NODE = '7 1.500000 execve("\\x2f\\x6e\\x6f\\x64\\x65", 0x1, 0x2) = 0';

/** As strace writes a path. */
function hex(text: string): string {
  return `"${[...Buffer.from(text)].map(byte => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`;
}

/** What is told of FD 5, given to the first program of a trace. */
function useOf(...lines: readonly string[]): Use | undefined {
  return follow(() => lines, [{ pid: undefined, since: 0, fds: [5] }])[0]?.[0];
}

// ---------------------------------------------------------------------------------------------
// Lines
// ---------------------------------------------------------------------------------------------

for (const { text, event } of [
  {
    text: '7 1.5 close(3) = 0',
    event: { is: 'call', call: { name: 'close', args: ['3'], result: 0, error: undefined } },
  },
  {
    text: '7 1.5 read(3, ""..., 12) = -1 EAGAIN (Resource temporarily unavailable)',
    event: { is: 'call', call: { name: 'read', args: ['3', '""...', '12'], result: -1, error: 'EAGAIN' } },
  },
  {
    text: '7 1.5 exit_group(0) = ?',
    event: { is: 'call', call: { name: 'exit_group', args: ['0'], result: undefined, error: undefined } },
  },
  {
    text: '7 1.5 read(3, 0x1, 1) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)',
    event: {
      is: 'call',
      call: { name: 'read', args: ['3', '0x1', '1'], result: undefined, error: undefined },
    },
  },
  {
    text: '7 1.5 fork() = 8',
    event: { is: 'call', call: { name: 'fork', args: [], result: 8, error: undefined } },
  },
  {
    text: '7 1.5 mmap(NULL, 1, 0, 0, 3, 0) = 0x7f0000000000',
    event: {
      is: 'call',
      call: {
        name: 'mmap',
        args: ['NULL', '1', '0', '0', '3', '0'],
        result: 0x7f0000000000,
        error: undefined,
      },
    },
  },
  { text: '7 1.5 vfork( <unfinished ...>', event: { is: 'start', name: 'vfork', text: '(' } },
  { text: '7 1.5 read(3,  <unfinished ...>', event: { is: 'start', name: 'read', text: '(3' } },
  {
    text: '7 1.5 execve("\\x2f", 0x1, 0x2 <pid changed to 6 ...>',
    event: { is: 'start', name: 'execve', text: '("\\x2f", 0x1, 0x2' },
  },
  { text: '7 1.5 read(3,  <detached ...>', event: { is: 'start', name: 'read', text: '(3' } },
  {
    text: '7 1.5 <... read resumed>""..., 12) = 12',
    event: { is: 'end', name: 'read', text: '""..., 12) = 12' },
  },
  { text: '7 1.5 +++ exited with 3 +++', event: { is: 'exited', code: 3 } },
  { text: '7 1.5 +++ killed by SIGSEGV (core dumped) +++', event: { is: 'killed', signal: 'SIGSEGV' } },
  { text: '7 1.5 +++ superseded by execve in pid 9 +++', event: { is: 'superseded', by: 9 } },
  { text: '7 1.5 --- SIGCHLD {si_signo=17} ---', event: undefined },
  { text: '7 1.5 --- stopped by SIGTSTP ---', event: undefined },
  { text: '7 1.5 [ Process PID=7 runs in 32 bit mode. ]', event: undefined },
  { text: 'strace: Process 8 attached', event: undefined },
  { text: '7 1.5 clo', event: undefined },
  { text: '7', event: undefined },
  { text: '', event: undefined },
] as const) {
  test(`reads ${JSON.stringify(text)}`, t => {
    t.deepEqual(readLine(text)?.event as unknown, event);
  });
}

test('splits arguments outside of brackets and strings', t => {
  const { args } = readCall(
    'sendmsg',
    '(4, {msg_iov=[{iov_base=""..., iov_len=1}], msg_control=[{cmsg_data=[5, 6]}]}, 0) = 1',
  );
  t.deepEqual(args, ['4', '{msg_iov=[{iov_base=""..., iov_len=1}], msg_control=[{cmsg_data=[5, 6]}]}', '0']);
});

for (const { text, number } of [
  { text: '3', number: 3 },
  { text: '-100', number: -100 },
  { text: '0x80000', number: 0x80000 },
  { text: '0x1200000|17', number: 0x1200011 },
  { text: '1 /* comment */', number: 1 },
  { text: 'NULL', number: undefined },
  { text: '', number: undefined },
] as const) {
  test(`${JSON.stringify(text)} is the number ${number}`, t => t.is(toNumber(text), number));
}

test('a path may have any bytes', t => {
  t.is(toPath('"\\x2f\\x0a\\xff\\x22\\x29"'), '/\n\xff")');
  t.is(toPath('""'), '');
  t.is(toPath('0x7ffe'), undefined);
});

// ---------------------------------------------------------------------------------------------
// What real programs are too rarely caught at
// ---------------------------------------------------------------------------------------------

for (const { title, lines, verdict } of [
  {
    title: 'a read that never returns',
    lines: ['7 2.0 read(5,  <unfinished ...>', '7 3.0 +++ killed by SIGKILL +++'],
    verdict: 'used',
  },
  { title: 'a trace that ends', lines: [], verdict: 'never touched' },
  { title: 'a torn line', lines: ['7 2.0 rea'], verdict: 'never touched' },
  {
    title: 'a call that no kernel has',
    lines: ['7 2.0 __proto__(5) = 0', '7 2.1 constructor(5) = 0'],
    verdict: 'never touched',
  },
  {
    title: 'a call on an FD that is not open for it',
    lines: ['7 2.0 read(5, 0x1, 1) = -1 EBADF (Bad file descriptor)'],
    verdict: 'probed',
  },
  {
    title: 'a child before the call that made it',
    lines: [
      '7 2.0 clone(child_stack=NULL, flags=17 <unfinished ...>',
      '8 2.1 read(5, ""..., 1) = 1',
      '7 2.2 <... clone resumed>) = 8',
    ],
    verdict: 'used',
  },
  {
    title: 'two calls that make children at once',
    lines: [
      '7 2.0 clone3({flags=0x3d0f00, stack=0x1} => {parent_tid=[8]}, 88) = 8',
      '7 2.1 fork( <unfinished ...>',
      '8 2.2 fork( <unfinished ...>',
      '10 2.3 close(5) = 0',
      '10 2.4 +++ exited with 0 +++',
      '9 2.5 read(5, ""..., 1) = 1',
      '7 2.6 <... fork resumed>) = 9',
      '8 2.7 <... fork resumed>) = 10',
    ],
    verdict: 'used',
  },
  {
    title: 'a child that ends before the call that made it returns',
    lines: [
      '7 2.0 fork( <unfinished ...>',
      '8 2.1 +++ exited with 0 +++',
      '7 2.2 close(5) = 0',
      '7 2.3 <... fork resumed>) = 8',
      '7 2.4 +++ exited with 0 +++',
    ],
    verdict: 'never touched',
  },
  {
    title: 'a child of a call that never returns',
    lines: ['7 2.0 fork( <unfinished ...>', '8 2.1 read(5, ""..., 1) = 1', '7 2.2 +++ killed by SIGKILL +++'],
    verdict: 'used',
  },
  {
    title: 'a fork that fails',
    lines: [
      '7 2.0 fork() = -1 EAGAIN (Resource temporarily unavailable)',
      '7 2.1 close(5) = 0',
      '7 2.2 +++ exited with 0 +++',
    ],
    verdict: 'closed unused',
  },
  {
    title: 'a number of a process used twice',
    lines: [
      '7 2.0 fork() = 8',
      '8 2.1 close(5) = 0',
      '8 2.2 +++ exited with 0 +++',
      '7 2.3 fork() = 8',
      '8 2.4 read(5, ""..., 1) = 1',
    ],
    verdict: 'used',
  },
  { title: 'a process from nowhere', lines: ['9 2.0 close(5) = 0'], verdict: 'unknown' },
  {
    title: 'the other thread closes it during the call',
    lines: ['7 2.0 read(5,  <unfinished ...>', '7 2.1 <... read resumed>""..., 1) = 1'],
    verdict: 'used',
  },
  {
    title: 'a dup whose source is closed meanwhile',
    lines: [
      '7 2.0 clone(child_stack=0x1, flags=0x400) = 8',
      '7 2.1 dup(5 <unfinished ...>',
      '8 2.2 close(5) = 0',
      '7 2.3 <... dup resumed>) = 6',
      '7 2.4 read(6, ""..., 1) = 1',
    ],
    verdict: 'used',
  },
  {
    title: 'a dup that takes the number of its source, which was closed meanwhile',
    lines: [
      '7 2.0 clone(child_stack=0x1, flags=0x400) = 8',
      '7 2.1 dup(5 <unfinished ...>',
      '8 2.2 close(5) = 0',
      '7 2.3 <... dup resumed>) = 5',
      '7 2.4 read(5, ""..., 1) = 1',
    ],
    verdict: 'used',
  },
  {
    title: 'a ring of another program',
    lines: [
      '7 2.0 io_uring_setup(256, {flags=0x10000, sq_entries=256}) = 6',
      '7 2.1 io_uring_enter(6, 2, 2, 0x1, NULL, 0) = 2',
    ],
    verdict: 'unknown',
  },
  {
    title: "a ring of Node's",
    lines: [
      NODE,
      '7 2.0 io_uring_setup(256, {flags=0x10000, sq_entries=256}) = 6',
      '7 2.1 io_uring_enter(6, 2, 2, 0x1, NULL, 0) = 2',
    ],
    verdict: 'inherited on',
  },
  {
    title: 'a ring of Node for files',
    lines: [NODE, '7 2.0 io_uring_setup(64, {flags=0x2, sq_entries=64}) = 6'],
    verdict: 'unknown',
  },
  {
    title: 'a file below it, by a path of /proc',
    lines: [`7 2.0 openat(-100, ${hex('/proc/self/fd/5/x')}, 0) = 9`],
    verdict: 'used',
  },
  {
    title: 'a file below it is another file',
    lines: [
      '7 2.0 close(5) = 0',
      `7 2.1 openat(-100, ${hex('/proc/7/fd/5/x')}, 0) = 9`,
      '7 2.2 read(9, ""..., 1) = 1',
    ],
    verdict: 'closed unused',
  },
  {
    title: 'it is executed, by a path',
    lines: [`7 2.0 execve(${hex('/dev/fd/5')}, 0x1, 0x2) = 0`],
    verdict: 'used',
  },
  {
    title: 'another FD opened again, by a path that starts with a slash',
    lines: [`7 2.0 openat(5, ${hex('/dev/fd/9')}, 0) = 10`, '7 2.1 read(10, ""..., 1) = 1'],
    verdict: 'never touched',
  },
  {
    title: 'a path that only looks alike',
    lines: [`7 2.0 openat(-100, ${hex('/dev/fd/55')}, 0) = 9`],
    verdict: 'never touched',
  },
  {
    title: 'a 32-bit AT_FDCWD',
    lines: ['7 2.0 openat(4294967196, "\\x61", 0) = 3'],
    verdict: 'never touched',
  },
  {
    title: 'another FD under its number, closed by a way that the trace does not show',
    lines: ['7 2.0 openat(-100, "\\x61", 0) = 5', '7 2.1 read(5, ""..., 1) = 1'],
    verdict: 'closed unused',
  },
] as const) {
  test(`${title}: ${verdict}`, t => t.is(useOf(EXEC, ...lines)?.verdict, verdict));
}

test('a program that the trace does not have', t => {
  const given = [{ pid: 99, since: 0, fds: [5] }];
  t.deepEqual(
    follow(() => [EXEC], given),
    [undefined],
  );
});

test('a program further down has its own account', t => {
  const lines = [
    EXEC,
    '7 2.0 fork() = 8',
    '8 3.0 execve("\\x2f\\x62", 0x1, 0x2) = 0',
    '8 4.0 read(5, ""..., 1) = 1',
    '8 4.5 flock(6, 1) = 0',
    '8 5.0 +++ exited with 0 +++',
  ];
  const given = [
    { pid: undefined, since: 0, fds: [5] },
    { pid: 8, since: 2, fds: [5, 6, 7] },
  ];
  const [first, second] = follow(() => lines, given);
  t.deepEqual(first, [
    {
      verdict: 'used',
      program: '/a',
      calls: ['read'],
      after: 3,
      heirs: [{ verdict: 'used', program: '/b', calls: ['read'], after: 3 }],
      held: 4,
      running: true,
    },
  ]);
  t.deepEqual(second, [
    { verdict: 'used', program: '/b', calls: ['read'], after: 1, held: 2 },
    { verdict: 'used', program: '/b', calls: ['flock'], after: 1.5, held: 2 },
    { verdict: 'never touched', program: '/b', held: 2 },
  ]);
});

test('programs that did alike are one heir', t => {
  const run = (pid: number, file: string, ...calls: string[]) => [
    `7 2.0 fork() = ${pid}`,
    ...[`execve("${file}", 0x1, 0x2) = 0`, ...calls, '+++ exited with 0 +++'].map(
      text => `${pid} 2.${pid} ${text}`,
    ),
  ];
  const use = useOf(
    EXEC,
    ...Array.from({ length: 50 }, (_, i) => run(100 + i, '\\x2f\\x62')).flat(),
    ...run(200, '\\x2f\\x62', 'close(5) = 0'),
    ...run(201, '\\x2f\\x63'),
    ...run(202, '\\x2f\\x62'),
  );
  t.deepEqual(use?.heirs, [
    { verdict: 'never touched', program: '/b' },
    { verdict: 'closed unused', program: '/b' },
    { verdict: 'never touched', program: '/c' },
  ]);
});

test('a script that executes itself again and again', t => {
  const again = Array.from({ length: 30_000 }, () => EXEC);
  const use = useOf(EXEC, ...again, '7 2.0 read(5, 0x1, 1) = 1');
  t.deepEqual([use?.verdict, use?.heirs?.length], ['used', 1]);
});
