// npm run verify:native: native/ under every check that is installed here.
//
// Compiles without a warning (gcc, clang), gcc's analyzer has nothing to say, and the C test runs
// clean under valgrind and the sanitizers, with close_range and with each of its fallbacks. What
// is not installed is named, not fetched.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonSources } from '../../native/build.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { include_dir: headers } = createRequire(import.meta.url)('node-api-headers');
const build = mkdtempSync(path.join(tmpdir(), 'closefds-native-'));
process.on('exit', () => rmSync(build, { recursive: true, force: true }));

const source = name => path.join(root, name);
const STRICT = ['-std=c11', '-O2', '-g', '-fPIC', '-pthread', '-Wall', '-Wextra', '-Werror'];
const SOURCES = addonSources();
/** Everything but N-API. */
const SYSTEM_CODE = SOURCES.filter(file => !file.endsWith('binding.c'));
const STRACE_PRELOAD = source('native/strace_preload.c');
const DEEP_PROBE = source('native/deep_probe.c');
const ADDON = [
  ...STRICT,
  '-DNAPI_VERSION=8',
  '-isystem',
  headers,
  '-shared',
  '-o',
  path.join(build, 'addon'),
];
const WORLDS = [
  [],
  ['close_range=EPERM'],
  ['close_range=EINVAL,pselect6=EPERM'],
  ['close_range=ENOSYS,pselect6=EPERM,getdents64=EPERM'],
];
const TIDY = [
  '-*',
  'clang-analyzer-*',
  'bugprone-*',
  'cert-*',
  'concurrency-*',
  'performance-*',
  'portability-*',
  // memcpy_s() and its like exist in no C library that Node runs on.
  '-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling',
  // _GNU_SOURCE
  '-bugprone-reserved-identifier,-cert-dcl37-c,-cert-dcl51-cpp',
  // keep and sources: the order is that of the header.
  '-bugprone-easily-swappable-parameters',
];
/** In the tables of an ELF object, addresses are integers. */
const READS_TABLES = ['-performance-no-int-to-ptr'];
/** Checks that a file cannot pass, by its name. */
const TIDY_EXCEPT = {
  // It reads the environment and /proc before strace begins, so before it can have threads.
  'strace_preload.c': ['-concurrency-mt-unsafe'],
  'code_objects.c': READS_TABLES,
  'elf_object.c': READS_TABLES,
  'fork_calls.c': READS_TABLES,
  'imports.c': READS_TABLES,
  // Arguments of the macros are types.
  'exec_calls.c': ['-bugprone-macro-parentheses'],
  // It makes processes in each way that an addon may use.
  'deep_probe.c': ['-cert-env33-c', '-concurrency-mt-unsafe', '-clang-analyzer-security.insecureAPI.vfork'],
};
/** For `clang --analyze`. */
const ANALYZE_EXCEPT = {
  'deep_probe.c': ['-Xanalyzer', '-analyzer-disable-checker=security.insecureAPI.vfork'],
};
const VALGRIND = [
  'valgrind',
  '--quiet',
  '--error-exitcode=9',
  '--leak-check=full',
  '--track-fds=no',
  '--trace-children=no',
];
const SANITIZE = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];
let failures = 0;
let missing = 0;

for (const compiler of ['gcc', 'clang']) {
  if (!has(compiler)) continue;
  run(`${compiler}, no warning`, compiler, [...ADDON, '-Wshadow', '-Wpointer-arith', ...SOURCES]);
  run(`${compiler}, other systems`, compiler, [...ADDON, '-U__linux__', ...SOURCES]);
  for (const file of [STRACE_PRELOAD, DEEP_PROBE])
    run(`${compiler}, no warning, ${path.basename(file)}`, compiler, [
      ...ADDON,
      '-Wshadow',
      '-Wpointer-arith',
      file,
    ]);
}
if (has('clang')) {
  const analyzer = ['--analyze', '-Xanalyzer', '-analyzer-werror', '-Xanalyzer', '-analyzer-output=text'];
  const headers = ADDON.slice(ADDON.indexOf('-DNAPI_VERSION=8'), ADDON.indexOf('-shared'));
  for (const file of [...SOURCES, STRACE_PRELOAD, DEEP_PROBE]) {
    const name = path.basename(file);
    run(`clang --analyze ${name}`, 'clang', [
      ...analyzer,
      ...(ANALYZE_EXCEPT[name] ?? []),
      '-std=c11',
      ...headers,
      file,
    ]);
    if (has('clang-tidy'))
      run(`clang-tidy ${name}`, 'clang-tidy', [...tidyFor(file), file, '--', '-std=c11', ...headers]);
  }
}
if (has('gcc')) {
  // The analyzer's findings are warnings; the test is not part of what it judges.
  for (const file of [...SOURCES, STRACE_PRELOAD, DEEP_PROBE])
    run(`gcc -fanalyzer ${path.basename(file)}`, 'gcc', [...ADDON, '-fanalyzer', '-c', file]);
  memoryChecks('gcc');
  stracePreloadChecks('gcc');
}
console.log(
  `${failures === 0 ? 'clean' : `${failures} failed`}${missing === 0 ? '' : `; ${missing} not installed`}`,
);
process.exitCode = failures === 0 ? 0 : 1;

