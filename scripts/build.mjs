// Builds everything that `npm ci` needs: TypeScript, the addon, the compat table's index.
//
// The addon is compiled with the C compiler alone. N-API's headers come from npm, so neither
// node-gyp nor Python nor a download of Node's own headers is needed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import esbuild from 'esbuild';
import { buildCompat } from './build-compat.mjs';
import { buildMan } from './build-man.mjs';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const require = createRequire(import.meta.url);

buildTypeScript();
buildCompat(root);
bundlePreloads();
buildMan(root);
buildAddon();

function buildTypeScript() {
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  run(process.execPath, [tsc, '--project', root]);
}

/**
 * Each preload becomes one file, with its parts still evaluated when they are first needed:
 * finding and reading thirty files costs more than all they do at start.
 */
function bundlePreloads() {
  const folder = path.join(root, 'dist', 'register');
  esbuild.buildSync({
    entryPoints: ['index', 'warn', 'strict', 'worker'].map(name => path.join(folder, `${name}.js`)),
    outdir: folder,
    allowOverwrite: true,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node18',
    // Comments and indentation are half of the text, and all of it is parsed at each start.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: true,
    logLevel: 'warning',
  });
}

function buildAddon() {
  const { include_dir: headers } = require('node-api-headers');
  const folder = path.join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(folder, { recursive: true });
  const flags = ['-std=c11', '-O2', '-g0', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror'];
  const link =
    process.platform === 'darwin'
      ? ['-bundle', '-undefined', 'dynamic_lookup']
      : // The atfork handlers must stay when Node unloads the addon with its last worker.
        ['-shared', '-Wl,-z,nodelete', '-Wl,-z,now', '-Wl,-z,relro'];
  run(process.env.CC ?? 'cc', [
    ...flags,
    '-DNAPI_VERSION=8',
    ...link,
    '-isystem',
    headers,
    '-o',
    path.join(folder, `closefds.${libc()}.node`),
    path.join(root, 'native', 'stray_guard.c'),
    path.join(root, 'native', 'binding.c'),
    '-pthread',
  ]);
}

function libc() {
  if (process.platform !== 'linux') return 'system';
  return process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
}

function run(command, args) {
  try {
    execFileSync(command, args, { stdio: 'inherit' });
  } catch (error) {
    if (error.code !== 'ENOENT') process.exit(error.status ?? 1);
    console.error(
      `closefds: '${command}' was not found; building the addon needs a C compiler (set CC to name it)`,
    );
    process.exit(1);
  }
}
