// The pictures of the documentation show what the programs print.

import path from 'node:path';
import test from 'ava';
import { ROOT, runCommand } from '../support/run';

test('docs/images/demo.svg shows what the demo prints (npm run docs:demo)', async t => {
  const script = path.join(ROOT, 'scripts', 'docs', 'demo-picture.mjs');
  const { code, stderr } = await runCommand([process.execPath, script, '--check'], { cwd: ROOT });
  t.is(code, 0, stderr);
});
