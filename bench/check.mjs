// npm run bench -- --check: page faults and instructions of a start and of spawns beside those of bare Node, compared
// with bench/results.json. Neither depends on how busy the machine is. Page faults depend on where memory lies in a
// process, too, so a case that got worse is measured again, and the least counts.
//
// A regression of more than 3 % of what bare Node needs fails. Instructions need `perf stat`; without it, or without
// the permission, they are left out, and the output says so.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { median } from './numbers.mjs';
import { environment, playStart, program, REGISTER, tool } from './tools.mjs';

const MOST_REGRESSION = 0.03;
const REPEATS = 9;
const MOST_ATTEMPTS = 5;
/** What a single spawn needs is the difference of two runs, so that the start of Node does not count. */
const SPAWNS = [50, 250];
const FIXED_YOUNG = ['--min-semi-space-size=1', '--max-semi-space-size=1', '--single-threaded'];

const CASES = {
  start: { strays: 0, perSpawn: false },
  spawn: { strays: 0, perSpawn: true },
  'spawn, 1 stray': { strays: 1, perSpawn: true },
};

/** Case -> measure -> what closefds needs, as a ratio of what bare Node needs. `kept` is what they are compared with. */
export function measureCheck(folder, kept) {
  const empty = path.join(folder, 'empty.js');
  writeFileSync(empty, '');
  const measures = canCount(folder)
    ? { faults: countFaults, instructions: countInstructions }
    : { faults: countFaults };
  return Object.fromEntries(
    Object.entries(CASES).map(([name, one]) => [
      name,
      Object.fromEntries(
        Object.entries(measures).map(([measure, count]) => [
          measure,
          leastOf(() => ratioOf(one, count, { empty, folder }), kept?.[name]?.[measure]),
        ]),
      ),
    ]),
  );
}

function leastOf(measure, before) {
  let least = measure();
  for (let attempt = 1; attempt < MOST_ATTEMPTS && isWorse(least, before); attempt++)
    least = Math.min(least, measure());
  return least;
}

function isWorse(ratio, before) {
  return before !== undefined && ratio - before > MOST_REGRESSION;
}

/** Prints the comparison; true if nothing got worse by more than the limit. */
export function compareCheck(found, kept, print = console.log) {
  let isGood = true;
  for (const [name, ratios] of Object.entries(found)) {
    for (const [measure, ratio] of Object.entries(ratios)) {
      const before = kept?.[name]?.[measure];
      const failed = isWorse(ratio, before);
      isGood &&= !failed;
      const then = before === undefined ? 'nothing to compare with' : `${before.toFixed(3)} before`;
      print(`${failed ? 'WORSE' : 'ok   '}  ${name}, ${measure}: ${ratio.toFixed(3)} of bare, ${then}`);
    }
    if (ratios.instructions === undefined)
      print(`       ${name}, instructions: not counted, perf stat does not work here`);
  }
  return isGood;
}

export function readCheck(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).check : undefined;
}

function ratioOf({ strays, perSpawn }, count, { empty, folder }) {
  const ways = { bare: [], closefds: ['--no-warnings', '--require', REGISTER] };
  const runs = (args, spawns) => count(commandOf(args, { spawns, strays, empty }), folder);
  const one = args =>
    perSpawn ? (runs(args, SPAWNS[1]) - runs(args, SPAWNS[0])) / (SPAWNS[1] - SPAWNS[0]) : runs(args, 0);
  const pairs = Array.from({ length: REPEATS }, () => [one(ways.closefds), one(ways.bare)]);
  return median(pairs.map(([a]) => a)) / median(pairs.map(([, b]) => b));
}

function commandOf(args, { spawns, strays, empty }) {
  const node = [process.execPath, ...FIXED_YOUNG, ...args];
  return spawns === 0 ? [...node, empty] : [...node, program('spawns.js'), String(spawns), String(strays)];
}

function countFaults(command) {
  return playStart(command).faults;
}

function countInstructions(command, folder) {
  const file = path.join(folder, 'perf.csv');
  const perf = ['perf', 'stat', '-x,', '-e', 'instructions:u', '-o', file, '--', ...command];
  const { status } = spawnSync(tool('close-launcher'), perf, { env: environment(), stdio: 'ignore' });
  const [, counted] = /^(\d+),/m.exec(existsSync(file) ? readFileSync(file, 'utf8') : '') ?? [];
  return status === 0 && counted !== undefined ? Number(counted) : Number.NaN;
}

function canCount(folder) {
  return Number.isFinite(countInstructions(['true'], folder));
}
