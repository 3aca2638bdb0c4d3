// The scan as one module, which the build bundles with the parsers. Worker threads load the same file.

import { serve } from './pool';
import { type ScanOptions, type ScanResult, scanRoots } from './scan';

export { newPlaces, parseBaseline, toBaseline } from './baseline';
export { createFindPlace, type FindPlace } from './find-place';
export type { KnownPackages } from './known-packages';
export type { Place } from './place';
export { toJson, toPlaceTable, toSarif } from './report';
export type { ScanOptions, ScanResult } from './scan';
export { findSites } from './source/sites';

serve();

export function scan(options: ScanOptions): Promise<ScanResult> {
  return scanRoots(options, __filename);
}
