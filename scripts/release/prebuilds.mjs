// npm run build:prebuilds: the addon for every system that the package brings one for.
//
//   npm run build:prebuilds [-- --check]
//
// `--check` compiles nothing and tells whether all are there. The compilers are Debian's
// (gcc-aarch64-linux-gnu and gcc-x86-64-linux-gnu, each on the other's machine); musl comes out of
// Debian's packages of the target's architecture, unpacked into .cache/musl, not installed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import {
  addonFile,
  compileAddon,
  compileProbe,
  compileStracePreload,
  probeFile,
  stracePreloadFile,
} from '../../native/build.mjs';

const CACHE = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '.cache', 'musl');

const ARCHITECTURES = {
  x64: {
    debian: 'amd64',
    machine: 'x86_64',
    packages: process.arch === 'x64' ? 'gcc' : 'gcc-x86-64-linux-gnu',
  },
  arm64: {
    debian: 'arm64',
    machine: 'aarch64',
    packages: process.arch === 'arm64' ? 'gcc' : 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
  },
};

export const TARGETS = Object.keys(ARCHITECTURES).flatMap(arch =>
  ['glibc', 'musl'].map(libc => ({ platform: 'linux', arch, libc })),
);

/** Compiles all into `folder`; the files of the four, in the order of TARGETS. */
export function buildPrebuilds(folder) {
  return TARGETS.map(target => {
    const output = addonFile(target, folder);
    try {
      compileAddon({ target, ...compilerFor(target), output });
      compileStracePreload({ target, ...compilerFor(target), output: stracePreloadFile(target, folder) });
      compileProbe({ target, ...compilerFor(target), output: probeFile(target, folder) });
    } catch (error) {
      throw error.code === 'ENOENT' ? new Error(adviceFor(target, error.path), { cause: error }) : error;
    }
    return output;
  });
}

function adviceFor({ arch, libc }, program) {
  const install = program.endsWith('gcc')
    ? `install it (Debian: apt-get install ${ARCHITECTURES[arch].packages})`
    : 'musl comes from Debian packages, so this needs Debian or a container of it';
  return `the package brings an addon for ${arch} with ${libc}, and '${program}' was not found; ${install}`;
}

export function compilerFor({ arch, libc }) {
  const compiler = `${ARCHITECTURES[arch].machine}-linux-gnu-gcc`;
  return { compiler, flags: libc === 'musl' ? muslFlags(arch) : [] };
}

/** What musl-gcc does, which knows only the machine it is installed on. */
function muslFlags(arch) {
  const { debian, machine } = ARCHITECTURES[arch];
  const folder = fetchMusl(debian);
  const specs = path.join(folder, 'musl-gcc.specs');
  const triplet = `${machine}-linux-musl`;
  const text = readFileSync(path.join(folder, 'usr', 'lib', triplet, 'musl-gcc.specs'), 'utf8');
  writeFileSync(specs, text.replaceAll('/usr/', `${folder}/usr/`));
  // The shared library is in a package of its own; without it the linker would take the archive in.
  return ['-specs', specs, `-L${path.join(folder, 'lib', triplet)}`];
}

/** What runs a program of another system here: qemu, and musl's loader, which is not installed. */
export function systemFor({ arch, libc }) {
  const { debian, machine } = ARCHITECTURES[arch];
  const emulator = arch === process.arch ? [] : [`qemu-${machine}`, '-L', `/usr/${machine}-linux-gnu`];
  const loader = libc === 'musl' ? [path.join(CACHE, debian, 'lib', `${machine}-linux-musl`, 'libc.so')] : [];
  return { emulator, loader };
}

/** The folder that musl's two packages were unpacked into. */
function fetchMusl(debian) {
  const folder = path.join(CACHE, debian);
  if (existsSync(path.join(folder, 'done'))) return folder;
  rmSync(folder, { recursive: true, force: true });

  // Lists of its own: the machine's know only the machine's architecture.
  const lists = path.join(folder, 'apt');
  for (const name of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(path.join(lists, name), { recursive: true });
  }
  writeFileSync(path.join(lists, 'status'), '');
  const settings = {
    'APT::Architecture': debian,
    'APT::Architectures': debian,
    'APT::Sandbox::User': 'root',
    'Dir::State::Lists': path.join(lists, 'lists'),
    'Dir::State::status': path.join(lists, 'status'),
    'Dir::Cache': path.join(lists, 'cache'),
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const apt = args => execFileSync('apt-get', ['-qq', ...options, ...args], { cwd: lists, stdio: 'inherit' });
  apt(['update']);
  apt(['download', 'musl', 'musl-dev']);
  for (const name of readdirSync(lists).filter(name => name.endsWith('.deb'))) {
    execFileSync('dpkg-deb', ['--extract', path.join(lists, name), folder]);
  }
  rmSync(lists, { recursive: true });
  writeFileSync(path.join(folder, 'done'), '');
  return folder;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();

function main() {
  const { check } = parseArgs({ options: { check: { type: 'boolean', default: false } } }).values;
  try {
    if (!check) buildPrebuilds();
  } catch (error) {
    fail(error.message);
    return;
  }
  const files = TARGETS.flatMap(target => [addonFile(target), stracePreloadFile(target), probeFile(target)]);
  const missing = files.filter(file => !existsSync(file));
  for (const file of files) {
    const size = missing.includes(file) ? 'missing' : `${statSync(file).size} bytes`;
    console.log(`${path.relative('.', file)}: ${size}`);
  }
  if (missing.length > 0) fail('the package needs all of them; `npm run build:prebuilds` compiles them');
}

function fail(message) {
  console.error(`closefds: ${message}`);
  process.exitCode = 1;
}
