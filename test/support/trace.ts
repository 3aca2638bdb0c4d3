// Traces recorded on the spot: a program with FD 5, under strace.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { straceOptions } from '../../src/audit/strace/options';
import { follow } from '../../src/audit/strace/replay';
import type { Use } from '../../src/model/fd-use';
import { temporaryFolder, write } from './programs';
import { inheriting, runCommand } from './run';

export const GIVEN = 5;

/** Why no trace can be made here; undefined if it can. */
export async function whyNoTrace(): Promise<string | undefined> {
  const { code, stderr } = await runCommand([
    'strace',
    '-f',
    '--seccomp-bpf',
    '-o',
    '/dev/null',
    'true',
  ]).catch((error: Error) => ({ code: -1, stderr: error.message }));
  return code === 0 ? undefined : `strace does not work here: ${stderr.trim()}`;
}

/** What became of FD 5, a file, in `command`. */
export async function traceUse(t: ExecutionContext, command: readonly string[]): Promise<Use> {
  const folder = temporaryFolder(t);
  const given = write(folder, { given: 'text' });
  const output = path.join(folder, 'trace');
  await runCommand([...inheriting(GIVEN, given), 'strace', ...straceOptions(output), '--', ...command]);
  const trace = await finished(output);
  const [uses] = follow(() => trace.split('\n'), [{ pid: undefined, since: 0, fds: [GIVEN] }]);
  if (uses?.[0] === undefined) throw new Error(`the trace has no program:\n${trace}`);
  return uses[0];
}

/** The tracer ends after the program does. */
async function finished(output: string): Promise<string> {
  for (let tries = 0; ; tries++) {
    const text = existsSync(output) ? readFileSync(output, 'latin1') : '';
    const first = /^\d+/.exec(text)?.[0];
    const ended = new RegExp(`^${first} .*\\+\\+\\+ (?:exited|killed) .*\\n$`, 'm').test(text);
    if ((first !== undefined && ended) || tries === 200) return text;
    await sleep(50);
  }
}
