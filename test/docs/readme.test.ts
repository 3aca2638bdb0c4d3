// The README's first screen shows what a program prints.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, run } from '../support/run';

test("the README's first warning is what Node prints for its program", async t => {
  const folder = temporaryFolder(t);
  const program = write(folder, {
    'deploy.js': "const { spawnSync } = require('node:child_process');\n\nspawnSync('git', ['--version']);",
    'package.json': '{"name": "app", "version": "1.0.0"}',
  });
  const through = ['bash', '-c', 'exec 200>"$0"; exec "$@"', path.join(folder, 'app.lock')];
  const { stderr } = await run(program, { cwd: folder, through });
  // The rule has a glob for the part of the folder's name that differs in each run.
  const generalised = folder.replace(/-[^-]*$/, '-*');
  const printed = [folder, generalised]
    .reduce((text, name) => text.replaceAll(name, '/srv/app'), stderr)
    .replace(/\(node:\d+\)/, '(node:4711)');
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const shown = readme.slice(0, readme.indexOf('## What leaks')).match(/```text\n([\s\S]*?)```/)?.[1];
  t.true(printed.startsWith(shown ?? 'no block'), printed);
});
