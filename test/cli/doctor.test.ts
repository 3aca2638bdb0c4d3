// closefds doctor, as a user calls it.

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, type RunResult, run } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

function doctor(
  t: ExecutionContext,
  { args = [], env = {} }: { readonly args?: readonly string[]; readonly env?: Record<string, string> },
): Promise<RunResult> {
  const cwd = temporaryFolder(t);
  write(cwd, { 'package.json': '{"name": "app"}' });
  return run(MAIN, { nodeArgs: [], args: ['doctor', ...args], cwd, env });
}

for (const { place, line, exit } of [
  { place: '', line: '  report         none', exit: 0 },
  { place: 'stderr', line: '  report         fd:2', exit: 0 },
  { place: '/dev/null', line: '  report         /dev/null', exit: 0 },
  {
    place: '/no/such/folder/f',
    line: "  report         /no/such/folder/f\n  NOT WRITTEN    ENOENT: no such file or directory, access '/no/such/folder'",
    exit: 1,
  },
]) {
  test(`doctor shows the place of the report "${place}"`, async t => {
    const { code, stdout } = await doctor(t, { env: { CLOSEFDS_REPORT: place } });
    t.true(stdout.includes(`${line}\n`), stdout);
    t.is(code, exit);
  });
}
