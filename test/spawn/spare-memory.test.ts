// What V8 needs to compile the code of a first finding is not kept: each later fork would copy it.

import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, run, WITHOUT_COVERAGE } from '../support/run';

/** Prints how many kilobytes a trim gives back that follows the first finding. */
const program = (before: string): string => `
  const { spawnSync } = require('node:child_process');
  const fs = require('node:fs');
  const leak = require(${JSON.stringify(LEAK)});
  const held = () => Number(/Anonymous: +(\\d+)/.exec(fs.readFileSync('/proc/self/smaps_rollup', 'utf8'))[1]);
  leak.open('/dev/zero', 50);
  ${before}
  spawnSync('true');
  const before = held();
  leak.trim();
  fs.writeSync(1, String(before - held()));`;

for (const { title, before, holds } of [
  {
    title: 'after its first finding, a small process keeps no memory that malloc() could give back',
    before: 'leak.trim();',
    holds: (kilobytes: number) => kilobytes < 320,
  },
  {
    title: 'a process whose heap has grown keeps its free pages, which it may need again',
    before: 'leak.grow(100);',
    holds: (kilobytes: number) => kilobytes > 20_000,
  },
])
  test(title, async t => {
    const script = write(temporaryFolder(t), { 'app.js': program(before) });
    const { stdout, stderr } = await run(script, { env: { CLOSEFDS_MODE: 'enforce', ...WITHOUT_COVERAGE } });
    t.true(stdout !== '' && holds(Number(stdout)), `${stdout} KB\n${stderr}`);
  });
