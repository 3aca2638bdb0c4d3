// Writes the last results into docs/dev/performance.md: npm run bench:docs
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { renderInto } from './render.mjs';
import { ROOT } from './tools.mjs';

export const RESULTS = path.join(ROOT, 'bench', 'results.json');
const PAGE = path.join(ROOT, 'docs', 'dev', 'performance.md');

export function writeDocs() {
  const results = JSON.parse(readFileSync(RESULTS, 'utf8'));
  writeFileSync(PAGE, renderInto(readFileSync(PAGE, 'utf8'), results));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeDocs();
