// The JSON schemas are what the declarations in the code give, and no start of a program pays for their texts.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { FIELDS } from '../../src/findings/fields';
import { CONDITION_TEXTS } from '../../src/policy/conditions';
import { ROOT, runCommand } from '../support/run';

test('config.schema.json and finding.schema.json are up to date', async t => {
  const command = [process.execPath, path.join(ROOT, 'scripts', 'build', 'schemas.mjs'), '--check'];
  const { code, stderr } = await runCommand(command);
  t.is(code, 0, stderr);
});

test('the files that the preloads load hold no description of a condition or a field', t => {
  const folder = path.join(ROOT, 'dist', 'register');
  const bundles = readdirSync(folder).filter(name => name.endsWith('.js'));
  const texts = bundles.map(name => readFileSync(path.join(folder, name), 'utf8').replace(/\\?\n/g, ''));
  const descriptions = [...Object.values(CONDITION_TEXTS), ...Object.values(FIELDS)].flatMap(
    ({ description }) => description ?? [],
  );
  t.deepEqual(
    descriptions.filter(description => texts.some(text => text.includes(description))),
    [],
  );
  // To see that a text would be found.
  t.true(texts.some(text => text.includes('the calling code designated it with withFds()')));
});
