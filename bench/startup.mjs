// What the preload adds to the start of a program: an empty preload against closefds, in turns.
//
//   npm run bench:startup -- [--rounds N] [NODE...]
//
// The difference of medians is what to look at: both sides load one file by --require.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '60' } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const nodes = positionals.length > 0 ? positionals : [process.execPath];

const folder = mkdtempSync(path.join(os.tmpdir(), 'closefds-bench-'));
const file = (name, text) => {
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
};
const preloads = {
  empty: file('empty.js', ''),
  closefds: path.join(root, 'dist', 'register', 'index.js'),
};
const programs = {
  'never spawns': file('never.js', ''),
  'loads child_process': file('loads.js', "require('node:child_process');"),
  'spawns once': file('once.js', "require('node:child_process').spawnSync('true');"),
};

if (!existsSync(preloads.closefds)) throw new Error('expected a build: npm run build');
console.log(`${rounds} rounds each, in turns; milliseconds, median [quartiles]\n`);
console.log(
  `${'Node'.padEnd(10)} ${'program'.padEnd(20)} ${'empty preload'.padEnd(24)} ${'closefds'.padEnd(24)} added`,
);
for (const node of nodes) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  for (const [title, program] of Object.entries(programs)) {
    const times = { empty: [], closefds: [] };
    for (let round = -3; round < rounds; round++) {
      for (const [name, preload] of Object.entries(preloads)) {
        const taken = time(node, preload, program);
        // The first few fill the page cache.
        if (round >= 0) times[name].push(taken);
      }
    }
    const [before, after] = [quartiles(times.empty), quartiles(times.closefds)];
    const added = after.median - before.median;
    console.log(
      `${version.padEnd(10)} ${title.padEnd(20)} ${show(before).padEnd(24)} ${show(after).padEnd(24)} ` +
        `${added.toFixed(1)} (${((added / before.median) * 100).toFixed(0)} %)`,
    );
  }
}
rmSync(folder, { recursive: true });

function time(node, preload, program) {
  const { NODE_OPTIONS, NODE_EXTRA_CA_CERTS, ...env } = process.env;
  const begin = process.hrtime.bigint();
  const { status } = spawnSync(node, ['--require', preload, program], { env, stdio: 'ignore' });
  if (status !== 0) throw new Error(`${node} --require ${preload} ${program} ended with ${status}`);
  return Number(process.hrtime.bigint() - begin) / 1e6;
}

function quartiles(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = share => sorted[Math.floor(share * (sorted.length - 1))];
  return { low: at(0.25), median: at(0.5), high: at(0.75) };
}

function show({ low, median, high }) {
  return `${median.toFixed(1)} [${low.toFixed(1)}, ${high.toFixed(1)}]`;
}
