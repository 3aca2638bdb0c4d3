// npm run verify [-- --install]: the suites that take longer than `npm test`.
//
// With --install, the suites that need other programs install them. Suites that keep one core busy run in two lanes,
// the others alone; what a suite prints comes at its end, with its minutes. After a failure no suite is started.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Both need a compiler and an emulator for arm64. */
const CROSS = ['verify:prebuilds', 'verify:install'];

/** Suites that run side by side, the longest ones first.. */
const ONE_CORE = [
  'verify:install',
  'verify:addon',
  'verify:hostile',
  'verify:managers',
  'verify:native',
  'verify:prebuilds',
];

/** These keep all cores busy, and some find races, which a busy machine would hide. */
const ALL_CORES = [
  'verify:race',
  'verify:deep',
  'verify:endurance',
  'verify:conformance',
  'verify:matrix',
  'verify:packages',
  'verify:browser',
];
const INSTALLING = ['verify:packages', 'verify:browser'];
const LANES = 2;

const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const install = process.argv.includes('--install');
const wrong = process.argv.slice(2).filter(arg => arg !== '--install');
if (wrong.length > 0) {
  console.error(`verify: expected --install or nothing, found ${wrong.join(' ')}`);
  process.exit(2);
}

const canCross = has('aarch64-linux-gnu-gcc') && has('qemu-aarch64');
const minutes = [];
const failed = [];

// Once, and not by the suites' own pre scripts: two lanes would build the same.
for (const part of ['test-tools', ...(canCross ? ['prebuilds', 'sbom'] : [])]) {
  const { status } = spawnSync('npm', ['run', `build:${part}`], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
await inLanes(ONE_CORE.filter(isPossible), LANES);
await inLanes(ALL_CORES, 1);

console.log(`verify: minutes: ${minutes.join(', ')}`);
if (failed.length > 0) {
  console.error(`verify: ${failed.join(' and ')} failed`);
  process.exitCode = 1;
} else if (!canCross) {
  const reason = 'aarch64-linux-gnu-gcc or qemu-aarch64 is not installed';
  console.log(`SKIPPED ${CROSS.length}: ${CROSS.join(', ')} (${reason})`);
}

async function inLanes(suites, lanes) {
  const queue = [...suites];
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (queue.length > 0 && failed.length === 0) await runSuite(queue.shift());
    }),
  );
}

async function runSuite(suite) {
  const start = Date.now();
  const isInstalling = install && INSTALLING.includes(suite);
  const { code, output } = await outputOf(`${scripts[suite]}${isInstalling ? ' --install' : ''}`);
  const took = ((Date.now() - start) / 60_000).toFixed(1);
  minutes.push(`${suite.slice('verify:'.length)} ${took}`);
  process.stdout.write(
    `${output}\nverify: ${suite} ${code === 0 ? 'passed' : 'FAILED'} after ${took} minutes\n`,
  );
  if (code !== 0) failed.push(suite);
}

/** Runs the command of a script as npm does. `npm run --ignore-scripts` would tell each npm below it, too. */
function outputOf(command) {
  const env = { ...process.env, PATH: `${path.join(root, 'node_modules', '.bin')}:${process.env.PATH}` };
  return new Promise((resolve, reject) => {
    const child = spawn(command, { cwd: root, env, shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => output.push(chunk));
    child.on('error', reject);
    child.on('close', code => resolve({ code, output: Buffer.concat(output) }));
  });
}

function isPossible(suite) {
  return canCross || !CROSS.includes(suite);
}

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}
