// The same generated calls in two processes, one with the hook: what a program sees of each has to
// be the same.

import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { caseOf, makeCalls } from './make-calls';
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

/** A line without the hook and the line with it. */
type Pair = [string | undefined, string | undefined];

/** The calls with a time limit may reach it in one process only, if the machine is busy. */
const ATTEMPTS = 4;

/** Pairs of lines that are not the same, in each of the attempts. */
export async function differences(comparison: Comparison, batch: Batch): Promise<Pair[]> {
  let found = await compare(comparison, batch, undefined);
  for (let attempt = 1; attempt < ATTEMPTS && found.length > 0; attempt++) {
    const only = found.map(([plain]) => caseOf(plain ?? '')).filter(index => !Number.isNaN(index));
    // What no case is seen to cause is not repeated.
    if (only.length === 0) break;
    const folder = path.join(batch.folder, `${attempt}`);
    mkdirSync(folder);
    found = await compare(comparison, { ...batch, folder }, only);
  }
  return found;
}

async function compare(
  { designates, config }: Comparison,
  { seed, count, folder, node = process.execPath }: Batch,
  only: readonly number[] | undefined,
): Promise<Pair[]> {
  const file = write(folder, { 'config.json': JSON.stringify(config) });
  const calls = (name: string, env: Record<string, string>) => {
    // Children of another user get in, too.
    const own = path.join(folder, name);
    mkdirSync(own);
    for (const each of [folder, own]) chmodSync(each, 0o777);
    return makeCalls({ node, seed, count, designates, folder: own, env, ...(only && { only }) });
  };
  // At the same time: most of it is waiting.
  const [plain, hooked] = await Promise.all([
    calls('a', { NODE_OPTIONS: '' }),
    calls('b', { NODE_OPTIONS: HOOK, CLOSEFDS_CONFIG: file }),
  ]);
  const left = plain.map(line => inFolder(line, `${folder}/a`, `${folder}/a`));
  const right = hooked.map(line => inFolder(line, `${folder}/b`, `${folder}/a`));
  const length = Math.max(left.length, right.length);
  return Array.from({ length }, (_, i): Pair => [left[i], right[i]]).filter(([one, other]) => one !== other);
}

/** Also where the call asked for its output in hexadecimal. Warnings have the process's number. */
function inFolder(line: string, from: string, to: string): string {
  const hex = (text: string) => Buffer.from(text).toString('hex');
  return line
    .replaceAll(from, to)
    .replaceAll(hex(from), hex(to))
    .replace(/^\(node:\d+\)/, '(node)');
}
