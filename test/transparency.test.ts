// A spawn with nothing to judge, or with nothing denied, is what it is without the hook.
//
// The same generated calls are made in two processes, one with the hook, and what a program can
// see of each has to be the same: results, errors, events, and what became of its options.
// CLOSEFDS_TEST_NODE names another Node to do this with, CLOSEFDS_TEST_SEED another seed.

import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeCalls } from './support/make-calls';
import { temporaryFolder, write } from './support/programs';
import { REGISTER } from './support/run';

const NODE = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;
const SEED = Number(process.env.CLOSEFDS_TEST_SEED ?? 20071124);
const COUNT = Number(process.env.CLOSEFDS_TEST_COUNT ?? 700);
const HOOK = `--require ${JSON.stringify(REGISTER)}`;
const ALLOW = { caller: '*', kinds: ['fd', 'pipe', 'ipc'], effect: 'allow', reason: 'the test' };

for (const [title, designates, config] of [
  ['nothing is designated', false, {}],
  ['what is designated is allowed', true, { rules: [ALLOW] }],
  ['what is designated is allowed, in strict', true, { mode: 'strict', rules: [ALLOW] }],
] as const) {
  test.serial(`${title}: ${COUNT} generated calls are the same with the hook`, async t => {
    const folder = temporaryFolder(t);
    const file = write(folder, { 'config.json': JSON.stringify(config) });
    const calls = (name: string, env: Record<string, string>) => {
      // Children of another user get in, too.
      const own = path.join(folder, name);
      mkdirSync(own);
      for (const each of [folder, own]) chmodSync(each, 0o777);
      return makeCalls({ node: NODE, seed: SEED, count: COUNT, designates, folder: own, env });
    };
    // At the same time: most of it is waiting.
    const [plain, hooked] = await Promise.all([
      calls('a', { NODE_OPTIONS: '' }),
      calls('b', { NODE_OPTIONS: HOOK, CLOSEFDS_CONFIG: file }),
    ]);
    compare(
      t,
      plain.map(line => inFolder(line, `${folder}/a`, `${folder}/a`)),
      hooked.map(line => inFolder(line, `${folder}/b`, `${folder}/a`)),
    );
  });
}

/** Also where the call asked for its output in hexadecimal. Warnings have the process's number. */
function inFolder(line: string, from: string, to: string): string {
  const hex = (text: string) => Buffer.from(text).toString('hex');
  return line
    .replaceAll(from, to)
    .replaceAll(hex(from), hex(to))
    .replace(/^\(node:\d+\)/, '(node)');
}

/** The first differences, rather than all that comes after one. */
function compare(t: ExecutionContext, plain: readonly string[], hooked: readonly string[]): void {
  const differences = plain.flatMap((line, index) => (line === hooked[index] ? [] : [[line, hooked[index]]]));
  t.deepEqual(differences.slice(0, 3), []);
  t.is(hooked.length, plain.length);
}
