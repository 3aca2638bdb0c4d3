// What a spawn costs: bare Node against each mode, with small and large FD tables.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { addonFile, thisMachine } from '../../native/build.mjs';
import { compare } from '../harness.mjs';
import { verdict } from '../numbers.mjs';
import { inCasts } from '../spawner.mjs';
import { LOADING_BUILTINS, mostFds, program, REGISTER, tool, withoutAddon } from '../tools.mjs';

export const title = 'A spawn';

/** Milliseconds that one way may take of a case: the fallback guard is slow with many FDs. */
const MOST = { full: 6000, quick: 250 };

export async function run({ quick, folder, progress }) {
  const ways = waysOf(folder);
  const cases = quick ? QUICK : FULL;
  const rows = [];
  const samples = {};
  for (const one of cases) {
    progress(`${one.route}, ${one.fds} FDs, ${one.strays ?? 0} strays`);
    const batches = await measure(one, pick(ways, one.ways ?? Object.keys(ways)), folder, quick);
    for (const [way, list] of Object.entries(batches)) {
      const found = compare(list, batches.bare);
      samples[keyOf(one, way)] = found;
      rows.push(toRow(one, way, found));
    }
  }
  return {
    tables: [
      { title: 'Time of a spawn until its child has ended', columns: COLUMNS, rows },
      inCode(quick),
      goals(samples),
    ],
    notes: [NOTE],
  };
}

const NOTE =
  'The child is a static program that does nothing, so that nothing hides the cost of starting it: no program that anybody starts is as quick. With `exec` a shell starts it, and with `fork` it is an empty Node program that does not load closefds. Bare, `off`, `warn` and so on take turns in batches; ratios are of neighbouring batches, as medians with their 95 % confidence intervals. The young generation of V8 has one size in all of them (`--max-semi-space-size=1`), since the moment at which it doubles is luck, and each megabyte shows. CPU is the time on the processors of parent and child together. "Bare, again" shows what is noise. "Modules and addon alone" loads what closefds needs of Node, and the addon, and uses none of it: the floor. "2.5 MB more" holds as much memory as closefds does after its first findings, and does nothing: the floor of a report. "Reported" is `enforce` with a report file and warnings, "reports off" without.';

const COLUMNS = [
  { title: 'route' },
  { title: 'FDs', unit: 'count' },
  { title: 'strays', unit: 'count' },
  { title: 'memory held', unit: 'MB' },
  { title: 'way' },
  { title: 'time', unit: 'ms' },
  { title: 'p99', unit: 'ms' },
  { title: 'CPU', unit: 'ms' },
  { title: 'time / bare', unit: 'ratio' },
  { title: 'p99 / bare', unit: 'ratio' },
  { title: 'CPU / bare', unit: 'ratio' },
  { title: 'page faults added', unit: 'number' },
];

function toRow({ route, fds, strays = 0, megabytes = 0 }, way, found) {
  const { time, p99, cpu, ratio, p99Ratio, cpuRatio, addedFaults } = found;
  const of = value => (way === 'bare' ? null : value);
  const measured = [time.median, p99, cpu.median, of(ratio), of(p99Ratio), of(cpuRatio), of(addedFaults)];
  return [route, fds, strays, megabytes, way, ...measured];
}

const MOST_FDS = Math.min(15_000, mostFds() - 200);
const WITHOUT_FALLBACK = ['bare', 'off', 'warn', 'enforce, reported', 'enforce, reports off'];

const FULL = [
  { route: 'spawn', fds: 0 },
  ...[100, 1000, 10_000].map(fds => ({ route: 'spawn', fds, ways: [...WITHOUT_FALLBACK, 'fallback'] })),
  { route: 'spawn', fds: MOST_FDS, ways: WITHOUT_FALLBACK },
  { route: 'spawn', fds: 0, strays: 100 },
  { route: 'spawn', fds: 10_000, strays: 100, ways: WITHOUT_FALLBACK },
  ...[0, 10_000].map(fds => ({
    route: 'spawn',
    fds,
    megabytes: 1024,
    ways: ['bare', 'warn', 'enforce, reports off'],
  })),
  ...[0, 100, 1000, 10_000, MOST_FDS].map(fds => ({ route: 'exec', fds, ways: WITHOUT_FALLBACK })),
  ...['spawnSync', 'fork'].flatMap(route => [0, 10_000].map(fds => ({ route, fds, ways: WITHOUT_FALLBACK }))),
];

const QUICK = [
  { route: 'spawn', fds: 0 },
  { route: 'spawn', fds: 0, strays: 100, ways: WITHOUT_FALLBACK },
  { route: 'spawn', fds: 10_000, ways: WITHOUT_FALLBACK },
  { route: 'spawnSync', fds: 1000, ways: WITHOUT_FALLBACK },
];

/**
 * V8 doubles its young generation, of one megabyte, each time that enough has survived in it. When that
 * happens differs between two processes by a hair, and a megabyte more is some 40 us at each fork.
 */
const FIXED_YOUNG = ['--min-semi-space-size=1', '--max-semi-space-size=1'];

