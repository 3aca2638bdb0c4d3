// A site with its surroundings: whose it is, where it lies, whether a rule speaks of it.

import type { Effect } from '../core/policy';
import type { Site } from './source/site';

export interface Place extends Site {
  /** The package's folder name, `"."` for the app. */
  readonly package: string;
  readonly version: string | undefined;
  /** What its package.json calls it, if that differs (an npm alias). */
  readonly declaredName: string | undefined;
  /** Relative to the folder that was scanned if it lies there. */
  readonly file: string;
  readonly fileInPackage: string;
  /** What the compat table says, for what it alone knows. */
  readonly known?: string;
  readonly covered: Coverage | undefined;
}

export interface Coverage {
  readonly effect: Effect;
  /** `closefds.json#/rules/2`, `compat/packages/tsx.json`, `default`. */
  readonly by: string;
  /** False if it depends on what is not seen: the command, the file, the slot. */
  readonly isCertain: boolean;
}
