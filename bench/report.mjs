// Measures time and memory of `closefds report` for a million lines.
//
//   node bench/report.mjs [--lines N] [--groups N] [--rounds N] [--keep FILE]
//
// The lines are like those of processes: a first record for each group and process, then counts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeReport } from './write-report.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '1000000' },
    groups: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    keep: { type: 'string' },
  },
});
const [lines, groups, rounds] = [values.lines, values.groups, values.rounds].map(Number);
const CLI = path.join(root, 'dist', 'src', 'cli', 'main.js');
if (!existsSync(CLI)) throw new Error('expected a build: npm run build');

const folder = mkdtempSync(path.join(os.tmpdir(), 'closefds-bench-'));
const file = values.keep ?? path.join(folder, 'findings.ndjson');
writeReport(file, { lines, groups });
const megabytes = statSync(file).size / 2 ** 20;
console.log(
  `${lines.toLocaleString('en')} lines, ${megabytes.toFixed(0)} MB, ${groups} groups; Node ${process.version}\n`,
);
const BASE = `
  let count = 0;
  require('node:readline')
    .createInterface({ input: require('node:fs').createReadStream(process.argv[1], { highWaterMark: 2 ** 20 }) })
    .on('line', line => { count += JSON.parse(line).count; });
`;
const PROGRAMS = {
  'JSON.parse alone': ['-e', BASE, file],
  'report, text': [CLI, 'report', '--format', 'text', file],
  'report, json': [CLI, 'report', '--format', 'json', file],
  'report, html': [CLI, 'report', '--html', path.join(folder, 'report.html'), file],
};

// In turns, so that a busy phase of the machine affects all of them.
const runs = Object.fromEntries(Object.keys(PROGRAMS).map(title => [title, []]));
for (let round = 0; round < rounds; round++)
  for (const [title, args] of Object.entries(PROGRAMS)) runs[title].push(run(args));
console.log(`${''.padEnd(18)} seconds   of CPU   MB of memory`);
for (const [title, all] of Object.entries(runs)) {
  const columns = ['seconds', 'cpu', 'memory'].map(key => median(all.map(one => one[key])));
  const [seconds, cpu, memory] = columns;
  console.log(
    `${title.padEnd(18)} ${seconds.toFixed(2).padStart(7)} ${cpu.toFixed(2).padStart(8)} ${memory.toFixed(0).padStart(14)}`,
  );
}
rmSync(folder, { recursive: true });

/** CPU time, because other programs on the machine affect the clock. */
function run(args) {
  const probe = `process.on('exit', () => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    process.stderr.write(JSON.stringify({ memory: maxRSS / 1024, cpu: (userCPUTime + systemCPUTime) / 1e6 }));
  })`;
  const begin = process.hrtime.bigint();
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(probe)}`, ...args],
    { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  if (status !== 0) throw new Error(`${args[0]} ended with ${status}: ${stderr}`);
  return { seconds, ...JSON.parse(stderr) };
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];
}
