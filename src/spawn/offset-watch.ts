// A sign of use without tracing: parent and child share one open file description, so a regular file's
// offset moves when a child reads or writes it.
//
// Every other process that shares the description moves the offset, too, first of all the parent. So a
// moved offset counts only where the parent did not run meanwhile (a synchronous spawn), most likely does
// not know the FD (inherited at start), or designated it. An offset that did not move shows nothing:
// there are pread(), mmap() and locks.

import type { SpawnFinding } from '../findings/finding';
import type { FilePosition } from '../strays/stray-guard';

/** After so many spawns without a moved offset, a finding is no longer watched. */
const MOST_LOOKS = 8;

/** Called when the child has ended. */
export type AfterSpawn = () => void;

export interface Passed {
  readonly finding: SpawnFinding;
  readonly fd: number | undefined;
}

export interface OffsetWatchOptions {
  /** undefined: closed, no regular file, or not readable. */
  readonly positionOf: (fd: number) => FilePosition | undefined;
  readonly onUse: (finding: SpawnFinding) => void;
}

/** Notes the offsets of the FDs that a spawn passes, and returns what is to be called when the child has ended. */
export type OffsetWatch = (passed: readonly Passed[], sync: boolean) => AfterSpawn | undefined;

export function createOffsetWatch({ positionOf, onUse }: OffsetWatchOptions): OffsetWatch {
  const looks = new WeakMap<SpawnFinding, number>();

  return function watch(passed: readonly Passed[], sync: boolean): AfterSpawn | undefined {
    const open = passed.flatMap(({ finding, fd }) => {
      if (fd === undefined || !couldProve(finding, sync)) return [];
      const before = (looks.get(finding) ?? 0) + 1;
      if (before > MOST_LOOKS) return [];
      looks.set(finding, before);
      const position = positionOf(fd);
      return position === undefined ? [] : [{ finding, fd, position }];
    });
    if (open.length === 0) return undefined;

    return () => {
      for (const { finding, fd, position } of open) {
        const now = positionOf(fd);
        // Another file may have the number by now.
        if (now?.target !== position.target || now.offset === position.offset) continue;
        looks.set(finding, MOST_LOOKS);
        onUse({ ...finding, used: true });
      }
    };
  };
}

function couldProve(finding: SpawnFinding, sync: boolean): boolean {
  return isProvable(finding) && (sync || finding.kind === 'fd' || finding.atStart);
}

/** Whether a moved offset could show a child's use. */
export function isProvable({ used, type }: SpawnFinding): boolean {
  return used === 'unknown' && type === 'file';
}
