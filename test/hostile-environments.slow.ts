// The worlds again, larger: too long for every `npm test`. Run by `npm run verify:hostile`.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import anyTest from 'ava';
import {
  answerOf,
  assertClosing,
  EACH_CALL,
  FOUR_WORLDS,
  isPossible,
  KILLING_WORLDS,
  PRELUDE,
  WORLDS,
  withLimit,
} from './support/hostile-environments';
import { temporaryFolder, write } from './support/programs';
import { REGISTER, run } from './support/run';

const test = anyTest.serial;

for (const world of [...WORLDS, ...KILLING_WORLDS]) {
  test(`${world.name}, no atfork: a child has stdio only`, t => assertClosing(t, world, 'no atfork'));
}

for (const { name, through } of FOUR_WORLDS) {
  test(`${name}: 15,000 open FDs`, async t => {
    const raised = [...withLimit(20_000), ...through];
    if (!(await isPossible(t, raised))) return;
    const { answer } = await answerOf(
      t,
      'for (let i = 0; i < 15_000; i++) leak.open(process.argv[2], 50); answer(listed());',
      { through: raised, env: { NODE_NO_WARNINGS: '1' } },
    );
    t.deepEqual(answer, [0, 1, 2]);
  });
}

// ---------------------------------------------------------------------------------------------
// N1: 5,000 FDs, a random half of them kept; then none kept
// ---------------------------------------------------------------------------------------------

const OPEN_5000 = `
  for (let fd = 1000; fd < 6000; fd++) leak.open(process.argv[2] + (keeps.has(fd) ? '/keep-this' : '/drop-this'), fd);
  const first = listed();
  answer({ first, second: listed(), unchanged: [...keeps].every(fd => leak.flags(fd) === 0) });
`;

// By what they point to where /proc tells, and by number where it does not.
for (const { name, through, hasProc } of FOUR_WORLDS) {
  for (const half of ['a half', 'none']) {
    test(`N1 ${name}: 5,000 FDs, ${half} kept`, async t => {
      const raised = [...withLimit(20_000), ...through];
      if (!(await isPossible(t, raised))) return;
      const seed = Date.now() % 2 ** 31;
      t.log(`seed ${seed}`);
      const kept = half === 'none' ? [] : chosen(seed);
      const rule = {
        kinds: ['stray'],
        ...(hasProc ? { target: '**/keep-*' } : { fds: kept }),
        effect: 'allow',
        reason: 'test',
      };
      const { answer } = await answerOf(
        t,
        `fs.mkdirSync(process.argv[2]); const keeps = new Set(${JSON.stringify(kept)}); ${OPEN_5000}`,
        { through: raised, env: { NODE_NO_WARNINGS: '1' } },
        {
          'package.json': '{"name": "app"}',
          'closefds.json': JSON.stringify({ rules: kept.length === 0 && !hasProc ? [] : [rule] }),
        },
      );
      const expected = [0, 1, 2, ...kept];
      t.deepEqual(answer, { first: expected, second: expected, unchanged: true });
    });
  }
}

/** A half of 1000..5999, by a linear congruential generator: the seed says it all. */
function chosen(seed: number): number[] {
  let state = seed;
  return Array.from({ length: 5000 }, (_, i) => 1000 + i).filter(() => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state >= 2 ** 30;
  });
}

// ---------------------------------------------------------------------------------------------
// System calls
// ---------------------------------------------------------------------------------------------

test('the guard makes no system call that Node does not make, save those of native/safe_calls.h', async t => {
  const strace = ['strace', '-f', '-qq', '-o'];
  if (!(await isPossible(t, [...strace, '/dev/null']))) return;
  const folder = temporaryFolder(t);
  const app = write(folder, {
    'app.js': `${PRELUDE}
      const { Worker, isMainThread } = require('node:worker_threads');
      for (const fd of [40, 50, 300]) leak.open(__filename + '.stray', fd);
      listed();
      childProcess.spawn('true', ['--fd', '40'], { stdio: [0, 1, 2, 50] });
      if (isMainThread) new Worker(__filename);
    `,
    'empty.js': '',
    'package.json': '{"name": "app"}',
    'closefds.json': JSON.stringify({
      rules: [{ kinds: ['stray'], fds: [50], effect: 'allow', reason: 'test' }],
    }),
  });
  const empty = path.join(folder, 'empty.js');
  const callsOf = async (preload: string, mode: string) => {
    const trace = path.join(folder, 'trace');
    const result = await run(app, {
      through: [...strace, trace],
      nodeArgs: ['--require', preload],
      env: { CLOSEFDS_MODE: mode, NODE_V8_COVERAGE: '' },
    });
    t.is(result.code, 0, result.stderr);
    const lines = readFileSync(trace, 'utf8').matchAll(/^\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)/gm);
    return new Set([...lines].map(match => match[1] as string));
  };
  // Threads make some calls in some runs only.
  const bare = new Set<string>();
  for (let i = 0; i < 4; i++) for (const call of await callsOf(empty, 'off')) bare.add(call);
  for (const mode of ['enforce', 'warn']) {
    const [first, ...others] = [
      await callsOf(REGISTER, mode),
      await callsOf(REGISTER, mode),
      await callsOf(REGISTER, mode),
    ];
    const beyond = [...(first ?? [])].filter(
      call => others.every(calls => calls.has(call)) && !bare.has(call),
    );
    t.deepEqual(
      beyond.filter(call => !EACH_CALL.includes(call)),
      [],
      mode,
    );
  }
});
