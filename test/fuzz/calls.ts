// Calls of child_process with options of all sorts: with the hook and without, a program sees the
// same. The cases and how they are compared are those of transparency.test.ts.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { comparisons, differences } from '../support/compare-calls';
import type { Target } from './target';

async function run(seed: number, runs: number): Promise<void> {
  for (const comparison of comparisons) {
    const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'closefds-fuzz-')));
    try {
      const [first] = await differences(comparison, { seed, count: runs, folder });
      if (first === undefined) continue;
      const [plain, hooked] = first;
      throw new Error(
        `${comparison.title}, seed ${seed}\nwithout the hook: ${plain}\nwith it:          ${hooked}`,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

export const CALLS_TARGET: Target = {
  name: 'calls',
  holds: 'a program sees the same with the hook as without',
  // transparency.test.ts does more of them.
  runs: 40,
  run,
};
