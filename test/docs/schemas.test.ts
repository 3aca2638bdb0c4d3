// The JSON schemas are what the declarations in the code give.

import path from 'node:path';
import test from 'ava';
import { ROOT, runCommand } from '../support/run';

test('config.schema.json and finding.schema.json are up to date', async t => {
  const command = [process.execPath, path.join(ROOT, 'scripts', 'build', 'schemas.mjs'), '--check'];
  const { code, stderr } = await runCommand(command);
  t.is(code, 0, stderr);
});
