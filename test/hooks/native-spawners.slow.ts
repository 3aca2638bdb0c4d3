// A real package that makes processes natively, installed from the registry: its pty's child.

import { execFileSync } from 'node:child_process';
import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, LIST_FDS, run } from '../support/run';

const PACKAGE = '@lydell/node-pty@1.1.0';
const LEAKS = `require(${JSON.stringify(LEAK)}).open(process.argv[2], 40);`;
// The answer comes through the terminal; strict throws instead.
const USE = `
  try {
    let text = '';
    const child = pty.spawn(${JSON.stringify(LIST_FDS)}, [], {});
    child.onData(data => { text += data; });
    child.onExit(() => setTimeout(() => console.log(text.trim()), 100));
  } catch (error) { console.log(JSON.stringify(error.code)); }
`;
const FILES = {
  'app.js': `${LEAKS} const pty = require('@lydell/node-pty'); ${USE}`,
  'app.mjs': `import pty from '@lydell/node-pty'; import './leaks.cjs'; ${USE}`,
  'leaks.cjs': LEAKS,
};

for (const file of ['app.js', 'app.mjs']) {
  test.serial(`${PACKAGE} from ${file}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, { ...FILES, 'package.json': '{}' });
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', PACKAGE], { cwd: folder });

    for (const { mode, expected, told } of [
      { mode: 'off', expected: [0, 1, 2, 40], told: /^$/ },
      {
        mode: 'warn',
        expected: [0, 1, 2, 40],
        told: /stray FD 40 .* passes to the child: the app .* with @lydell\/node-pty\.spawn\(\)/,
      },
      {
        mode: 'enforce',
        expected: [0, 1, 2],
        told: /stray FD 40 .* was closed: the app .* with @lydell\/node-pty\.spawn\(\)/,
      },
      { mode: 'strict', expected: 'ERR_CLOSEFDS_DENIED', told: /^$/ },
    ] as const) {
      const result = await run(`${folder}/${file}`, {
        args: [`${folder}/opened`],
        env: { CLOSEFDS_MODE: mode },
        cwd: folder,
      });
      t.deepEqual(JSON.parse(result.stdout), expected, `${mode}: ${result.stderr}`);
      t.regex(result.stderr, told);
    }
  });
}
