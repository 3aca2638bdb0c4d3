// Every route, on the Node that runs the tests, in each way of the stray guard.

import { availableParallelism } from 'node:os';
import test from 'ava';
import { expectation, limited, observe, ROUTES, reasonToSkip, WAYS } from './support/routes';

const NODE = { binary: process.execPath, version: process.versions.node };
const inTurn = limited(availableParallelism());

for (const route of ROUTES) {
  const reason = reasonToSkip(route, NODE);
  if (reason !== undefined) {
    test(`not here: ${reason}`, t => {
      t.log(`skipped, this is Node ${NODE.version}`);
      t.pass();
    });
    continue;
  }

  test(`off: ${route.name}`, async t => {
    const [way] = WAYS;
    if (way === undefined) return t.fail();
    t.deepEqual(await inTurn(() => observe(route, NODE, way, 'off')), expectation(route, way, 'off'));
  });

  for (const way of WAYS) {
    test(`${way.name}: ${route.name}`, async t => {
      t.deepEqual(
        await inTurn(() => observe(route, NODE, way, 'enforce')),
        expectation(route, way, 'enforce'),
      );
    });
  }
}
