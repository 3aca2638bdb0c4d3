// The state of closefds in this thread, which the preload leaves for the other parts of the package.

import type { FindingCounts } from '../findings/finding-counts';
import type { Mode } from '../policy/rule';
import type { Settings } from '../policy/settings';
import type { StrayGuard } from '../strays/stray-guard';

/** Registered, because the preload and the rest of the package are separate bundles. */
const INSTALLED = Symbol.for('closefds.installed');

export interface Installed {
  readonly mode: Mode;
  /** The folder of the package. */
  readonly copy: string;
  readonly strayGuard: StrayGuard | undefined;
  readonly settings: Settings;
  /** undefined: nothing was found so far. */
  readonly counts: () => FindingCounts | undefined;
}

/** undefined where closefds is not loaded. */
export function installed(): Installed | undefined {
  return (globalThis as { [INSTALLED]?: Installed })[INSTALLED];
}

export function remember(state: Installed): void {
  Object.defineProperty(globalThis, INSTALLED, { value: state, configurable: false, enumerable: false });
}
