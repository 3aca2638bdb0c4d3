// Controls a process that spawns as often as requested, and reports the time of each spawn.
//
// The process lives for many rounds: this measures the steady state, not the first spawn.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { inTurns } from './harness.mjs';
import { environment, tool } from './tools.mjs';

/** Resolves when the process has opened its FDs. */
export async function startSpawner(command, { env = {}, count, most = 2000 } = {}) {
  // Without the FDs that a terminal or an editor leaves open.
  const child = spawn(tool('close-launcher'), command, {
    env: environment(env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', text => {
    errors = `${errors}${text}`.slice(-2000);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (!done) return JSON.parse(value);
    throw new Error(`${command.join(' ')} ended before it answered: ${errors}`);
  };
  await answer();

  return {
    play: () => {
      child.stdin.write(`${JSON.stringify({ count, most })}\n`);
      return answer();
    },
    stop: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/**
 * Runs spawners in turns, with new processes several times: two processes of one program have different
 * memory layouts, and so different times of a fork. `most` bounds the milliseconds of each.
 */
export async function inCasts(commands, { count, rounds, casts, most }) {
  const batches = Object.fromEntries(Object.keys(commands).map(name => [name, []]));
  for (let cast = 0; cast < casts; cast++) {
    const options = { count, most: most / casts / 4 };
    const played = await withSpawners(commands, options, players =>
      inTurns(players, { rounds: rounds / casts, most: most / casts }),
    );
    for (const [name, list] of Object.entries(played))
      batches[name].push(...list.map(batch => ({ ...batch, round: cast * rounds + batch.round })));
  }
  return batches;
}

/** Starts spawners one after the other, passes them to `work`, and stops them even if `work` throws. */
async function withSpawners(commands, options, work) {
  const spawners = {};
  try {
    for (const [name, { command, ...own }] of Object.entries(commands))
      spawners[name] = await startSpawner(command, { ...options, ...own });
    return await work(Object.fromEntries(Object.entries(spawners).map(([name, { play }]) => [name, play])));
  } finally {
    for (const { stop } of Object.values(spawners)) await stop();
  }
}
