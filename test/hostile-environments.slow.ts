// The worlds again, larger: too long for every `npm test`. Run by `npm run verify:hostile`.

import anyTest from 'ava';
import {
  answerOf,
  assertClosing,
  FOUR_WORLDS,
  isPossible,
  WORLDS,
  withLimit,
} from './support/hostile-environments';

const test = anyTest.serial;

for (const world of WORLDS) {
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
