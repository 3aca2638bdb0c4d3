// Runs a test file by a test runner, and prints what its child said.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The body of a test that spies on child_process, after `spies`, a line of the runner. */
export const bodyWith = spies => `
  ${spies}
  const child = childProcess.spawn(process.execPath, ['echo.mjs'], { stdio: [0, 1, 2, 'ipc'] });
  await new Promise(resolve => child.on('message', message => writeFileSync('said', message)).on('exit', resolve));
`;

export function runTests(runner, bin, args, files) {
  for (const [name, text] of Object.entries(files)) writeFileSync(name, text);
  const require = createRequire(import.meta.url);
  const folder = path.dirname(require.resolve(`${runner}/package.json`));
  // What the runner prints is not the result.
  execFileSync(process.execPath, [path.join(folder, bin), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
