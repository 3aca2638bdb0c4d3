// The compat table, as programs see it. Its data is in compat/. In the preload's bundle the index is part of
// the text that is read at start: later the file may be gone, or hidden by a mocked file system.

import type { KnownStray } from './known-openers';
import type { Rule } from './rule';

export interface Compat {
  /** What known packages may pass, in the order of their names. */
  readonly rules: readonly Rule[];
  /** Packages that start processes on behalf of their own callers. */
  readonly launchers: ReadonlySet<string>;
  /** What known packages leave open. */
  readonly strays: readonly KnownStray[];
  /** What makes processes natively, past child_process. */
  readonly starts: readonly NativeMaker[];
}

export interface NativeMaker {
  readonly package: string;
  /** The versions that were read. Newer ones are guarded, too. */
  readonly range: string;
  /** The functions it exports that start a process. */
  readonly exports: readonly string[];
  readonly source: string;
}

let loaded: Compat | undefined;

/** No table: no package is known. */
export const NO_COMPAT: Compat = { rules: [], launchers: new Set(), strays: [], starts: [] };

/** Reads the table's index, once. Throws if it is damaged. */
export function loadCompat(): Compat {
  if (loaded === undefined) {
    const index = require('../../compat/index.json') as Record<string, unknown>;
    const { rules, launchers, strays, starts } = index;
    for (const list of [rules, launchers, strays, starts]) {
      if (!Array.isArray(list)) throw new Error('compat/index.json is not the index that was built');
    }
    loaded = {
      rules: rules as Rule[],
      launchers: new Set(launchers as string[]),
      strays: strays as KnownStray[],
      starts: starts as NativeMaker[],
    };
  }
  return loaded;
}
