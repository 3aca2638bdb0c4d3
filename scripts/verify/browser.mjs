// The page of `closefds report --html` in a real browser: npm run verify:browser [-- --install]
//
// Without Chromium the tests are skipped, with the reason; with --install, root gets it from apt.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from './find-program.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const chromium = findProgram('chromium', process.argv.includes('--install'));
const env = chromium.missing === undefined ? { CHROMIUM: chromium } : { CHROMIUM_MISSING: chromium.missing };
const { status } = spawnSync(
  process.execPath,
  [path.join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs'), '--config', 'ava.browser.config.mjs'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } },
);
process.exitCode = status ?? 1;
