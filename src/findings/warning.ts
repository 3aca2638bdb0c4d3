// Emits findings as process warnings with stable codes.
//
// So `--disable-warning=CLOSEFDS_STRAY`, `--trace-warnings`, `--redirect-warnings`, NODE_NO_WARNINGS
// and process.on('warning') work as for Node's own.

import { type Told, toAdvice, toMessage } from './message';

export interface Warner {
  /** One warning for all. */
  readonly warn: (told: Told) => void;
  /** A program that calls process.exit() after execSync() ends before the next tick. */
  readonly atExit: () => void;
}

/** `emitWarning` was captured at start: programs replace it by functions that may throw. */
export function createWarner(emitWarning: typeof process.emitWarning): Warner {
  /** Passed to Node, which emits them in the next tick. */
  const pending = new Set<Error>();
  return { warn, atExit };

  function warn(told: Told): void {
    const warning = Object.assign(new Error(toMessage(told)), {
      name: 'ClosefdsWarning',
      code: told[0].code,
      detail: toAdvice(told),
    });
    warning.stack = withoutOwnFrames(warning, warn);
    pending.add(warning);
    process.nextTick(() => pending.delete(warning));
    try {
      emitWarning.call(process, warning);
    } catch {
      // An earlier preload replaced it. The event can be emitted without it.
      process.emit('warning', warning);
    }
  }

  function atExit(): void {
    const late = [...pending];
    pending.clear();
    for (const warning of late) process.emit('warning', warning);
  }
}

/** For --trace-warnings: ten frames of closefds would hide the caller. */
function withoutOwnFrames(warning: Error, above: (...args: never) => void): string {
  const deep = new Error(warning.message);
  try {
    const holder = Error;
    const { stackTraceLimit } = holder;
    holder.stackTraceLimit = 50;
    Error.captureStackTrace(deep, above);
    holder.stackTraceLimit = stackTraceLimit;
  } catch {
    // Error is frozen: the depth stays as it is.
  }
  const frames = String(deep.stack).slice(String(deep).length).split('\n');
  const theirs = frames.filter(frame => frame !== '' && !frame.includes(__dirname));
  return [`${warning.name}: ${warning.message}`, ...theirs.slice(0, 10)].join('\n');
}
