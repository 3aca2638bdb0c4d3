// A process that spawns as often as it is told, and answers with what each spawn took.
//
// It stays for all rounds: what is measured is the steady state, not the first spawn.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { tool } from './tools.mjs';

/** Settled once it has opened its FDs. */
export async function startSpawner(command, { env = {}, count, most = 2000 } = {}) {
  const { NODE_OPTIONS, CLOSEFDS_MODE, CLOSEFDS_REPORT, CLOSEFDS_CONFIG, ...rest } = process.env;
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

/** Starts them one after the other, has `work` do with them, and stops them come what may. */
export async function withSpawners(commands, options, work) {
  const spawners = {};
  try {
    for (const [name, { command, ...own }] of Object.entries(commands))
      spawners[name] = await startSpawner(command, { ...options, ...own });
    return await work(Object.fromEntries(Object.entries(spawners).map(([name, { play }]) => [name, play])));
  } finally {
    for (const { stop } of Object.values(spawners)) await stop();
  }
}
