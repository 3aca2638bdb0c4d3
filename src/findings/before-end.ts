// Runs work before the process ends, in each way in which JavaScript can end it: so that no finding is lost.

import fs = require('node:fs');
import os = require('node:os');

import { isMainThread } from 'node:worker_threads';

import { type AnyFunction, replaceMethod } from '../base/wrap-function';

// Captured at load: programs replace functions of `fs`, and this must read the real system.
const { readFileSync } = fs;

/**
 * Calls `work` at the `exit` event, and right before process.reallyExit(), process.abort() and a signal that the
 * process sends to itself. It may be called several times, and must not throw.
 */
export function beforeEnd(work: () => void): void {
  process.once('exit', work);
  const first = (original: AnyFunction, isEnd: (args: readonly unknown[]) => boolean): AnyFunction =>
    function (...args) {
      if (isEnd(args)) work();
      return Reflect.apply(original, this, args);
    };
  tryReplacing('reallyExit', original => first(original, () => true));
  tryReplacing('abort', original => first(original, () => true));
  tryReplacing('kill', original => first(original, ([pid, signal]) => isSelf(pid) && isDeadly(signal)));
}

/** Its pid, or its process group as 0 or a negative number. On Linux, -1 leaves the caller out: kill(2). */
function isSelf(pid: unknown): boolean {
  const target = Number(pid);
  if (target === process.pid || target === 0) return true;
  if (target >= -1) return false;
  const own = processGroup();
  return own === undefined || own === -target;
}

/** The third field after the command, which may contain spaces and parentheses: proc_pid_stat(5). */
function processGroup(): number | undefined {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
  } catch {
    return undefined;
  }
}

/** Signals that leave a Node process alive: the default action of some, SIGUSR1 and SIGPIPE by Node. */
const HARMLESS: ReadonlySet<string | undefined> = new Set([
  ...['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'],
  ...['SIGUSR1', 'SIGPIPE'],
]);

/** Whether the process ends by a signal. A listener keeps it alive; only the main thread can see listeners. */
function isDeadly(signal: unknown = 'SIGTERM'): boolean {
  const name = typeof signal === 'number' ? NAMES.get(signal) : String(signal);
  if (name === 'SIGKILL') return true;
  return isMainThread && name !== undefined && !HARMLESS.has(name) && process.listenerCount(name) === 0;
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(os.constants.signals).map(([name, number]) => [number, name]),
);

/** User code may have frozen `process`. The event remains. */
function tryReplacing(name: string, wrap: (original: AnyFunction) => AnyFunction): void {
  try {
    replaceMethod(process, name, wrap);
  } catch {
    // As above.
  }
}

/** Whether the `exit` event was emitted: a listener that is added now is not called. */
export function isExiting(): boolean {
  return (process as { _exiting?: boolean })._exiting === true;
}
