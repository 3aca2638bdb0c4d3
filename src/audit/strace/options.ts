// The options of strace whose output src/audit/strace/parse-line.ts reads.

import { IN_FULL, TRACED } from './syscalls';

/**
 * Options to trace a program without a parent process of its own: strace becomes the program, and a
 * grandchild in another session (-DDD), which signals to the process group do not reach, traces it.
 * With --seccomp-bpf only the listed calls stop the program.
 */
export function straceOptions(output: string): string[] {
  return [
    ...['-DDD', '-f', '--seccomp-bpf', '-q', '-ttt', '-a', '1'],
    ...['-xx', '-X', 'raw', '-s', '0'],
    // "?": strace skips names that it or this architecture does not know.
    ...['-e', `trace=${TRACED.map(name => `?${name}`).join()}`],
    ...['-e', `abbrev=!${IN_FULL.map(name => `?${name}`).join()}`],
    ...['-e', `verbose=${IN_FULL.map(name => `?${name}`).join()}`],
    // strace reports the signal that killed a program only if it traces that signal.
    ...['-e', 'signal=all'],
    ...['-o', output],
  ];
}
