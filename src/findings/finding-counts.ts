// Counts findings, for status().

import type { Action } from '../policy/apply-mode';
import { type Finding, isSpawnFinding } from './finding';

/** FDs that were reported, summed over all spawns. */
export interface FindingCounts extends Readonly<Record<Action, number>> {
  /** By the code of the finding, with those about closefds itself. */
  readonly codes: Readonly<Record<string, number>>;
}

export interface FindingCounter {
  readonly add: (findings: readonly Finding[]) => void;
  readonly result: () => FindingCounts;
}

export function createFindingCounter(): FindingCounter {
  const total = { passed: 0, closed: 0, refused: 0 };
  const codes = new Map<string, number>();
  /** Ten thousand strays that recur are one list, which is summed up once. */
  const sums = new WeakMap<readonly Finding[], ListSum>();

  return {
    add(findings) {
      let sum = sums.get(findings);
      if (sum === undefined) {
        sum = sumOf(findings);
        sums.set(findings, sum);
      }
      for (const action of ACTIONS) total[action] += sum[action];
      for (const [code, count] of sum.codes) codes.set(code, (codes.get(code) ?? 0) + count);
    },
    result: () => ({ ...total, codes: Object.fromEntries(codes) }),
  };
}

const ACTIONS: readonly Action[] = ['passed', 'closed', 'refused'];

interface ListSum extends Readonly<Record<Action, number>> {
  readonly codes: readonly (readonly [code: string, count: number])[];
}

function sumOf(findings: readonly Finding[]): ListSum {
  const sum = { passed: 0, closed: 0, refused: 0 };
  const codes: Record<string, number> = {};
  for (const finding of findings) {
    const { more = 0 } = isSpawnFinding(finding) ? finding : {};
    codes[finding.code] = (codes[finding.code] ?? 0) + 1 + more;
    if (isSpawnFinding(finding)) sum[finding.disposition] += 1 + more;
  }
  return { ...sum, codes: Object.entries(codes) };
}
