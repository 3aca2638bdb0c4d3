// The phases of `npm run verify:endurance` that put spawns under load, beside bare Node. The program that each of
// them runs is test/fixtures/load.js.
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';

const { LEAK, LIST_FDS, REGISTER, ROOT, tool } = createRequire(import.meta.url)(
  '../../dist/test/support/run.js',
);
const program = path.join(ROOT, 'test', 'fixtures', 'load.js');

/** What a run is started with; `isForked`: the fork handlers run, so no stray may pass. */
const WAYS = {
  bare: { preload: [], env: {}, isForked: false },
  fork: { preload: ['--require', REGISTER], env: {}, isForked: true },
  'no atfork': {
    preload: ['--require', REGISTER],
    env: { LD_PRELOAD: tool('no-atfork.so') },
    isForked: false,
  },
  'no memory for the addon': {
    preload: ['--require', REGISTER],
    env: { LD_PRELOAD: tool('failing-malloc.so') },
    isForked: true,
  },
  'a filter that kills for close_range': {
    preload: ['--require', REGISTER],
    env: {},
    through: [tool('deny'), 'close_range=KILL'],
    isForked: true,
  },
};
const EXITS = 10;
/** More than the memory of two runs differs by. */
const MEMORY_MARGIN = 64;

/** Pairs of a name and of a function that returns what to print, or throws what is wrong. */
export function loadPhases({ seconds, hung }) {
  let bare;
  return [
    ...Object.entries(WAYS).map(([name, way]) => [
      `load, ${name}`,
      async () => {
        const figures = JSON.parse((await start(way, 'load', seconds, hung)).stdout);
        if (name === 'bare') bare = figures;
        else compare(figures, way, bare);
        return describe(figures);
      },
    ]),
    ...Object.entries(WAYS).map(([name, way]) => [`exit under load, ${name}`, () => exits(way, hung)]),
    ['each number of free FDs', () => limits(hung)],
  ];
}

function compare({ strays, failures, before, after, spawns }, { isForked }, bare) {
  const wrong = [];
  if (spawns === 0) wrong.push('no process was started');
  if (failures > 0) wrong.push(`${failures} spawns failed`);
  // Without the handlers, what another thread opens after the marking may pass: verify:race has the rate.
  if (isForked && strays > 0) wrong.push(`${strays} children had a stray`);
  if (after.fds > before.fds) wrong.push(`FDs: ${before.fds} before, ${after.fds} after`);
  for (const [what, margin] of [
    ['threads', 1],
    ['megabytes', MEMORY_MARGIN],
  ]) {
    const growth = after[what] - before[what];
    const most = Math.max(0, bare.after[what] - bare.before[what]) + margin;
    if (growth > most) wrong.push(`${what} grew by ${growth}, at most ${most} expected`);
  }
  if (bare.strays === 0) wrong.push('bare Node passed no stray: the load proves nothing');
  if (wrong.length > 0) throw new Error(wrong.join('; '));
}

function describe({ before, after, ...counts }) {
  const growth = ['fds', 'threads', 'megabytes'].map(what => `${what} ${before[what]} -> ${after[what]}`);
  return [
    ...Object.entries(counts).map(([what, number]) => `${what} ${number}`),
    'crashes 0',
    ...growth,
  ].join(', ');
}

/** process.exit() while all threads are in the middle of spawns. */
async function exits(way, hung) {
  const codes = {};
  for (let i = 0; i < EXITS; i++) {
    const { code } = await start(way, 'exit', 60, hung);
    codes[code] = (codes[code] ?? 0) + 1;
  }
  if (!isDeepStrictEqual(codes, { 7: EXITS })) throw new Error(`ended with ${JSON.stringify(codes)}`);
  return `${EXITS} of ${EXITS} ended with exit code 7`;
}

/** A spawn fails as in bare Node for lack of FDs, or its child has stdio only. */
async function limits(hung) {
  const answers = {};
  for (const [name, way] of Object.entries(WAYS))
    answers[name] = JSON.parse((await start(way, 'limits', 0, hung)).stdout);
  const expected = answers.bare.outcomes.map(outcome => (outcome === '[0,1,2,40]' ? '[0,1,2]' : outcome));
  if (isDeepStrictEqual(expected, answers.bare.outcomes)) throw new Error('bare Node passed no stray');
  for (const [name, { outcomes, fds }] of Object.entries(answers)) {
    if (name === 'bare') continue;
    if (!isDeepStrictEqual(outcomes, expected)) throw new Error(`${name}: ${JSON.stringify(outcomes)}`);
    if (fds > answers.bare.fds)
      throw new Error(`${name}: ${fds} FDs at the end, ${answers.bare.fds} in bare Node`);
  }
  const failed = expected.filter(outcome => outcome !== '[0,1,2]').length;
  return `${expected.length} spawns each way, ${failed} fail in each`;
}

/** Rejects if the program ended in another way than by an exit code: it crashed, or hung. */
async function start({ preload, env, through = [] }, phase, seconds, hung) {
  const pairs = Object.entries({ NODE_NO_WARNINGS: '1', ...env }).map(([name, value]) => `${name}=${value}`);
  const node = [process.execPath, '--expose-gc', ...preload, program, phase, String(seconds), LEAK, LIST_FDS];
  try {
    const options = { timeout: hung };
    return await promisify(execFile)(tool('clean-exec'), ['env', ...pairs, ...through, ...node], options);
  } catch (error) {
    if (phase === 'exit' && error.signal === null) return error;
    throw new Error(`it crashed or hung: ${error.signal ?? `exit code ${error.code}`}\n${error.stderr}`);
  }
}
