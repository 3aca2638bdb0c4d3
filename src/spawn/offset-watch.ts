// A sign of use without tracing: parent and child share one open file description, so a regular file's
// offset moves when a child reads or writes it.
//
// It is no proof: every other process that shares the description moves the offset, too (the parent, a
// supervisor). So the finding becomes "likely", with the condition under which the offset moved. An offset
// that did not move shows nothing: there are pread(), mmap() and locks.

import type { SpawnFinding } from '../findings/finding';
import type { OffsetMove } from '../model/fd-use';
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
  readonly onLikelyUse: (finding: SpawnFinding) => void;
}

/** Notes the offsets of the FDs that a spawn passes, and returns what is to be called when the child has ended. */
export type OffsetWatch = (passed: readonly Passed[], sync: boolean) => AfterSpawn | undefined;

export function createOffsetWatch({ positionOf, onLikelyUse }: OffsetWatchOptions): OffsetWatch {
  const looks = new WeakMap<SpawnFinding, number>();

  return function watch(passed: readonly Passed[], sync: boolean): AfterSpawn | undefined {
    const open = passed.flatMap(({ finding, fd }) => {
      const offsetMoved = conditionOf(finding, sync);
      if (fd === undefined || offsetMoved === undefined) return [];
      const before = (looks.get(finding) ?? 0) + 1;
      if (before > MOST_LOOKS) return [];
      looks.set(finding, before);
      const position = positionOf(fd);
      return position === undefined ? [] : [{ finding, fd, position, offsetMoved }];
    });
    if (open.length === 0) return undefined;

    return () => {
      for (const { finding, fd, position, offsetMoved } of open) {
        const now = positionOf(fd);
        // Another file may have the number by now.
        if (now?.target !== position.target || now.offset === position.offset) continue;
        looks.set(finding, MOST_LOOKS);
        onLikelyUse({ ...finding, used: 'likely', offsetMoved });
      }
    };
  };
}

/** undefined: a moved offset would show nothing. */
function conditionOf(finding: SpawnFinding, sync: boolean): OffsetMove | undefined {
  if (!hasOffset(finding)) return undefined;
  if (sync) return 'synchronous';
  if (finding.kind === 'fd') return 'designated';
  return finding.atStart ? 'inherited' : undefined;
}

/** Whether a moved offset could be a sign of use. */
export function hasOffset({ used, type }: SpawnFinding): boolean {
  return used === 'unknown' && type === 'file';
}
