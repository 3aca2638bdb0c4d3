// npm run verify:prebuilds: the addons that the package brings, each in a process of its C library
// and architecture.
//
// Two builds give the same bytes; no old system's C library is too old; a
// process that forks sees the FDs of its child (test/native/napi_host.c, under qemu and musl's own
// loader where the machine is another); a real Node for arm64 spawns.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonFile, stracePreloadFile } from '../../native/build.mjs';
import { buildPrebuilds, compilerFor, systemFor, TARGETS } from '../release/prebuilds.mjs';
import { fetchNode } from './fetch-nodes.mjs';

/** What the oldest system has that Node itself still runs on. */
const OLDEST_GLIBC = '2.17';

const EXPECTED = `without: [0,1,2,20]
strays: 20 (at start) 200
kept: [0,1,2,20]
kept, but another file by now: [0,1,2]
none: [0,1,2]
by default: [0,1,2]
covered: yes, and back: yes
spawning by 1, way 1
`;

/**
 * With a newer glibc, the imports of the library have wrappers, and those of Node need none. Elsewhere libuv
 * forks, and a call of a library is marked.
 */
const EXPECTED_DEEP = {
  glibc: `deep, stage 2, denied 0
vfork: [0,1,2,21]
system of a library: [0,1,2]
marked for it: 0
`,
  musl: `deep, stage 1, denied 0
vfork: [0,1,2]
system of a library: [0,1,2]
marked for it: 1
`,
};

const PROGRAM = `
  const { spawnSync } = require('node:child_process');
  const { stdout } = spawnSync(process.argv[1], ['1', '1000']);
  const { strayGuard } = globalThis[Symbol.for('closefds.installed')];
  process.stdout.write([process.arch, strayGuard.way(), stdout].join(' '));
`;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { include_dir: headers } = createRequire(import.meta.url)('node-api-headers');
const folder = mkdtempSync(path.join(tmpdir(), 'closefds-prebuilds-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const tool = name => path.join(root, 'build', name);
let failures = 0;

// Those of the package, since the preload of the real Node looks there.
const once = TARGETS.map(target => addonFile(target));
const again = buildPrebuilds(path.join(folder, 'again'));
for (const [index, target] of TARGETS.entries()) {
  const title = `${target.arch}, ${target.libc}`;
  const stracePreload = stracePreloadFile(target);
  const stracePreloadAgain = stracePreloadFile(target, path.join(folder, 'again'));
  expect(`${title}: two builds are alike`, sameBytes(once[index], again[index]), true);
  expect(`${title}: and two of strace-preload`, sameBytes(stracePreload, stracePreloadAgain), true);
  if (target.libc === 'glibc') {
    expect(`${title}: no newer glibc than ${OLDEST_GLIBC}`, tooNew(once[index]), '');
    expect(`${title}: nor in strace-preload`, tooNew(stracePreload), '');
  }
  const host = compileHost(target);
  expect(
    `${title}: a process of its own kind`,
    output([...host, once[index], tool('list-fds'), compileLibrary(target)]),
    EXPECTED + EXPECTED_DEEP[target.libc],
  );
}
await realNode('arm64', 22);
console.log(failures === 0 ? 'clean' : `${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;

function sameBytes(one, other) {
  return readFileSync(one).equals(readFileSync(other));
}

/** The versions of glibc's symbols that are newer than the oldest system's, with the symbols. */
function tooNew(addon) {
  const symbols = execFileSync('readelf', ['--dyn-syms', '--wide', addon], { encoding: 'utf8' });
  const wanted = [...symbols.matchAll(/UND (\w+)@GLIBC_([\d.]+)/g)];
  if (wanted.length === 0) return 'no symbol of glibc was found';
  return wanted
    .filter(([, , version]) => version.localeCompare(OLDEST_GLIBC, 'en', { numeric: true }) > 0)
    .map(([, name, version]) => `${name} needs ${version}`)
    .join(', ');
}

/** Returns the command that runs it. */
function compileHost(target) {
  const { compiler, flags } = compilerFor(target);
  const host = path.join(folder, `host-${target.arch}-${target.libc}`);
  const source = path.join(root, 'test', 'native', 'napi_host.c');
  const strict = ['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-DNAPI_VERSION=8', '-isystem', headers];
  execFileSync(compiler, [...strict, '-rdynamic', ...flags, '-o', host, source, '-ldl'], {
    stdio: 'inherit',
  });
  const { emulator, loader } = systemFor(target);
  return [...emulator, ...loader, host];
}

function compileLibrary(target) {
  const { compiler, flags } = compilerFor(target);
  const library = path.join(folder, `library-${target.arch}-${target.libc}.so`);
  const source = path.join(root, 'test', 'native', 'native_library.c');
  execFileSync(compiler, ['-std=c11', '-fPIC', '-shared', ...flags, '-o', library, source], {
    stdio: 'inherit',
  });
  return library;
}

async function realNode(arch, major) {
  const { emulator } = systemFor({ platform: 'linux', arch, libc: 'glibc' });
  if (emulator.length === 0) return;
  const node = await fetchNode(major, arch);
  const register = path.join(root, 'dist', 'register', 'index.js');
  // Inherited behind a gap, so Node does not mark it.
  const inheriting = ['bash', '-c', 'exec 200<>/dev/null; exec "$@"', 'bash'];
  for (const [mode, expected] of [
    ['warn', 'nothing [0,1,2,200]'],
    ['enforce', 'close_range [0,1,2]'],
  ]) {
    const settings = ['env', `CLOSEFDS_MODE=${mode}`, 'NODE_NO_WARNINGS=1'];
    const program = [node, '--require', register, '-e', PROGRAM, tool('list-fds')];
    expect(
      `${arch}: Node ${major} and the preload, ${mode}`,
      output([...inheriting, ...settings, ...emulator, ...program]),
      `${arch} ${expected}\n`,
    );
  }
}

/** From a clean table of FDs; what went wrong stands behind what was printed. */
function output(command) {
  const { status, stdout, stderr, error } = spawnSync(tool('clean-exec'), command, { encoding: 'utf8' });
  return status === 0 ? stdout : `${stdout}${stderr}${error?.message ?? `exit code ${status}`}`;
}

function expect(what, found, expected) {
  const good = found === expected;
  console.log(`${good ? 'ok    ' : 'FAILED'} ${what}`);
  if (good) return;
  failures++;
  console.log(`expected ${JSON.stringify(expected)}\nfound    ${JSON.stringify(found)}`);
}