function waysOf(folder) {
  const preload = ['--require', REGISTER];
  return {
    bare: { args: [] },
    // What the method itself makes of two that are alike.
    'bare, again': { args: [] },
    'bare, 1 MB more': holding(1),
    'bare, 2.5 MB more': holding(2.5),
    'modules and addon alone': { args: ['--require', addonAlone(folder)] },
    off: { args: preload, env: { CLOSEFDS_MODE: 'off' } },
    warn: { args: preload, env: { CLOSEFDS_MODE: 'warn' } },
    'enforce, reported': { args: preload, env: { CLOSEFDS_REPORT: path.join(folder, 'findings.ndjson') } },
    'enforce, reports off': { args: ['--no-warnings', ...preload] },
    fallback: { args: ['--no-warnings', '--require', withoutAddon(folder)] },
  };
}

/** Bare Node that holds memory, as closefds does: one megabyte after start, two and a half after its first findings. */
function holding(megabytes) {
  return { args: ['--require', program('more-memory.js')], env: { BENCH_HELD: String(megabytes) } };
}

/** A preload that loads Node's modules and maps the addon, which no code uses: the floor of a guard made of these. */
function addonAlone(folder) {
  const file = path.join(folder, 'addon-alone.js');
  const addon = JSON.stringify(addonFile(thisMachine()));
  writeFileSync(file, `${LOADING_BUILTINS}process.dlopen({ exports: {} }, ${addon});\n`);
  return file;
}

function pick(ways, names) {
  return Object.fromEntries(names.map(name => [name, ways[name]]));
}

function measure({ route, fds, strays = 0, megabytes = 0 }, ways, folder, quick) {
  const empty = path.join(folder, 'empty.js');
  writeFileSync(empty, '');
  const child = [route === 'fork' ? empty : tool('nothing')];
  // Some fifty megabytes is what Node holds by itself.
  const request = JSON.stringify({ route, child, fds, strays, megabytes });
  const commands = Object.fromEntries(
    Object.entries(ways).map(([name, { args, env }]) => [
      name,
      { env, command: [process.execPath, ...FIXED_YOUNG, ...args, program('spawner.js'), request] },
    ]),
  );
  // Short batches: what disturbs a machine comes and goes within a tenth of a second.
  const [count, rounds, casts] = quick ? [10, 8, 1] : [5, 160, 5];
  const most = MOST[quick ? 'quick' : 'full'];
  return inCasts(commands, { count: route === 'fork' ? Math.ceil(count / 5) : count, rounds, casts, most });
}

// ---------------------------------------------------------------------------------------------
// The part that is JavaScript
// ---------------------------------------------------------------------------------------------

/** With everything below replaced by nothing, what is left is the patch, the look at the strays of the last look, and the native call that marks. */
function inCode(quick) {
  const rows = Object.entries({ warn: 'warn', enforce: 'enforce' }).map(([name, mode]) => {
    const command = [process.execPath, '--require', program('stubbed.js'), '--require', REGISTER];
    const calls = quick ? 20_000 : 200_000;
    const answer = execFileSync(tool('close-launcher'), [...command, program('calls.js'), String(calls)], {
      env: { ...process.env, NODE_OPTIONS: '', CLOSEFDS_MODE: mode },
      encoding: 'utf8',
    });
    const { bare, guarded } = JSON.parse(answer);
    return [name, bare, guarded, guarded - bare];
  });
  const columns = [
    { title: 'mode' },
    { title: 'the function without closefds', unit: 'us' },
    { title: 'with it', unit: 'us' },
    { title: 'added', unit: 'us' },
  ];
  return { title: 'A spawn with nothing to judge, around a function that does nothing', columns, rows };
}

// ---------------------------------------------------------------------------------------------
// Goals
// ---------------------------------------------------------------------------------------------

function keyOf({ route, fds, strays = 0, megabytes = 0 }, way) {
  return [route, fds, strays, megabytes, way].join(' ');
}

function goals(samples) {
  const rows = [];
  for (const [key, found] of Object.entries(samples)) {
    const [route, fds, strays, megabytes] = key.split(' ', 4);
    const limit = limitOf(key.split(' ').slice(4).join(' '), Number(fds));
    if (limit === undefined) continue;
    const what = `${key.split(' ').slice(4).join(' ')}, ${route}, ${fds} FDs, ${strays} strays${Number(megabytes) > 0 ? `, ${megabytes} MB` : ''}`;
    const { ratio, cpuRatio } = found;
    rows.push([what, limit, ratio, cpuRatio, found.p99Ratio, verdict(ratio, limit)]);
  }
  const columns = [
    { title: 'case' },
    { title: 'goal', unit: 'ratio' },
    { title: 'time / bare', unit: 'ratio' },
    { title: 'CPU / bare', unit: 'ratio' },
    { title: 'p99 / bare', unit: 'ratio' },
    { title: 'holds' },
  ];
  return { title: 'Goals', columns, rows };
}

function limitOf(way, fds) {
  if (way.startsWith('enforce')) return 1.02;
  if (way === 'warn' && fds === 1000) return 1.05;
  if (way === 'warn' && fds >= 10_000) return 1.15;
  return undefined;
}
