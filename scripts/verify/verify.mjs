// npm run verify [-- --install]: the suites that take longer than `npm test`, one after the other.
//
// With --install, the suites that need other programs install them. The first failure ends the run,
// and the time of each suite is printed.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Both need a compiler and an emulator for arm64. */
const CROSS = ['verify:prebuilds', 'verify:install'];
const SUITES = [
  'verify:native',
  ...CROSS,
  'verify:hostile',
  'verify:addon',
  'verify:race',
  'verify:deep',
  'verify:endurance',
  'verify:conformance',
  'verify:managers',
  'verify:matrix',
  'verify:packages',
  'verify:browser',
];
const INSTALLING = ['verify:packages', 'verify:browser'];
const install = process.argv.includes('--install');
const wrong = process.argv.slice(2).filter(arg => arg !== '--install');
if (wrong.length > 0) {
  console.error(`verify: expected --install or nothing, found ${wrong.join(' ')}`);
  process.exit(2);
}

const minutes = [];
const canCross = has('aarch64-linux-gnu-gcc') && has('qemu-aarch64');
for (const suite of SUITES) {
  if (!canCross && CROSS.includes(suite)) continue;
  const args = ['run', suite, ...(install && INSTALLING.includes(suite) ? ['--', '--install'] : [])];
  const start = Date.now();
  const { status } = spawnSync('npm', args, { cwd: root, stdio: 'inherit' });
  minutes.push(`${suite.slice('verify:'.length)} ${((Date.now() - start) / 60_000).toFixed(1)}`);
  if (status !== 0) {
    console.error(`verify: ${suite} failed (minutes: ${minutes.join(', ')})`);
    process.exit(status ?? 1);
  }
}
console.log(`verify: all suites passed (minutes: ${minutes.join(', ')})`);
if (!canCross)
  console.log(
    `SKIPPED ${CROSS.length}: ${CROSS.join(', ')} (aarch64-linux-gnu-gcc or qemu-aarch64 is not installed)`,
  );

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}
