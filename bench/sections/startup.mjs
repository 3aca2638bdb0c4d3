// What the preload adds to the start of a program.

import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { fetchNodes } from '../../scripts/verify/fetch-nodes.mjs';
import { compare, inTurns } from '../harness.mjs';
import { mapValues } from '../numbers.mjs';
import { BUILTINS, LOADING_BUILTINS, playStart, REGISTER } from '../tools.mjs';

export const title = 'Start-up';

const MAJORS = [20, 24, 26];

const PROGRAMS = {
  'never-spawns.js': '',
  'never-spawns.mjs': '',
  'spawns-once.js': "require('node:child_process').spawnSync('true');",
  'spawns-once.mjs': "import { spawnSync } from 'node:child_process';\nspawnSync('true');",
  'loads-http.js': "require('node:http');",
  'loads-http.mjs': "import 'node:http';",
};

export async function run({ quick, folder, progress }) {
  const file = (name, text) => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const preloads = {
    empty: file('empty.js', ''),
    builtins: file('builtins.js', LOADING_BUILTINS),
    closefds: REGISTER,
  };
  const programs = Object.entries(PROGRAMS).filter(([name]) => !quick || name.endsWith('.js'));
  const nodes = quick ? new Map([[process.versions.node, process.execPath]]) : await fetchNodes(MAJORS);
  const rows = [];
  for (const [version, node] of nodes) {
    for (const [name, text] of programs) {
      progress(`Node ${version}, ${name}`);
      const batches = await inTurns(playersOf(node, preloads, file(name, text)), {
        rounds: quick ? 12 : 40,
      });
      const [builtins, closefds] = ['builtins', 'closefds'].map(preload =>
        compare(batches[preload], batches.empty),
      );
      const { time, cpu } = compare(batches.empty, batches.empty);
      const own = compare(batches.closefds, batches.builtins);
      const added = [builtins.addedCpu, closefds.addedCpu, own.addedCpu, closefds.added];
      rows.push([version, name, time.median, cpu.median, ...added]);
    }
  }
  return {
    tables: [{ title: 'Milliseconds from the start of Node to its end', columns: COLUMNS, rows }],
    notes: [NOTE],
  };
}

const COLUMNS = [
  { title: 'Node' },
  { title: 'program' },
  { title: 'empty preload', unit: 'ms' },
  { title: 'CPU', unit: 'ms' },
  { title: 'CPU added by the builtins alone', unit: 'ms' },
  { title: 'CPU added by closefds', unit: 'ms' },
  { title: 'of that its own', unit: 'ms' },
  { title: 'time added by closefds', unit: 'ms' },
];

const NOTE = `Each program is started with an empty file by \`--require\`, with a file that only requires what closefds needs of Node (${BUILTINS.map(name => `\`node:${name}\``).join(', ')}), and with closefds. "Its own" is closefds against that second file. A program that has loaded those modules anyway, as one with \`node:http\` has most of, pays little more than that.`;

function playersOf(node, preloads, program) {
  return mapValues(preloads, preload => () => playStart([node, '--require', preload, program]));
}
