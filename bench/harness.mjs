// Measures in turns, A B C A B C ..., so that a busy phase of the machine affects all of them.
//
// Ratios are medians over pairs of batches that follow each other, with the 95 % confidence interval of the median.
// Reports processor time beside wall-clock time, because other programs on the machine hardly affect it, and page
// faults, which they do not affect at all.

import { interval, median, quantile, spread } from './numbers.mjs';

/**
 * Runs one batch of each player in each round. A player is a function that returns `{ times, cpu, faults }`:
 * the milliseconds of each run, and the milliseconds of processor time and the page faults of all runs. Players of
 * other runtimes return no faults.
 *
 * `most` bounds the milliseconds of one player. A slow player skips the later rounds.
 */
export async function inTurns(players, { rounds, warmUp = 2, most = Number.POSITIVE_INFINITY }) {
  const names = Object.keys(players);
  const batches = Object.fromEntries(names.map(name => [name, []]));
  const spent = Object.fromEntries(names.map(name => [name, 0]));
  for (let round = -warmUp; round < rounds; round++) {
    // The first player of a round runs right after the last one of the round before.
    const first = Math.abs(round) % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      if (spent[name] > most && batches[name].length > 0) continue;
      const begin = performance.now();
      const { times, cpu, faults = Number.NaN } = await players[name]();
      spent[name] += performance.now() - begin;
      const mean = { cpu: cpu / times.length, faults: faults / times.length };
      if (round >= 0) batches[name].push({ round, times, ...mean, median: median(times) });
    }
  }
  return batches;
}

/** Compares the batches of two players, round by round. */
export function compare(batches, base) {
  const inRound = new Map(base.map(batch => [batch.round, batch]));
  const pairs = batches.map(batch => [batch, inRound.get(batch.round)]).filter(([, other]) => other);
  const all = list => list.flatMap(({ times }) => times);
  const [times, before] = [all(batches), all(base)];
  return {
    time: spread(times),
    p99: quantile(times, 0.99),
    cpu: spread(batches.map(({ cpu }) => cpu)),
    ratio: interval(pairs.map(([a, b]) => a.median / b.median)),
    p99Ratio: quantile(times, 0.99) / quantile(before, 0.99),
    cpuRatio: interval(pairs.map(([a, b]) => a.cpu / b.cpu)),
    added: interval(pairs.map(([a, b]) => a.median - b.median)),
    addedCpu: interval(pairs.map(([a, b]) => a.cpu - b.cpu)),
    addedFaults: interval(pairs.map(([a, b]) => a.faults - b.faults)),
  };
}
