// Explains an error that ends the process shortly after an FD was denied.
//
// Most packages that pass an FD do not check whether `child.stdio[3]` is null, so the program dies of
// "Cannot read properties of null", which names neither closefds nor the rule that is missing.

import { escapeControlChars } from '../base/sanitize';
import { shownPlace } from '../model/caller';
import { type Finding, isSpawnFinding, type SpawnFinding } from './finding';
import { toAllow } from './message';

export interface CrashNote {
  /** Remembers the designated FDs among these that were denied. */
  readonly remember: (findings: readonly Finding[]) => void;
}

/** A denial is named if it was at most so many milliseconds before the error. */
const RECENT = 10_000;

interface Denial {
  readonly findings: readonly SpawnFinding[];
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** `write` prints to stderr; `now` is in milliseconds since 1970. */
export function createCrashNote(write: (text: string) => void, now: () => number): CrashNote {
  let last: Denial | undefined;
  return { remember };

  function remember(findings: readonly Finding[]): void {
    const denied = findings.filter(isSpawnFinding).filter(isDeniedSlot);
    if (denied.length === 0) return;
    // Monitors an error without handling it: what the process does stays as it is.
    if (last === undefined) process.on('uncaughtExceptionMonitor', explain);
    last = { findings: denied, time: now() };
  }

  function explain(): void {
    try {
      if (last !== undefined && now() - last.time <= RECENT) write(toNote(last.findings, now() - last.time));
    } catch {
      // The error has to be seen as it is.
    }
  }
}

function isDeniedSlot({ kind, disposition }: SpawnFinding): boolean {
  return kind !== 'stray' && disposition === 'closed';
}

/** `age` in milliseconds. */
export function toNote(findings: readonly SpawnFinding[], age: number): string {
  const [{ command, caller } = {}] = findings;
  const fds = findings.map(({ childFd }) => childFd);
  const { file, line, column } = shownPlace(caller ?? {});
  const at = file === undefined ? '' : ` at ${file}:${line}:${column}`;
  const denied = `FD${fds.length === 1 ? '' : 's'} ${fds.join(', ')} of "${command}", started${at}, ${fds.length === 1 ? 'was' : 'were'} denied`;
  const lines = [
    `closefds: ${Math.max(0, Math.round(age))} ms before the error that follows, ${denied}. In this process ${fds.map(fd => `child.stdio[${fd}]`).join(', ')} is null.`,
    ...toAllow(findings),
  ];
  return `${lines.map(escapeControlChars).join('\n')}\n`;
}
