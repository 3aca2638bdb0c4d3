// What strace wrote: against a model of the kernel (random programs, their traces, and what they truly
// did), and with damage, of which the worst is a wrong verdict.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020';
import fc from 'fast-check';
import { follow } from '../../src/audit/strace/replay';
import { isUsed, type Use } from '../../src/model/fd-use';
import { ROOT } from '../support/run';
import { damaged, must, property, type Target } from './target';

const GIVEN = [5, 6];

/** An open file: which of the given ones it is, or none of them. */
interface File {
  readonly given: number | undefined;
}

interface Place {
  readonly file: File;
  readonly closesOnExec: boolean;
}

type Table = Map<number, Place>;

interface Task {
  readonly pid: number;
  table: Table;
  /** The second half of a call that was begun. */
  rest: (() => void) | undefined;
}

/** One step: which task, what it does, with which numbers, and whether others come between. */
type Step = readonly [task: number, deed: number, a: number, b: number, split: boolean];

class Machine {
  readonly lines: string[] = ['100 1.000000 execve("\\x2f\\x61", 0x1, 0x2) = 0'];
  readonly used = new Set<number>();
  readonly #tasks: Task[] = [];
  #time = 1;
  #pid = 100;

  constructor() {
    const table: Table = new Map(
      [0, 1, 2].map(fd => [fd, { file: { given: undefined }, closesOnExec: false }]),
    );
    for (const given of GIVEN) table.set(given, { file: { given }, closesOnExec: false });
    this.#tasks.push({ pid: this.#pid, table, rest: undefined });
  }