function tidyFor(file) {
  const checks = [...TIDY, ...(TIDY_EXCEPT[path.basename(file)] ?? [])];
  return ['--quiet', '--warnings-as-errors=*', `--checks=${checks.join()}`];
}

function memoryChecks(compiler) {
  const plain = compileTest(compiler, 'plain', []);
  if (plain && has('valgrind')) {
    // Children that exec are another program's; what is still reachable at the end is the registry.
    // The last asks for a million numbers at each step, which takes valgrind minutes.
    for (const world of WORLDS.slice(0, -1)) runTest('valgrind', world, [...VALGRIND, plain]);
  }
  const sanitized = compileTest(compiler, 'sanitized', SANITIZE);
  if (sanitized) for (const world of WORLDS) runTest('address and undefined sanitizers', world, [sanitized]);
  const threads = compileTest(compiler, 'threads', ['-fsanitize=thread']);
  // A listing asks about numbers that another thread may be closing: a race it is made for.
  const suppressions = path.join(build, 'suppressions');
  writeFileSync(suppressions, 'race:fstat\nrace:fcntl\n');
  const options = `TSAN_OPTIONS=suppressions=${suppressions}`;
  if (threads) runTest('thread sanitizer', [], ['env', options, threads]);
}

/** The library for strace, linked with a test that has FDs 5 and 7. */
function stracePreloadChecks(compiler) {
  const test = (name, flags) =>
    compileTest(compiler, name, flags, [source('test/native/strace_preload_test.c'), STRACE_PRELOAD]);
  const start = 'exec 5</dev/zero 7</dev/zero; CLOSEFDS_LD_PRELOAD=before exec "$@"';
  const given = (...program) => ['-c', start, 'bash', ...program];
  const plain = test('strace-preload', []);
  if (plain && has('valgrind')) run('valgrind, strace_preload.c', 'bash', given(...VALGRIND, plain));
  const sanitized = test('strace-preload-sanitized', SANITIZE);
  if (sanitized) run('address and undefined sanitizers, strace_preload.c', 'bash', given(sanitized));
}

function compileTest(
  compiler,
  name,
  flags,
  files = [source('test/native/stray_guard_test.c'), ...SYSTEM_CODE],
) {
  const output = path.join(build, name);
  const compiled = run(`compile the test, ${name}`, compiler, [
    ...STRICT,
    '-O1',
    ...flags,
    '-o',
    output,
    ...files,
  ]);
  return compiled ? output : undefined;
}

function runTest(what, world, command) {
  const list = source('build/list-fds');
  const through = world.length === 0 ? [] : [source('build/deny'), ...world];
  const [file, ...args] = [source('build/clean-exec'), ...through, ...command, list];
  run(`${what}${world.length === 0 ? '' : `, ${world}`}`, file, args);
}

function run(what, file, args) {
  const { status, signal, stdout, stderr, error } = spawnSync(file, args, { encoding: 'utf8' });
  const output = `${stdout ?? ''}${stderr ?? ''}`.trim();
  const good = status === 0;
  console.log(`${good ? 'ok    ' : 'FAILED'} ${what}`);
  if (!good) {
    failures++;
    console.log(
      `${[file, ...args].join(' ')}\n${error?.message ?? signal ?? `exit code ${status}`}\n${output}`,
    );
  }
  return good;
}

function has(program) {
  if (spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0) return true;
  console.log(`--     ${program} is not installed: its checks are left out`);
  missing++;
  return false;
}
