// The package as it would be published.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { command } from './installs';
import { ROOT } from './run';

/** Packs what `npm run build` and `npm run build:prebuilds` left; returns the file, which goes with the process. */
export async function pack(): Promise<string> {
  // A hook of AVA's can leave nothing to a teardown.
  const folder = mkdtempSync(path.join(tmpdir(), 'closefds-test-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const [{ filename }] = JSON.parse(await command(ROOT, 'npm', args));
  return path.join(folder, filename);
}
