// Builds everything that `npm ci` needs: TypeScript, the addon, the compat table's index.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import esbuild from 'esbuild';
import { compileAddon, compileLetGo, thisMachine } from './addon.mjs';
import { buildCompat } from './build-compat.mjs';
import { buildMan } from './build-man.mjs';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const require = createRequire(import.meta.url);

const PRELOADS = ['index', 'warn', 'strict', 'worker'];

/** What only the first spawn needs, the first finding, a config, a missing addon: files of their own. */
const LATER = ['real-world', 'reporter', 'core/parse-config', 'node/stand-in', 'node/exec-sync'];

buildTypeScript();
bundleReportPage();
bundleScan();
buildCompat(root);
await bundlePreloads();
buildMan(root);
buildAddon();

function buildTypeScript() {
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  run(process.execPath, [tsc, '--project', root]);
}

/** Style and script of `closefds report --html`, which puts them into its page as they are here. */
function bundleReportPage() {
  const folder = path.join('src', 'cli', 'report-page');
  esbuild.buildSync({
    entryPoints: ['page.mjs', 'style.css'].map(name => path.join(root, folder, name)),
    outdir: path.join(root, 'dist', folder),
    bundle: true,
    format: 'iife',
    target: ['chrome111', 'firefox113', 'safari16.4'],
    // A page that is read is easier to trust.
    minify: false,
    // No text of ours may end the element that it is put into either.
    charset: 'ascii',
    logLevel: 'warning',
  });
}

/**
 * What the preloads load becomes one file, with its parts still evaluated when they are first
 * needed: finding and reading thirty files costs more than all they do at start. A file for each
 * preload would save a fifth of a millisecond more, and make the package a fifth larger.
 */
async function bundlePreloads() {
  const folder = path.join(root, 'dist', 'register');
  await bundle([source('install')], [builtParts(), laterParts()]);
  await bundle(LATER.map(source), [builtParts()]);
  for (const preload of PRELOADS) useBundle(path.join(folder, `${preload}.js`));

  function bundle(entryPoints, plugins) {
    return esbuild.build({
      entryPoints: Object.fromEntries(entryPoints.map(entry => [path.basename(entry, '.ts'), entry])),
      outdir: folder,
      allowOverwrite: true,
      bundle: true,
      packages: 'external',
      plugins,
      platform: 'node',
      target: 'node18',
      // Comments and indentation are half of the text, and all of it is parsed at each start.
      minifyWhitespace: true,
      minifySyntax: true,
      sourcemap: true,
      // With the sources they would be a sixth of the package; lines are what a stack needs.
      sourcesContent: false,
      logLevel: 'warning',
    });
  }
}

/** What is loaded later lies beside the preloads. */
function laterParts() {
  return {
    name: 'later',
    setup(build) {
      const files = new Set(LATER.map(source));
      build.onResolve({ filter: /^\./ }, ({ path: name, resolveDir }) => {
        const file = path.resolve(resolveDir, `${name}.ts`);
        return files.has(file) ? { path: `./${path.basename(name)}.js`, external: true } : undefined;
      });
    },
  };
}

/** The sources name these as they lie in dist/. */
function builtParts() {
  return {
    name: 'built',
    setup(build) {
      build.onResolve({ filter: /\/compat\/\w+\.json$/ }, ({ path: name }) => ({
        path: path.join(root, 'dist', 'compat', path.basename(name)),
      }));
    },
  };
}

function source(name) {
  return path.join(root, 'src', `${name}.ts`);
}

/** A stack is to name the bundle's lines, and the file of this one line has none worth a map. */
function useBundle(preload) {
  const compiled = readFileSync(preload, 'utf8');
  const bundled = compiled.replace('require("../src/install")', 'require("./install")');
  if (bundled === compiled) throw new Error(`${preload}: expected require("../src/install"), found none`);
  writeFileSync(preload, bundled.replace(/^\/\/# sourceMappingURL=.*$/m, ''));
  rmSync(`${preload}.map`);
}

/** The scan, with its parsers: one file, which is also what its worker threads run. */
function bundleScan() {
  const file = path.join(root, 'dist', 'src', 'scan', 'index.js');
  esbuild.buildSync({
    entryPoints: [file],
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    external: ['semver/*'],
    platform: 'node',
    target: 'node18',
    minify: true,
    // The licenses of the parsers come along.
    legalComments: 'eof',
    logLevel: 'warning',
  });
}

function buildAddon() {
  const target = thisMachine();
  const compiler = process.env.CC ?? 'cc';
  attempt(compiler, () => compileAddon({ target, compiler }));
  // strace is there on Linux only.
  if (target.platform === 'linux') attempt(compiler, () => compileLetGo({ target, compiler }));
}

function run(command, args) {
  attempt(command, () => execFileSync(command, args, { stdio: 'inherit' }));
}

function attempt(command, work) {
  try {
    work();
  } catch (error) {
    if (error.code !== 'ENOENT') process.exit(error.status ?? 1);
    console.error(
      `closefds: '${command}' was not found; building the addon needs a C compiler (set CC to name it)`,
    );
    process.exit(1);
  }
}
