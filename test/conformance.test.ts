// The conformance list, on the Node that runs the tests, in the usual way of the stray guard and in the fallback's.
//
// scripts/verify/conformance.mjs runs it in every way, on other versions, and writes docs/dev/conformance.md.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import anyTest from 'ava';
import { ROWS } from './conformance/rows';
import { CONFORMANCE_WAYS } from './conformance/ways';
import { ROOT } from './support/run';

// Each starts several processes; all at once they would only wait for each other.
const test = anyTest.serial;
const WAYS = ['fork, close_range', 'fallback'];
const subjects = CONFORMANCE_WAYS.filter(({ name }) => WAYS.includes(name)).map(way => ({
  node: process.execPath,
  way,
}));

for (const { id, observe, expected, exempt } of ROWS) {
  for (const subject of subjects) {
    const { way } = subject;
    const reason = exempt?.(way);
    test(`${id}, ${way.name}${reason === undefined ? '' : ': not here'}`, async t => {
      if (reason === undefined) {
        t.deepEqual(await observe(subject), expected(way));
      } else {
        t.log(`skipped: ${reason}`);
        t.pass();
      }
    });
  }
}

test('docs/dev/conformance.md has the rows of the list, in its order', t => {
  const list: readonly { readonly id: string }[] = JSON.parse(
    readFileSync(path.join(ROOT, 'test', 'conformance', 'rows.json'), 'utf8'),
  );
  const page = readFileSync(path.join(ROOT, 'docs', 'dev', 'conformance.md'), 'utf8');
  const ids = [...page.matchAll(/^\| ([CGNP]\d+(?:-C\d+)?) +\|/gm)].map(match => match[1]);
  t.deepEqual(
    ids,
    list.map(({ id }) => id),
  );
});
