// The compat table, as programs see it. Its data is in compat/; this loads it when first asked.

import path = require('node:path');

import type { KnownStray } from './core/opener';
import type { Rule } from './core/policy';

export interface Compat {
  /** What known packages may pass, in the order of their names. */
  readonly rules: readonly Rule[];
  /** Packages that start processes on behalf of their own callers. */
  readonly launchers: ReadonlySet<string>;
  /** What known packages leave open. */
  readonly strays: readonly KnownStray[];
}

let loaded: Compat | undefined;

/** Reads the table's index, once. */
export function loadCompat(): Compat {
  if (loaded === undefined) {
    const index = require(path.join(__dirname, '..', 'compat', 'index.json')) as {
      rules: readonly Rule[];
      launchers: readonly string[];
      strays: readonly KnownStray[];
    };
    loaded = { rules: index.rules, launchers: new Set(index.launchers), strays: index.strays };
  }
  return loaded;
}
