// The same generated calls in two processes, one with the hook: what a program sees of each has to
// be the same.

import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { makeCalls } from './make-calls';
import { write } from './programs';
import { REGISTER } from './run';

const HOOK = `--require ${JSON.stringify(REGISTER)}`;
const ALLOW = { caller: '*', kinds: ['fd', 'pipe', 'ipc'], effect: 'allow', reason: 'the test' };

export interface Comparison {
  readonly title: string;
  readonly designates: boolean;
  readonly config: object;
}

export const comparisons: readonly Comparison[] = [
  { title: 'nothing is designated', designates: false, config: {} },
  { title: 'what is designated is allowed', designates: true, config: { rules: [ALLOW] } },
  {
    title: 'what is designated is allowed, in strict',
    designates: true,
    config: { mode: 'strict', rules: [ALLOW] },
  },
];

export interface Batch {
  readonly seed: number;
  readonly count: number;
  /** A new one. */
  readonly folder: string;
  /** Default: the Node that runs this. */
  readonly node?: string;
}

/** Pairs of lines, without the hook and with it, that are not the same. */
export async function differences(
  { designates, config }: Comparison,
  { seed, count, folder, node = process.execPath }: Batch,
): Promise<[string | undefined, string | undefined][]> {
  const file = write(folder, { 'config.json': JSON.stringify(config) });
  const calls = (name: string, env: Record<string, string>) => {
    // Children of another user get in, too.
    const own = path.join(folder, name);
    mkdirSync(own);
    for (const each of [folder, own]) chmodSync(each, 0o777);
    return makeCalls({ node, seed, count, designates, folder: own, env });
  };
  // At the same time: most of it is waiting.
  const [plain, hooked] = await Promise.all([
    calls('a', { NODE_OPTIONS: '' }),
    calls('b', { NODE_OPTIONS: HOOK, CLOSEFDS_CONFIG: file }),
  ]);
  const left = plain.map(line => inFolder(line, `${folder}/a`, `${folder}/a`));
  const right = hooked.map(line => inFolder(line, `${folder}/b`, `${folder}/a`));
  const length = Math.max(left.length, right.length);
  return Array.from({ length }, (_, i): [string | undefined, string | undefined] => [
    left[i],
    right[i],
  ]).filter(([one, other]) => one !== other);
}

/** Also where the call asked for its output in hexadecimal. Warnings have the process's number. */
function inFolder(line: string, from: string, to: string): string {
  const hex = (text: string) => Buffer.from(text).toString('hex');
  return line
    .replaceAll(from, to)
    .replaceAll(hex(from), hex(to))
    .replace(/^\(node:\d+\)/, '(node)');
}
