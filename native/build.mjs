// Compiles the native parts of the package, for this machine or for another one.
//
//   node native/build.mjs [--output FOLDER] [--debug]
//
// writes FOLDER/<platform>-<arch>/...; FOLDER is `prebuilds` if not given. --debug keeps the symbols, for gdb.
//
// It needs a C compiler (CC names it) and the npm package node-api-headers; neither node-gyp, nor Python, nor Node's
// own headers. The same sources and the same compiler give the same bytes in every folder.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const native = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(native);

/** Where src/strays/native-guard.ts looks; the names are prebuildify's. */
export function addonFile({ platform, arch, libc }, folder = path.join(root, 'prebuilds')) {
  return path.join(folder, `${platform}-${arch}`, `closefds.${libc}.node`);
}

export function thisMachine() {
  const { platform, arch } = process;
  if (platform !== 'linux') return { platform, arch, libc: 'system' };
  return { platform, arch, libc: process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl' };
}

/** The library that `closefds audit` loads into strace; see src/cli/audit.ts. */
export function stracePreloadFile({ platform, arch, libc }, folder = path.join(root, 'prebuilds')) {
  return path.join(folder, `${platform}-${arch}`, `strace-preload.${libc}.so`);
}

/** The addon by which `closefds doctor` tries the deep guard; see src/cli/doctor-deep.ts. */
export function probeFile({ platform, arch, libc }, folder = path.join(root, 'prebuilds')) {
  return path.join(folder, `${platform}-${arch}`, `deep-probe.${libc}.node`);
}

/** Throws what execFileSync() throws. */
export function compileProbe(options) {
  const { target, compiler, flags = [], output = probeFile(options.target), debug = false } = options;
  mkdirSync(path.dirname(output), { recursive: true });
  const all = [...FLAGS, ...symbols(debug), ...linking(target), ...flags, '-isystem', nodeApiHeaders()];
  execFileSync(compiler, [...all, '-o', output, path.join(native, 'deep_probe.c')], { stdio: 'inherit' });
}

/** Throws what execFileSync() throws. */
export function compileStracePreload(options) {
  const { target, compiler, flags = [], output = stracePreloadFile(options.target), debug = false } = options;
  mkdirSync(path.dirname(output), { recursive: true });
  const source = path.join(native, 'strace_preload.c');
  const all = [...FLAGS, ...symbols(debug), ...linking(target), ...flags, '-o', output, source, '-pthread'];
  execFileSync(compiler, all, { stdio: 'inherit' });
}

/** Throws what execFileSync() throws. */
export function compileAddon({ target, compiler, flags = [], output = addonFile(target), debug = false }) {
  mkdirSync(path.dirname(output), { recursive: true });
  const headers = ['-isystem', nodeApiHeaders()];
  const all = [...FLAGS, ...symbols(debug), ...linking(target), ...flags, ...headers];
  execFileSync(compiler, [...all, '-o', output, ...addonSources(), '-pthread'], { stdio: 'inherit' });
  appendFileSync(output, TRAILER);
}

/** Each of these is a file of its own. */
const OTHER_FILES = ['strace_preload.c', 'deep_probe.c'];

/** In a fixed order, since the linker keeps it. */
export function addonSources() {
  const names = readdirSync(native).filter(name => name.endsWith('.c') && !OTHER_FILES.includes(name));
  return names.sort().map(name => path.join(native, name));
}

function nodeApiHeaders() {
  try {
    return createRequire(import.meta.url)('node-api-headers').include_dir;
  } catch (error) {
    throw new Error(
      'node-api-headers was not found; install it with: npm install --no-save node-api-headers',
      {
        cause: error,
      },
    );
  }
}

/** The end of each addon, by which src/strays/native-guard.ts detects truncated files. Loaders ignore it. */
const TRAILER = '\nclosefds\n';

const FLAGS = ['-std=c11', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror', '-DNAPI_VERSION=8'];

/** For size: the time of a call is that of its system calls. */
const symbols = debug => (debug ? ['-O1', '-g'] : ['-Os', '-g0', '-s']);

function linking({ platform, arch }) {
  if (platform === 'darwin') return ['-bundle', '-undefined', 'dynamic_lookup'];
  return [
    '-shared',
    // The atfork handlers must stay when Node unloads the addon with its last worker.
    '-Wl,-z,nodelete',
    // With the wrong C library, the addon must fail when it is loaded and not at the first call.
    '-Wl,-z,now',
    '-Wl,-z,relro',
    '-Wl,--build-id=none',
    // Its helper asks glibc for a symbol that musl does not have.
    ...(arch === 'arm64' ? ['-mno-outline-atomics'] : []),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();

function main() {
  const target = thisMachine();
  const compiler = process.env.CC || 'cc';
  try {
    const options = { output: { type: 'string' }, debug: { type: 'boolean', default: false } };
    const { output, debug } = parseArgs({ options }).values;
    const files = [addonFile(target, output), stracePreloadFile(target, output), probeFile(target, output)];
    compileAddon({ target, compiler, debug, output: files[0] });
    compileStracePreload({ target, compiler, debug, output: files[1] });
    compileProbe({ target, compiler, debug, output: files[2] });
    for (const file of files) console.log(file);
  } catch (error) {
    const missing = `'${compiler}' was not found; install a C compiler, or name yours: CC=... node native/build.mjs`;
    console.error(`closefds: ${error.code === 'ENOENT' ? missing : error.message}`);
    process.exitCode = 1;
  }
}
