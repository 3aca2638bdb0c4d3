// What the hook holds in a process, and whether that grows.

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import { median } from '../numbers.mjs';
import { program, REGISTER, tool } from '../tools.mjs';

export const title = 'Memory';

export async function run({ quick, folder, progress }) {
  const spawns = quick ? 1000 : 50_000;
  const preload = ['--no-warnings', '--require', REGISTER];
  const env = { CLOSEFDS_REPORT: path.join(folder, 'memory.ndjson') };
  const ways = {
    bare: { args: [] },
    enforce: { args: preload, env },
    'enforce, 1 stray': { args: preload, env, strays: 1 },
  };
  // Memory does not mind who else runs, so these run at once.
  progress(`${spawns} spawns`);
  const found = Object.fromEntries(
    await Promise.all(
      Object.entries(ways).map(async ([name, way]) => [name, await measure(way, spawns, quick)]),
    ),
  );
  const rows = Object.entries(found).map(([name, { start, before, first, early, after }]) => [
    name,
    start,
    before.used,
    first.used,
    early.used,
    after.used,
    after.resident,
  ]);
  return {
    tables: [
      { title: `Megabytes in a process that spawns ${spawns.toLocaleString('en')} times`, columns, rows },
    ],
    notes: [NOTE],
  };
}

const columns = [
  { title: 'way' },
  { title: 'resident at start', unit: 'MB' },
  { title: 'used at start', unit: 'MB' },
  { title: 'after one spawn', unit: 'MB' },
  { title: 'after a tenth', unit: 'MB' },
  { title: 'after all', unit: 'MB' },
  { title: 'resident after all', unit: 'MB' },
];

const NOTE =
  '"Used" is the heap and what it holds outside, after garbage collection; "resident" is what the system says, which also counts pages that are free to be used again. The last two ways write a report file.';

async function measure({ args, env = {}, strays = 0 }, spawns, quick) {
  const start = [];
  for (let i = 0; i < (quick ? 3 : 7); i++)
    start.push((await play(args, env, { spawns: 1, strays: 0 })).before.resident);
  return { start: median(start), ...(await play(args, env, { spawns, strays })) };
}

async function play(args, env, request) {
  const command = [process.execPath, '--expose-gc', ...args, program('memory.js'), JSON.stringify(request)];
  const { stdout } = await promisify(execFile)(tool('close-launcher'), command, {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  return JSON.parse(stdout);
}
