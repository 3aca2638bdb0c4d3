// All fuzz targets. Run by fuzz.test.ts with one seed each time, and by `npm run verify:fuzz` for longer.

import { CALLS_TARGET } from './calls';
import { CONFIG_TARGETS } from './config';
import { GLOB_TARGETS } from './glob';
import { JSON_TARGET } from './json';
import { LEARN_TARGET } from './learn';
import { NODE_OPTIONS_TARGET } from './node-options';
import { PACKAGE_JSON_TARGET } from './package-json';
import { REPORT_TARGETS } from './report';
import { SCAN_TARGETS } from './scan';
import type { Target } from './target';
import { TRACE_TARGETS } from './trace';

export const TARGETS: readonly Target[] = [
  ...CONFIG_TARGETS,
  JSON_TARGET,
  ...GLOB_TARGETS,
  PACKAGE_JSON_TARGET,
  NODE_OPTIONS_TARGET,
  ...REPORT_TARGETS,
  LEARN_TARGET,
  ...TRACE_TARGETS,
  ...SCAN_TARGETS,
  CALLS_TARGET,
];
