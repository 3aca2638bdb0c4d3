// Where findings go: process warnings, with stable codes.
//
// So `--disable-warning=CLOSEFDS_STRAY`, `--trace-warnings`, `--redirect-warnings`, NODE_NO_WARNINGS
// and process.on('warning') work as for Node's own.

import type { Finding } from '../core/finding';
import { toAdvice, toMessage } from '../core/message';

/** Given to Node, which emits them in the next tick. */
const pending = new Set<Error>();

/** `emitWarning` is the one from the start: others replace it, and theirs may throw. */
export function warn(finding: Finding, emitWarning: typeof process.emitWarning): void {
  const warning = Object.assign(new Error(toMessage(finding)), {
    name: 'ClosefdsWarning',
    code: finding.code,
    detail: toAdvice(finding),
  });
  warning.stack = withoutOwnFrames(warning);
  emitAtExit();
  pending.add(warning);
  process.nextTick(() => pending.delete(warning));
  try {
    emitWarning.call(process, warning);
  } catch {
    // Somebody's own, from before us. What it is for is to emit, and that can be done without it.
    process.emit('warning', warning);
  }
}

/** For --trace-warnings, where ten frames of ours would hide who called. */
function withoutOwnFrames(warning: Error): string {
  const deep = new Error(warning.message);
  try {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 50;
    Error.captureStackTrace(deep, warn);
    Error.stackTraceLimit = stackTraceLimit;
  } catch {
    // Frozen: then it is as deep as it was.
  }
  const frames = String(deep.stack).slice(String(deep).length).split('\n');
  const theirs = frames.filter(frame => frame !== '' && !frame.includes(__dirname));
  return [`${warning.name}: ${warning.message}`, ...theirs.slice(0, 10)].join('\n');
}

let emitsAtExit = false;

/** A program that calls process.exit() after execSync() ends before the next tick. */
function emitAtExit(): void {
  if (emitsAtExit) return;
  emitsAtExit = true;
  process.once('exit', () => {
    for (const warning of pending) process.emit('warning', warning);
  });
}
