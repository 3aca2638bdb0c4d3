// Compiles the addon, for this machine or for another one.
//
// The C compiler alone is enough: N-API's headers come from npm, so neither node-gyp nor Python nor
// a download of Node's own headers is needed. The same sources and the same compiler give the same
// bytes in every folder.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { include_dir: headers } = createRequire(import.meta.url)('node-api-headers');

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

/** Throws what execFileSync() throws. */
export function compileStracePreload({ target, compiler, flags = [], output = stracePreloadFile(target) }) {
  mkdirSync(path.dirname(output), { recursive: true });
  const source = path.join(root, 'native', 'strace_preload.c');
  const all = [...FLAGS, ...linking(target), ...flags, '-o', output, source, '-pthread'];
  execFileSync(compiler, all, { stdio: 'inherit' });
}

/** Throws what execFileSync() throws. */
export function compileAddon({ target, compiler, flags = [], output = addonFile(target) }) {
  mkdirSync(path.dirname(output), { recursive: true });
  const sources = ['stray_guard.c', 'placeholder.c', 'binding.c'].map(name =>
    path.join(root, 'native', name),
  );
  execFileSync(
    compiler,
    [...FLAGS, ...linking(target), ...flags, '-isystem', headers, '-o', output, ...sources, '-pthread'],
    { stdio: 'inherit' },
  );
  appendFileSync(output, TRAILER);
}

/** The end of each addon, by which src/strays/native-guard.ts detects truncated files. Loaders ignore it. */
const TRAILER = '\nclosefds\n';

const FLAGS = [
  '-std=c11',
  '-O2',
  '-g0',
  '-fPIC',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-DNAPI_VERSION=8',
];

function linking({ platform, arch }) {
  if (platform === 'darwin') return ['-bundle', '-undefined', 'dynamic_lookup'];
  return [
    '-shared',
    // The atfork handlers must stay when Node unloads the addon with its last worker.
    '-Wl,-z,nodelete',
    // With the wrong C library, the addon must fail when it is loaded and not at the first call.
    '-Wl,-z,now',
    '-Wl,-z,relro',
    '-Wl,--strip-all',
    '-Wl,--build-id=none',
    // Its helper asks glibc for a symbol that musl does not have.
    ...(arch === 'arm64' ? ['-mno-outline-atomics'] : []),
  ];
}
