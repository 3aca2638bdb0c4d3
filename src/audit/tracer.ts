// Who traces this process, which can have only one tracer, and what filters its system calls.

import fs = require('node:fs');

const { readFileSync } = fs;

/** The tracer's command line; undefined without a tracer. */
export function tracerCommand(): readonly string[] | undefined {
  try {
    const [, tracer = '0'] = /^TracerPid:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (tracer === '0') return undefined;
    return readFileSync(`/proc/${tracer}/cmdline`, 'utf8').split('\0');
  } catch {
    // It is another user's, or in another namespace.
    return [];
  }
}

/** Equal where the same filters hold. */
export function seccompState(): string {
  try {
    return (readFileSync('/proc/self/status', 'utf8').match(/^Seccomp.*$/gm) ?? []).join(' ');
  } catch {
    return '';
  }
}
