// The tracer of this process (a process has at most one), and its seccomp filters.

import fs = require('node:fs');

const { readFileSync } = fs;

/** The command line of the tracer; empty if it cannot be read; undefined without a tracer. */
export function tracerCommand(): readonly string[] | undefined {
  try {
    const [, tracer = '0'] = /^TracerPid:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (tracer === '0') return undefined;
    return readFileSync(`/proc/${tracer}/cmdline`, 'utf8').split('\0');
  } catch {
    // The tracer belongs to another user, or runs in another PID namespace.
    return [];
  }
}

/** Two equal values mean the same number of filters, in the same mode. */
export function seccompState(): string {
  try {
    return (readFileSync('/proc/self/status', 'utf8').match(/^Seccomp.*$/gm) ?? []).join(' ');
  } catch {
    return '';
  }
}
