// How strace is called, so that src/audit/strace/parse-line.ts can read what it writes.

import { IN_FULL, TRACED } from './syscalls';

/**
 * Options to trace a program in a process that stays what it is: strace becomes the program, and a
 * grandchild in a session of its own (-DDD), where signals to groups do not reach it, does the
 * tracing. With --seccomp-bpf only the calls on the list stop the program.
 */
export function straceOptions(output: string): string[] {
  return [
    ...['-DDD', '-f', '--seccomp-bpf', '-q', '-ttt', '-a', '1'],
    ...['-xx', '-X', 'raw', '-s', '0'],
    // Names that this strace or this machine does not know are skipped.
    ...['-e', `trace=${TRACED.map(name => `?${name}`).join()}`],
    ...['-e', `abbrev=!${IN_FULL.map(name => `?${name}`).join()}`],
    ...['-e', `verbose=${IN_FULL.map(name => `?${name}`).join()}`],
    // What killed a program is told only where its signal is traced.
    ...['-e', 'signal=all'],
    ...['-o', output],
  ];
}
