// Measuring in turns: A B C A B C ..., so that a machine that is busy for a while is so for all.
//
// Ratios are of batches that follow each other, and of these the median. Time on the processors
// is told beside time on the clock: where other programs run, too, it hardly wavers.

import { median, quantile, spread } from './numbers.mjs';

/**
 * Has each player play a batch a round. A player is a function that gives the milliseconds each
 * run took and the milliseconds of processor time they took together: `{ times, cpu }`.
 *
 * `most` bounds the milliseconds of one player; a slow one leaves the later rounds to the others.
 */
export async function inTurns(players, { rounds, warmUp = 2, most = Number.POSITIVE_INFINITY }) {
  const names = Object.keys(players);
  const batches = Object.fromEntries(names.map(name => [name, []]));
  const spent = Object.fromEntries(names.map(name => [name, 0]));
  for (let round = -warmUp; round < rounds; round++) {
    // Whoever comes first finds the machine as the last of the round before left it.
    const first = Math.abs(round) % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      if (spent[name] > most && batches[name].length > 0) continue;
      const begin = performance.now();
      const { times, cpu } = await players[name]();
      spent[name] += performance.now() - begin;
      if (round >= 0) batches[name].push({ round, times, cpu: cpu / times.length, median: median(times) });
    }
  }
  return batches;
}

/** One player's batches beside those of another, round by round. */
export function compare(batches, base) {
  const inRound = new Map(base.map(batch => [batch.round, batch]));
  const pairs = batches.map(batch => [batch, inRound.get(batch.round)]).filter(([, other]) => other);
  const all = list => list.flatMap(({ times }) => times);
  const [times, before] = [all(batches), all(base)];
  return {
    time: spread(times),
    p99: quantile(times, 0.99),
    cpu: spread(batches.map(({ cpu }) => cpu)),
    ratio: spread(pairs.map(([a, b]) => a.median / b.median)),
    p99Ratio: quantile(times, 0.99) / quantile(before, 0.99),
    cpuRatio: spread(pairs.map(([a, b]) => a.cpu / b.cpu)),
    added: spread(pairs.map(([a, b]) => a.median - b.median)),
    addedCpu: spread(pairs.map(([a, b]) => a.cpu - b.cpu)),
  };
}
