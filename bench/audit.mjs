// Measures what an audit costs a spawn: runs a program alone, in mode `warn` and under the audit, in turns.
//
//   npm run bench:audit -- [--rounds N] [--spawns N]
//
// Each run prints the median of its spawns. Ratios are medians over pairs of runs that follow each other, so
// that a busy phase of the machine affects both.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, spawns: { type: 'string', default: '30' } },
});
const rounds = Number(values.rounds);

const cli = path.join(root, 'dist', 'src', 'cli', 'main.js');
if (!existsSync(cli)) throw new Error('expected a build: npm run build');
const folder = mkdtempSync(path.join(os.tmpdir(), 'closefds-bench-'));

const WAYS = {
  alone: [],
  warn: [cli, 'run', '--mode', 'warn', '--', process.execPath],
  audit: [cli, 'audit', '--', process.execPath],
};

/** The child, what passes, and how many spawns make a run. /dev/zero is a file like any other. */
const CASES = {
  'true, nothing passes': { child: ['true'], passes: false },
  'true, an FD passes': { child: ['true'], passes: true },
  'an FD passes, 100,000 calls': {
    child: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=1', 'count=50000'],
    passes: true,
    spawns: 3,
  },
  'an FD passes, only computing': {
    child: ['sh', '-c', 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'],
    passes: true,
    spawns: 3,
  },
  'node, a message channel': { child: [process.execPath, '-e', '0'], passes: 'ipc', spawns: 5 },
};

console.log(
  `${rounds} rounds each, in turns; milliseconds a spawn, median of medians; ratio: median of pairs\n`,
);
console.log(
  `${'child'.padEnd(32)}${'alone'.padEnd(10)}${'warn'.padEnd(10)}${'audit'.padEnd(10)}audit / alone`,
);
for (const [title, { child, passes, spawns = Number(values.spawns) }] of Object.entries(CASES)) {
  const program = path.join(folder, 'program.js');
  writeFileSync(program, text(child, passes, spawns));
  const times = { alone: [], warn: [], audit: [] };
  for (let round = -1; round < rounds; round++)
    for (const way of Object.keys(WAYS)) {
      const taken = run(WAYS[way], program);
      // The first run fills the page cache.
      if (round >= 0) times[way].push(taken);
    }
  const ratio = median(times.audit.map((taken, index) => taken / times.alone[index]));
  const cells = Object.values(times).map(list => median(list).toFixed(2).padEnd(10));
  console.log(`${title.padEnd(32)}${cells.join('')}${ratio.toFixed(2)}`);
}
rmSync(folder, { recursive: true });

/** /dev/zero, because /dev/null is allowed by default. */
function text(child, passes, spawns) {
  const slot = { true: 'fs.openSync("/dev/zero")', false: '"ignore"', ipc: '"ipc"' }[passes];
  return `
    const cp = require('node:child_process');
    const fs = require('node:fs');
    const [file, ...args] = ${JSON.stringify(child)};
    const stdio = ['ignore', 'ignore', 'ignore', ${slot}];
    const times = [];
    (async () => {
      for (let i = -2; i < ${spawns}; i++) {
        const begin = process.hrtime.bigint();
        await new Promise(resolve => cp.spawn(file, args, { stdio }).on('exit', resolve));
        if (i >= 0) times.push(Number(process.hrtime.bigint() - begin) / 1e6);
      }
      process.stdout.write(String(times.sort((a, b) => a - b)[times.length >> 1]));
    })();`;
}

function run(way, program) {
  const { NODE_OPTIONS, ...env } = process.env;
  const options = {
    env: { ...env, NODE_NO_WARNINGS: '1' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  };
  // Without the FDs that a terminal or an editor leaves open.
  return Number(
    execFileSync(path.join(root, 'build', 'clean-exec'), [process.execPath, ...way, program], options),
  );
}

function median(list) {
  return list.toSorted((a, b) => a - b)[list.length >> 1];
}
