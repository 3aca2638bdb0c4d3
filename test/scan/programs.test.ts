// The programs of test/fixtures/scan, each with what the scan must say of it beside the line.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { findSites } from '../../src/scan/analysis/find-sites';
import { ROOT } from '../support/run';
import { LAUNCHERS, short } from '../support/scan';

const FOLDER = path.join(ROOT, 'test', 'fixtures', 'scan');

for (const file of readdirSync(FOLDER).filter(name => name !== 'README.md')) {
  test(file, t => {
    const text = readFileSync(path.join(FOLDER, file), 'utf8');
    const found = findSites(text, file, { launchers: LAUNCHERS }).map(site => `${site.line}: ${short(site)}`);
    t.deepEqual(found.sort(), labels(text).sort());
  });
}

/** `//-> missed` marks a place that the scan is not expected to find. */
function labels(text: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const [, label = ''] = /\/\/-> (.+)$/.exec(line) ?? [];
    const sites = label.split('; ').filter(site => site !== '' && site !== 'missed');
    return sites.map(site => `${index + 1}: ${site}`);
  });
}