  /** Which of the given FDs are open in any table. */
  open(): Set<number | undefined> {
    return new Set(this.#tasks.flatMap(({ table }) => [...table.values()].map(({ file }) => file.given)));
  }

  step([index, deed, a, b, split]: Step): void {
    const task = this.#tasks[index % this.#tasks.length];
    if (task === undefined) return;
    if (task.rest !== undefined) {
      const { rest } = task;
      task.rest = undefined;
      rest();
      return;
    }
    DEEDS[deed % DEEDS.length]?.(this, task, a, b, split);
  }

  /** All calls return. Where some do not, it can be impossible to tell whose child a process is. */
  finish(): void {
    for (const { rest } of this.#tasks) rest?.();
  }

  say(task: Task, text: string): void {
    this.#time += 0.000001;
    this.lines.push(`${task.pid} ${this.#time.toFixed(6)} ${text}`);
  }

  /** Writes a call in one piece, or in two with whatever comes between; `effect` gives what it returns. */
  call(task: Task, name: string, args: string, split: boolean, effect: () => number | string): void {
    if (!split) {
      // What it does to others must not be said before it.
      const at = this.lines.length;
      const result = effect();
      const later = this.lines.splice(at);
      this.say(task, `${name}(${args}) = ${result}`);
      this.lines.push(...later);
      return;
    }
    this.say(task, `${name}(${args} <unfinished ...>`);
    task.rest = () => this.say(task, `<... ${name} resumed>) = ${effect()}`);
  }

  use(task: Task, fd: number): void {
    const { given } = task.table.get(fd)?.file ?? {};
    if (given !== undefined) this.used.add(given);
  }

  free(table: Table): number {
    for (let fd = 0; ; fd++) if (!table.has(fd)) return fd;
  }

  make(table: Table): Task {
    this.#pid++;
    const task = { pid: this.#pid, table, rest: undefined };
    this.#tasks.push(task);
    return task;
  }

  alone({ table }: Task): boolean {
    return this.#tasks.filter(other => other.table === table).length === 1;
  }

  end(task: Task): void {
    if (this.#tasks.length === 1) return;
    this.#tasks.splice(this.#tasks.indexOf(task), 1);
    this.say(task, '+++ exited with 0 +++');
  }
}

type Deed = (machine: Machine, task: Task, a: number, b: number, split: boolean) => void;

const DEEDS: readonly Deed[] = [
  function read(machine, task, a, _, split) {
    const open = task.table.has(a);
    machine.use(task, a);
    machine.call(task, 'read', `${a}, 0x1, 1`, split, () => (open ? 1 : '-1 EBADF (Bad file descriptor)'));
  },
  function close(machine, task, a, _, split) {
    const open = task.table.delete(a);
    machine.call(task, 'close', `${a}`, split, () => (open ? 0 : '-1 EBADF (Bad file descriptor)'));
  },
  function dup(machine, task, a, _, split) {
    const place = task.table.get(a);
    machine.call(task, 'dup', `${a}`, split, () => {
      if (place === undefined) return '-1 EBADF (Bad file descriptor)';
      const fd = machine.free(task.table);
      task.table.set(fd, { ...place, closesOnExec: false });
      return fd;
    });
  },
  function dup3(machine, task, a, b, split) {
    const place = task.table.get(a);
    if (a === b) return;
    machine.call(task, 'dup3', `${a}, ${b}, ${b % 2 ? '0x80000' : '0'}`, split, () => {
      if (place === undefined) return '-1 EBADF (Bad file descriptor)';
      task.table.set(b, { ...place, closesOnExec: b % 2 === 1 });
      return b;
    });
  },
  function mark(machine, task, a, b, split) {
    machine.call(task, 'fcntl', `${a}, 0x2, ${b % 2 ? '0x1' : '0'}`, split, () => {
      const place = task.table.get(a);
      if (place === undefined) return '-1 EBADF (Bad file descriptor)';
      task.table.set(a, { ...place, closesOnExec: b % 2 === 1 });
      return 0;
    });
  },
  function open(machine, task, _, b, split) {
    machine.call(task, 'openat', `-100, "\\x61", ${b % 2 ? '0x80000' : '0'}`, split, () => {
      const fd = machine.free(task.table);
      task.table.set(fd, { file: { given: undefined }, closesOnExec: b % 2 === 1 });
      return fd;
    });
  },
  function openAgain(machine, task, a, b, split) {
    const digits = [...String(a)].map(digit => `\\x3${digit}`).join('');
    const place = task.table.get(a);
    if (place !== undefined) machine.use(task, a);
    const path = `\\x2f\\x64\\x65\\x76\\x2f\\x66\\x64\\x2f${digits}`;
    machine.call(task, 'openat', `-100, "${path}", ${b % 2 ? '0x80000' : '0'}`, split, () => {
      if (place === undefined) return '-1 ENOENT (No such file or directory)';
      const fd = machine.free(task.table);
      task.table.set(fd, { file: place.file, closesOnExec: b % 2 === 1 });
      return fd;
    });
  },
  function closeRange(machine, task, a, b, split) {
    const [first, last] = [Math.min(a, b) + 3, Math.max(a, b) + 3];
    machine.call(task, 'close_range', `${first}, ${last}, ${a % 2 ? '0x4' : '0'}`, split, () => {
      for (const [fd, place] of [...task.table]) {
        if (fd < first || fd > last) continue;
        if (a % 2) task.table.set(fd, { ...place, closesOnExec: true });
        else task.table.delete(fd);
      }
      return 0;
    });
  },
  function fork(machine, task, _, __, split) {
    const child = machine.make(new Map(task.table));
    machine.call(task, 'fork', '', split, () => child.pid);
  },
  function thread(machine, task, _, __, split) {
    const child = machine.make(task.table);
    machine.call(task, 'clone', 'child_stack=0x1, flags=0x10f00', split, () => child.pid);
  },
  function execute(machine, task, _, __, split) {
    // What becomes of the other threads is told by real traces.
    if (!machine.alone(task)) return;
    machine.call(task, 'execve', '"\\x2f\\x62", 0x1, 0x2', split, () => {
      for (const [fd, { closesOnExec }] of [...task.table]) if (closesOnExec) task.table.delete(fd);
      return 0;
    });
  },
  function unshare(machine, task, _, __, split) {
    machine.call(task, 'unshare', '0x400', split, () => {
      task.table = new Map(task.table);
      return 0;
    });
  },
  function end(machine, task) {
    machine.end(task);
  },
];

const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(7), fc.nat(99), fc.nat(9), fc.nat(9), fc.boolean());

const short = fc.array(step, { maxLength: 12 });
const long = fc.array(step, { minLength: 20, maxLength: 120 });

/** What else is in traces, and says nothing of FDs. */
const noise = fc.constantFrom(
  '100 1.5 --- SIGCHLD {si_signo=0x11, si_code=0x1, si_pid=101} ---',
  '101 1.5 --- stopped by SIGTSTP ---',
  '100 1.5 [ Process PID=100 runs in 32 bit mode. ]',
  'strace: Process 101 attached',
  '',
);

interface Traced {
  readonly machine: Machine;
  readonly lines: readonly string[];
}

const traced: fc.Arbitrary<Traced> = fc
  .tuple(fc.oneof(short, long), fc.array(fc.tuple(fc.nat(), noise), { maxLength: 4 }))
  .map(([steps, noises]) => {
    const machine = new Machine();
    for (const each of steps) machine.step(each);
    machine.finish();
    const lines = [...machine.lines];
    for (const [at, line] of noises) lines.splice(1 + (at % lines.length), 0, line);
    return { machine, lines };
  });

function usesIn(lines: readonly string[]): readonly Use[] | undefined {
  return follow(() => lines, [{ pid: undefined, since: 0, fds: GIVEN }])[0];
}

function checkTruth({ machine, lines }: Traced): void {
  const found = usesIn(lines)?.map(use => ({ used: isUsed(use), open: use.running === true }));
  const open = machine.open();
  const truth = GIVEN.map(fd => ({ used: machine.used.has(fd), open: open.has(fd) }));
  must(
    JSON.stringify(found) === JSON.stringify(truth),
    `${JSON.stringify({ found, truth })}\n${lines.join('\n')}`,
  );
}

// ---------------------------------------------------------------------------------------------
// Damage
// ---------------------------------------------------------------------------------------------

const WORDS = [
  ...['100 1.5 ', '101 1.5 ', ' <unfinished ...>', '<... read resumed>', '+++ exited with 0 +++'],
  ...[
    '+++ killed by SIGKILL +++',
    '+++ superseded by execve in pid 101 +++',
    ') = 0',
    ') = -1 EBADF',
    ' = ?',
  ],
  ...['sendmsg(5, ', 'recvmsg(6, ', 'cmsg_level=0x1, cmsg_type=0x1, cmsg_data=[5]', 'execve("\\x2f", '],
  ...['select(7, [5 6], ', 'poll([{fd=5, ', 'io_uring_setup(1, {flags=0x2', 'pidfd_getfd(9, 5, 0) = 6'],
  ...['\n', '"', '[', '{', '(', ')', ', ', '-100', '0x80000|1', '99999999999999999999', '__proto__('],
];
const broken = damaged(
  traced.map(({ lines }) => lines.slice(1).join('\n')),
  WORDS,
);

const schema = JSON.parse(readFileSync(path.join(ROOT, 'finding.schema.json'), 'utf8'));
const validate = new Ajv2020({ formats: { 'date-time': true } }).compile({
  $defs: schema.$defs,
  ...schema.properties.use,
});

const [BEGIN = ''] = new Machine().lines;

function checkDamaged(text: string): void {
  const uses = usesIn([BEGIN, ...text.split('\n')]);
  must(uses?.length === GIVEN.length, 'each FD has a verdict');
  for (const use of uses) {
    must(validate(use), `it is as the schema says: ${JSON.stringify([use, validate.errors])}`);
    must(use.verdict !== 'unknown' || use.reason !== undefined, 'what is unknown has a reason');
  }
}

export const TRACE_TARGETS: readonly Target[] = [
  property('trace', 'what a trace says is what its programs did', 2000, traced, checkTruth),
  property('trace-damaged', 'a damaged trace is read, and gives verdicts', 1000, broken, checkDamaged),
];
