// What the deep guard costs: its looks at the loaded objects, each process that native code makes, and the start.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { compare, inTurns } from '../harness.mjs';
import { mapValues, spread } from '../numbers.mjs';
import { environment, playStart, program, REGISTER, tool } from '../tools.mjs';

export const title = 'The deep guard';

const ADDON = tool('native-lazy.node');
const CALLS = ['fork and execve', 'vfork and execve', 'posix_spawn', 'system', 'popen'];
const PRELOAD = ['--no-warnings', '--require', REGISTER];
const WAYS = {
  bare: { args: [] },
  'deep off': { args: PRELOAD },
  'deep on': { args: PRELOAD, env: { CLOSEFDS_DEEP: '1' } },
};

export async function run({ quick, folder, progress }) {
  progress('looks');
  const tables = [looks(quick)];
  progress('calls');
  tables.push(await calls(quick, progress));
  progress('start');
  tables.push(await starts(quick, folder));
  return { tables, notes: [NOTE] };
}

const NOTE =
  'The processes that native code makes run a shell that does nothing. "Added" is against bare Node, in neighbouring batches, as a median with its 95 % confidence interval. Nothing is listed for a report here, since there is no stray.';

function looks(quick) {
  const runs = Array.from({ length: quick ? 3 : 15 }, () =>
    JSON.parse(
      execFileSync(tool('close-launcher'), [process.execPath, program('walk.js'), '200'], {
        env: environment(),
        encoding: 'utf8',
      }),
    ),
  );
  const columns = [
    { title: 'objects', unit: 'count' },
    { title: 'first look, and arming', unit: 'ms' },
    { title: 'a later look', unit: 'ms' },
  ];
  const rows = [
    [runs[0].objects, spread(runs.map(({ first }) => first)), spread(runs.flatMap(({ again }) => again))],
  ];
  return { title: 'Looks at the loaded objects', columns, rows };
}

async function calls(quick, progress) {
  const rows = [];
  for (const call of CALLS) {
    progress(call);
    const player =
      ({ args, env }) =>
      () =>
        JSON.parse(
          execFileSync(
            tool('close-launcher'),
            [process.execPath, ...args, program('natively.js'), ADDON, call, '20'],
            {
              env: environment(env),
              encoding: 'utf8',
            },
          ),
        );
    const batches = await inTurns(mapValues(WAYS, player), { rounds: quick ? 5 : 40, warmUp: 1 });
    const [off, on] = ['deep off', 'deep on'].map(way => compare(batches[way], batches.bare));
    rows.push([call, compare(batches.bare, batches.bare).time.median, off.added, on.added, on.ratio]);
  }
  const columns = [
    { title: 'call' },
    { title: 'bare', unit: 'ms' },
    { title: 'added, deep off', unit: 'ms' },
    { title: 'added, deep on', unit: 'ms' },
    { title: 'deep on / bare', unit: 'ratio' },
  ];
  return { title: 'A process that native code makes', columns, rows };
}

async function starts(quick, folder) {
  const empty = path.join(folder, 'empty-deep.js');
  writeFileSync(empty, '');
  const player =
    ({ args, env }) =>
    () =>
      playStart([process.execPath, ...args, empty], env);
  const batches = await inTurns(mapValues(WAYS, player), { rounds: quick ? 10 : 60 });
  const [off, on] = ['deep off', 'deep on'].map(way => compare(batches[way], batches.bare));
  const rows = [[compare(batches.bare, batches.bare).time.median, off.added, on.added]];
  const columns = [
    { title: 'bare', unit: 'ms' },
    { title: 'added, deep off', unit: 'ms' },
    { title: 'added, deep on', unit: 'ms' },
  ];
  return { title: 'The start of a program that does nothing', columns, rows };
}
