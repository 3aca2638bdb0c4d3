// That a finding is told also when the program ends right after it.

import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { run } from '../support/run';

const SPAWN = `
  const child = require('node:child_process').spawn('true', { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
`;

const TOLD = /\[CLOSEFDS_DESIGNATED\] ClosefdsWarning: designated FD 3 /g;

const cases: readonly {
  readonly title: string;
  readonly code: string;
  readonly nodeArgs?: readonly string[];
  readonly exit: number;
  readonly told: number;
}[] = [
  { title: 'goes on', code: '', exit: 0, told: 1 },
  { title: 'throws at once', code: 'child.stdio[3].write("x");', exit: 1, told: 1 },
  { title: 'calls process.exit()', code: 'process.exit(3);', exit: 3, told: 1 },
  {
    title: 'exits, and has a listener that throws',
    code: 'process.on("warning", () => { throw new Error() }); process.exit(3);',
    exit: 3,
    told: 1,
  },
  {
    title: 'throws, and wants no warnings',
    code: 'throw 1;',
    nodeArgs: ['--no-warnings'],
    exit: 1,
    told: 0,
  },
];

for (const { title, code, nodeArgs = [], exit, told } of cases) {
  test(`the spawning program ${title}`, async t => {
    const program = write(temporaryFolder(t), { 'app.js': SPAWN + code });
    const args = [...nodeArgs, '--require', require.resolve('../../register/index.js')];
    const result = await run(program, { nodeArgs: args });
    t.deepEqual(
      { exit: result.code, told: result.stderr.match(TOLD)?.length ?? 0 },
      { exit, told },
      result.stderr,
    );
  });
}
