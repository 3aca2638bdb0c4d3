// A process that spawns as often as it is told, and answers with what each spawn took.
//
// It stays for many rounds: what is measured is the steady state, not the first spawn.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { inTurns } from './harness.mjs';
import { tool } from './tools.mjs';

/** Settled once it has opened its FDs. */
export async function startSpawner(command, { env = {}, count, most = 2000 } = {}) {
  // Certificates would be most of what the start of a Node child takes.
  const { NODE_OPTIONS, NODE_EXTRA_CA_CERTS, CLOSEFDS_MODE, CLOSEFDS_REPORT, CLOSEFDS_CONFIG, ...rest } =
    process.env;
  // Without the FDs that a terminal or an editor leaves open.
  const child = spawn(tool('close-launcher'), command, {
    env: { ...rest, ...env },
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
 * Has spawners play in turns, in several casts one after the other: two processes of one program differ for
 * good in where their memory lies, and so in what a fork takes. `most` bounds the milliseconds of each.
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

/** Starts them one after the other, has `work` do with them, and stops them come what may. */
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
