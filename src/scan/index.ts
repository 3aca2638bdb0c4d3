// The scan as one module, which the build bundles with the parsers. Worker threads load the same file.

import { type ScanOptions, type ScanResult, scanRoots } from './scan';
import { serve } from './worker-pool';

export { findSites } from './analysis/find-sites';
export { newPlaces, parseBaseline, toBaseline } from './baseline';
export { toJson, toPlaceTable, toSarif } from './formats';
export type { KnownPackages } from './known-packages';
export type { Place } from './location';
export { createFindPlace, type FindPlace } from './match-location';
export type { ScanOptions, ScanResult } from './scan';

serve();

export function scanFolders(options: ScanOptions): Promise<ScanResult> {
  return scanRoots(options, __filename);
}
