// A site with its package, its file, and the rule that covers it.

import type { Effect } from '../policy/rule';
import type { Site } from './analysis/site';

export interface Place extends Site {
  /** The package's folder name, `"."` for the app. */
  readonly package: string;
  readonly version: string | undefined;
  /** The name in its package.json, if it differs (an npm alias). */
  readonly declaredName: string | undefined;
  /** Relative to the folder that was scanned, if it is there. */
  readonly file: string;
  readonly fileInPackage: string;
  /** The entry of the compat table, for sites that only the table knows. */
  readonly known?: string;
  readonly covered: Coverage | undefined;
}

export interface Coverage {
  readonly effect: Effect;
  /** `closefds.json#/rules/2`, `compat/packages/tsx.json`, `default`. */
  readonly by: string;
  /** False if it depends on the command, the file or the slot, and the scan does not know it. */
  readonly isCertain: boolean;
}
