// Writes the summary of the last results into docs/dev/performance.md, and its chart: npm run bench:docs
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { chart } from './chart.mjs';
import { renderInto } from './render.mjs';
import { ROOT } from './tools.mjs';

export const RESULTS = path.join(ROOT, 'bench', 'results.json');
const PAGE = path.join(ROOT, 'docs', 'dev', 'performance.md');
const CHART = path.join(ROOT, 'docs', 'images', 'cost.svg');

export function writeDocs() {
  const results = JSON.parse(readFileSync(RESULTS, 'utf8'));
  writeFileSync(CHART, chart(results));
  writeFileSync(PAGE, renderInto(readFileSync(PAGE, 'utf8'), results));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeDocs();
