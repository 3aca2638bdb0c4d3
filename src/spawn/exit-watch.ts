// A sign that a closed FD was needed: the child failed.
//
// It is no proof: programs fail for other reasons, too. So the first failure is noted, and that a later child of
// the same finding did not fail. Mostly the first child ends well, and the next ones are not watched.

import type { SpawnFinding } from '../findings/finding';
import { type ChildExit, hasFailed } from '../model/child-exit';

/** After so many children, a finding is no longer watched. */
const MOST_LOOKS = 8;

/** Of the findings of one spawn; a process may have a hundred strays. */
const MOST_FINDINGS = 16;

/** What the children without one closed FD showed so far. */
export interface ExitWatch {
  readonly finding: SpawnFinding;
  looks: number;
  hasFailed: boolean;
  hasSucceeded: boolean;
}

export interface ExitWatches {
  /** The watches of those findings whose FDs were closed. The same for the same finding. */
  readonly of: (findings: readonly SpawnFinding[]) => readonly ExitWatch[];
  /** To be called when the child has ended; undefined where nothing is watched any more. */
  readonly start: (watches: readonly ExitWatch[]) => ((exit: ChildExit) => void) | undefined;
}

export function createExitWatches(onExit: (finding: SpawnFinding, exit: ChildExit) => void): ExitWatches {
  const watches = new WeakMap<SpawnFinding, ExitWatch>();
  return { of, start };

  function of(findings: readonly SpawnFinding[]): readonly ExitWatch[] {
    const closed = findings.filter(({ disposition }) => disposition === 'closed');
    return closed.slice(0, MOST_FINDINGS).map(finding => {
      const watch = watches.get(finding) ?? { finding, looks: 0, hasFailed: false, hasSucceeded: false };
      watches.set(finding, watch);
      return watch;
    });
  }

  function start(all: readonly ExitWatch[]): ((exit: ChildExit) => void) | undefined {
    if (all.every(isDone)) return undefined;
    const open = all.filter(watch => !isDone(watch));
    for (const watch of open) watch.looks++;
    return exit => {
      const failed = hasFailed(exit);
      if (failed !== undefined) for (const watch of open) note(watch, exit, failed);
    };
  }

  /** Of children that end at the same time, too, at most one failure and then one success are reported. */
  function note(watch: ExitWatch, exit: ChildExit, failed: boolean): void {
    const isNew = failed ? !watch.hasFailed && !watch.hasSucceeded : watch.hasFailed && !watch.hasSucceeded;
    if (failed) watch.hasFailed = true;
    else watch.hasSucceeded = true;
    if (isNew) onExit(watch.finding, exit);
  }
}

function isDone({ looks, hasSucceeded }: ExitWatch): boolean {
  return hasSucceeded || looks >= MOST_LOOKS;
}
