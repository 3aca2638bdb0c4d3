// The compat table, as programs see it. Its data is in compat/; this loads it when first asked.

import path = require('node:path');

import { DIST } from '../base/dist-folder';
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
  /** The versions that somebody looked at; newer ones are guarded all the same. */
  readonly range: string;
  /** The functions it exports that start a process. */
  readonly exports: readonly string[];
  readonly source: string;
}

let loaded: Compat | undefined;

/** Without the table: nothing is known of anybody. */
export const NO_COMPAT: Compat = { rules: [], launchers: new Set(), strays: [], starts: [] };

/** Reads the table's index, once. Throws if it is gone or damaged. */
export function loadCompat(): Compat {
  if (loaded === undefined) {
    const file = path.join(DIST, 'compat', 'index.json');
    const { rules, launchers, strays, starts } = require(file) as Record<string, unknown>;
    for (const list of [rules, launchers, strays, starts]) {
      if (!Array.isArray(list)) throw new Error(`${file} is not the index that was built`);
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
