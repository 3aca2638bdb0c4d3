// npm run verify:addon [-- TEST...]: the addon under sanitizers, in a real Node, with the real tests.
//
// A copy of the package gets an addon that is compiled with the address and undefined behaviour
// sanitizers, and the tests that are about it (or those that are named) run there.
// Node itself is not instrumented, so leaks are left to the C test: what Node still holds at its
// end would drown ours. With valgrind, one program runs, and errors count where the addon is on
// the stack: V8 does much on purpose that valgrind does not like.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonSources } from '../../native/build.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { include_dir: headers } = createRequire(import.meta.url)('node-api-headers');
const folder = mkdtempSync(path.join(tmpdir(), 'closefds-addon-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** The tests of the addon. The whole suite would take hours and would not test the addon more. */
const ABOUT = [
  'hostile-environments',
  'spawn',
  'strays/spawn-method',
  'strays/stray-scan',
  'hooks/worker',
  'hooks/native-spawners',
  'faults',
];
const tests = process.argv.length > 2 ? process.argv.slice(2) : ABOUT;
const addon = path.join('prebuilds', `${process.platform}-${process.arch}`, 'closefds.glibc.node');
const FLAGS = ['-std=c11', '-O1', '-g', '-fPIC', '-pthread', '-fno-omit-frame-pointer', '-DNAPI_VERSION=8'];
const LINK = ['-isystem', headers, '-shared', '-Wl,-z,nodelete'];
const SANITIZE = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const PROGRAM = `
  const { execFile, execFileSync, spawnSync } = require('node:child_process');
  const { Worker } = require('node:worker_threads');
  const [, , addon, list] = process.argv;
  require(addon).open('/dev/zero', 40);
  const fds = [String(execFileSync(list, ['1', '100'])), String(spawnSync(list, ['1', '100'], { stdio: ['ignore', 'pipe', 'inherit', 40] }).stdout)];
  new Worker(\`require('node:child_process').spawnSync('true')\`, { eval: true }).on('exit', () =>
    execFile(list, ['1', '100'], (error, stdout) => process.stdout.write([...fds, stdout].join(''))));
`;

let failures = 0;

const copy = copyPackage();
sanitized();
underValgrind();
process.exitCode = failures === 0 ? 0 : 1;

function copyPackage() {
  const to = path.join(folder, 'closefds');
  const parts = [
    'dist',
    'build',
    'test',
    'docs',
    'native',
    'package.json',
    'config.schema.json',
    'ava.config.mjs',
  ];
  for (const part of parts) cpSync(path.join(root, part), path.join(to, part), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(to, 'node_modules'));
  mkdirSync(path.dirname(path.join(to, addon)), { recursive: true });
  return to;
}

function compile(...flags) {
  const sources = addonSources();
  const { status, stderr } = spawnSync(
    'gcc',
    [...FLAGS, ...flags, ...LINK, '-o', path.join(copy, addon), ...sources],
    { encoding: 'utf8' },
  );
  if (status === 0) return true;
  failures++;
  console.log(`FAILED compiling the addon\n${stderr}`);
  return false;
}

function sanitized() {
  if (!has('gcc') || !compile(...SANITIZE)) return;
  const library = spawnSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim();
  const logs = path.join(folder, 'logs');
  mkdirSync(logs);
  const asan = `detect_leaks=0:log_path=${logs}/asan`;
  const ubsan = `print_stacktrace=1:log_path=${logs}/ubsan`;
  // And by function: where /proc is hidden, the library cannot read the environment.
  const options = path.join(copy, 'build', 'options.so'); // there, a chroot of the tests has it, too
  writeFileSync(
    `${options}.c`,
    `const char *__asan_default_options(void) { return "verify_asan_link_order=0:${asan}"; }
     const char *__ubsan_default_options(void) { return "${ubsan}"; }`,
  );
  spawnSync('gcc', ['-shared', '-fPIC', '-o', options, `${options}.c`], { stdio: 'inherit' });
  // Also for users without rights.
  chmodSync(folder, 0o755);
  chmodSync(logs, 0o777);
  const env = {
    ...process.env,
    CLOSEFDS_TEST_PRELOAD: `${options} ${library}`,
    ASAN_OPTIONS: `verify_asan_link_order=0:${asan}`,
    UBSAN_OPTIONS: ubsan,
  };

  const ava = path.join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
  const files = tests.map(name => path.join('dist', 'test', `${name}.test.js`));
  const args = [ava, '--timeout=10m', '--concurrency=1', ...files];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const found = readdirSync(logs).map(name => readFileSync(path.join(logs, name), 'utf8'));
  tell(
    `address and undefined sanitizers, tests of ${tests.join(', ')}: ${/\d+ tests? passed/.exec(stdout)?.[0] ?? 'none passed'}`,
    status === 0 && found.length === 0,
    `${found.join('\n')}\n${status === 0 ? '' : `${stdout}${stderr}`}`,
  );
}

function underValgrind() {
  if (!has('valgrind') || !compile()) return;
  const program = path.join(folder, 'program.js');
  const log = path.join(folder, 'valgrind.log');
  writeFileSync(program, PROGRAM);
  const register = path.join(copy, 'dist', 'register', 'index.js');
  const build = name => path.join(root, 'build', name);
  const valgrind = ['valgrind', '--trace-children=no', '--num-callers=40', `--log-file=${log}`];
  const node = [process.execPath, '--require', register, program, build('leak.node'), build('list-fds')];
  const env = { ...process.env, NODE_NO_WARNINGS: '1' };
  const { status, stdout, stderr } = spawnSync(build('clean-exec'), [...valgrind, ...node], {
    encoding: 'utf8',
    env,
  });
  const blocks = readFileSync(log, 'utf8')
    .replace(/^==\d+== ?/gm, '')
    .split(/\n\s*\n/);
  const ours = blocks.filter(block => /closefds\.glibc\.node|stray_guard|binding\.c/.test(block));
  const good = status === 0 && stdout === '[0,1,2]\n'.repeat(3) && ours.length === 0;
  tell('valgrind, a program in Node', good, `${ours.join('\n\n')}\n${stdout}${stderr}`);
}

function tell(what, good, detail) {
  console.log(`${good ? 'ok    ' : 'FAILED'} ${what}`);
  if (good) return;
  failures++;
  console.log(detail);
}

function has(program) {
  if (spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0) return true;
  console.log(`--     ${program} is not installed: its checks are left out`);
  return false;
}
