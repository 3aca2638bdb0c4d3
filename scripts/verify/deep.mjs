// npm run verify:deep [-- COUNT]: the deep guard without Node, and races in Node.
//
// The C test runs as it is, with the undefined behaviour sanitizer, under valgrind, and for arm64 under qemu. In
// the races, COUNT processes (2,000 if not given; weekly, 20,000) of an addon by posix_spawn, and a tenth of that in each other
// way, are made while native threads open inheritable FDs. A process that gets one is a failure.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonSources } from '../../native/build.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const require = createRequire(import.meta.url);
const { LIST_FDS, REGISTER, tool } = require(path.join(root, 'dist', 'test', 'support', 'run.js'));
const { addonOf, BY_FORK, BY_OTHERS, NO_FDS } = require(
  path.join(root, 'dist', 'test', 'support', 'deep.js'),
);

const count = Number(process.argv[2] ?? 2000);
const folder = mkdtempSync(path.join(tmpdir(), 'closefds-deep-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let failures = 0;

const COMMON = ['-std=gnu11', '-O1', '-g', '-pthread', '-Wall', '-Wextra', '-Werror'];
// A child that is forked while another thread loads a library leaks what the loader had allocated.
const VALGRIND = ['valgrind', '--quiet', '--error-exitcode=9', '--leak-check=no', '--trace-children=no'];

const plain = compile('gcc', 'plain');
if (plain !== undefined) {
  test('the C test', plain);
  test('the C test, mprotect() is forbidden', plain, [], 'no-mprotect');
  if (has('valgrind')) test('the C test under valgrind', plain, VALGRIND, 'emulated');
}
// As with glibc before 2.34: libuv forks, and the call of a library is marked.
const older = compile('gcc', 'older', ['-DFIRST_WRAPPED_MINOR=99']);
if (older !== undefined) test('the C test as with an older glibc', older, [], 'marks');
const sanitized = compile('gcc', 'ubsan', ['-fsanitize=undefined', '-fno-sanitize-recover=all']);
if (sanitized !== undefined) test('the C test with the undefined behaviour sanitizer', sanitized);
if (has('aarch64-linux-gnu-gcc') && has('qemu-aarch64')) {
  const arm = compile('aarch64-linux-gnu-gcc', 'arm64', ['-mno-outline-atomics']);
  if (arm !== undefined)
    test('the C test for arm64', arm, ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu'], 'emulated');
}
for (const way of [...BY_OTHERS, ...BY_FORK])
  race(way, way === 'posix_spawn with actions' ? count : count / 10, 0);
race('posix_spawn with actions', count / 10, 3);
console.log(failures === 0 ? 'clean' : `${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;

/** The guard is a library beside the test, so that the test's own imports are replaced. */
function compile(compiler, name, flags = []) {
  if (!has(compiler)) return undefined;
  const file = part => path.join(folder, `${name}-${part}`);
  const sources = addonSources().filter(source => !source.endsWith('binding.c'));
  const test = name => path.join(root, 'test', 'native', name);
  const library = ['-fPIC', '-shared'];
  const steps = [
    [...library, '-Wl,-z,nodelete', '-o', file('guard.so'), ...sources],
    [...library, '-o', file('library.so'), test('native_library.c')],
    // A program that is not position-independent: other objects may hold the addresses of its stubs.
    [
      '-fno-pie',
      '-no-pie',
      '-Wl,-z,now',
      '-o',
      file('test'),
      test('deep_guard_test.c'),
      file('guard.so'),
      `-Wl,-rpath,${folder}`,
    ],
  ];
  const good = steps.every(step =>
    run(`${compiler}, ${name}`, compiler, [...COMMON, ...flags, ...step], false),
  );
  return good ? { program: file('test'), library: file('library.so') } : undefined;
}

function test(what, { program, library }, through = [], kind) {
  run(what, tool('clean-exec'), [
    ...through,
    program,
    LIST_FDS,
    library,
    ...(kind === undefined ? [] : [kind]),
  ]);
}

function race(way, processes, workers) {
  const program = path.join(root, 'test', 'fixtures', 'deep', 'race.js');
  const args = [addonOf('noplt'), NO_FDS, String(Math.ceil(processes)), '2', String(workers), way];
  const variables = ['CLOSEFDS_DEEP=1', 'CLOSEFDS_MODE=enforce', 'NODE_NO_WARNINGS=1'];
  const node = [process.execPath, '--require', REGISTER, program, ...args];
  const output = execFileSync(tool('clean-exec'), ['env', ...variables, ...node], { encoding: 'utf8' });
  const { processes: made, bad } = JSON.parse(output);
  if (bad > 0) failures++;
  const where = workers === 0 ? '' : `, with ${workers} workers`;
  console.log(`${bad === 0 ? 'ok    ' : 'FAILED'} ${way}${where}: ${bad} of ${made} processes had a stray`);
}

function run(what, file, args, isTold = true) {
  const { status, signal, stdout, stderr, error } = spawnSync(file, args, { encoding: 'utf8' });
  const good = status === 0;
  if (good && !isTold) return true;
  console.log(`${good ? 'ok    ' : 'FAILED'} ${what}`);
  if (good) return true;
  failures++;
  console.log(
    `${[file, ...args].join(' ')}\n${error?.message ?? signal ?? `exit code ${status}`}\n${stdout}${stderr}`,
  );
  return false;
}

function has(program) {
  if (spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0) return true;
  console.log(`--     ${program} is not installed: its checks are left out`);
  return false;
}
