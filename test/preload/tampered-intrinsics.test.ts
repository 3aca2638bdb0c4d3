// A program that has broken the intrinsics of JavaScript gets the same from its calls as without closefds, and its
// children get no more FDs than otherwise.

import path from 'node:path';
import test from 'ava';
import type { TamperedInput, TamperedResult } from '../fixtures/tampered';
import { LEAK, REGISTER, run, tool } from '../support/run';

const PROGRAM = path.join(__dirname, '..', 'fixtures', 'tampered.js');

/** Functions that Node's own calls need, on some version: without one of them, some call fails. */
const NODE_NEEDS: readonly string[] = [
  'Array @@species',
  'Array.prototype @@iterator',
  'Array.prototype slice',
  'Buffer alloc',
  'Buffer isEncoding',
  'Function.prototype bind',
  'Function.prototype call',
  'array iterator next',
  'generator prototype next',
];

/** What spawnSync() and spawn() with a file as FD 3, execSync() and execFile() pass to a child. */
const GUARDED = [
  [0, 1, 2, '3 placeholder'],
  [0, 1, 2],
  [0, 1, 2, '3 placeholder'],
  [0, 1, 2],
];

for (const way of ['replace', 'delete'] as const) {
  test(`${way} all functions that Node does not need: calls work, strays and denied FDs are closed`, async t => {
    const { bare, guarded } = await bothResults(way, false);
    t.deepEqual(guarded, [{ first: GUARDED, between: GUARDED }]);
    t.deepEqual(bare.map(withoutDenied), guarded);
  });

  test(`${way} a function that Node needs: each call fails as without closefds, or works`, async t => {
    const { bare, guarded } = await bothResults(way, true);
    t.is(bare.length, NODE_NEEDS.length);
    t.deepEqual(guarded, bare.map(withoutDenied));
  });
}

async function bothResults(way: TamperedInput['way'], isEach: boolean) {
  const bare = await results([], way, isEach);
  return { bare, guarded: await results(['--require', REGISTER], way, isEach) };
}

async function results(
  nodeArgs: readonly string[],
  way: TamperedInput['way'],
  isEach: boolean,
  names = NODE_NEEDS,
): Promise<TamperedResult[]> {
  const input: TamperedInput = { way, isEach, names, list: tool('list-all-fds'), leak: LEAK };
  const env = { CLOSEFDS_MODE: 'enforce', NODE_NO_WARNINGS: '1' };
  const { stdout } = await run(PROGRAM, { nodeArgs, args: [JSON.stringify(input)], env });
  return stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as TamperedResult);
}

/** What closefds makes of the FDs of a child: FD 3 is denied, the stray is closed. */
function withoutDenied({ first, between }: TamperedResult): TamperedResult {
  return { first: first.map(denied), between: between.map(denied) };
}

function denied(outcome: unknown): unknown {
  if (!Array.isArray(outcome)) return outcome;
  return outcome
    .filter(fd => Number.parseInt(String(fd), 10) !== 40)
    .map(fd => (fd === 3 ? '3 placeholder' : fd));
}

/** Options of calls; each call reads some of them. */
const OPTIONS = [
  'stdio',
  'cwd',
  'env',
  'shell',
  'argv0',
  'detached',
  'fds',
  'mode',
  'slots',
  'value',
  'get',
  'rules',
];

test('a property that every object inherits: each call ends as without closefds, strays and denied FDs are closed', async t => {
  const names = OPTIONS.map(name => `Object.prototype ${name}`);
  const bare = await results([], 'pollute', true, names);
  const guarded = await results(['--require', REGISTER], 'pollute', true, names);
  t.is(bare.length, OPTIONS.length);
  t.deepEqual(guarded, bare.map(withoutDenied));
});
