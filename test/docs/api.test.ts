// The API reference in docs/policy.md has the docstrings of all exports.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { section } from '../support/markdown';
import { ROOT, runCommand } from '../support/run';

test('the API reference in docs/policy.md is up to date', async t => {
  const command = [process.execPath, path.join(ROOT, 'scripts', 'build', 'api-page.mjs'), '--check'];
  const { code, stderr } = await runCommand(command);
  t.is(code, 0, stderr);
});

const PAGE = readFileSync(path.join(ROOT, 'docs', 'policy.md'), 'utf8');

for (const entry of ['closefds', 'closefds/compat']) {
  test(`each value that ${entry} exports has a place and a sentence`, t => {
    const names = Object.keys(require(entry)).filter(name => name !== '__esModule');
    t.not(names.length, 0);
    for (const name of names) t.regex(section(PAGE, name), /^\w+\n\n[A-Z`].*\.\n/, name);
  });
}
