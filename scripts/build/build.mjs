// Builds everything that `npm ci` needs: TypeScript, the addon, the compat table's index.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import esbuild from 'esbuild';
import { compileAddon, compileProbe, compileStracePreload, thisMachine } from '../../native/build.mjs';
import { captureIntrinsics } from './capture-intrinsics.mjs';
import { buildCompat } from './compat-index.mjs';
import { buildMan } from './man.mjs';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..', '..');
const require = createRequire(import.meta.url);

/** Preloads that load one bundle. */
const SHARING = ['warn', 'strict', 'worker'];

/** What the first call needs, the first with something to judge, the first finding and the first worker: read at start, evaluated then. */
const LAZY = [
  'base/primordials',
  'preload/first-call',
  'preload/first-finding',
  'findings/reporter',
  'hooks/worker-options',
];

/** What few programs need, and takes other files anyway: a config, a report, a runner, no addon, a native maker, the deep guard, a bundler. */
const EXTERNAL = [
  'policy/parse-config',
  'findings/report-place',
  'preload/late-config',
  'preload/status',
  'strays/fallback-guard',
  'hooks/native-spawners',
  'preload/start-deep',
];

/** For bundlers, which follow a plain require() only. */
const IN_BUNDLE = 'preload/in-bundle';

/** Parts of the table of captured intrinsics, which they do not use. */
const WITHOUT_TABLE = ['base/primordials', 'base/pattern-methods'];

buildTypeScript();
bundleReportPage();
bundleScan();
bundleJsonEdit();
buildCompat(root);
await bundlePreloads();
buildMan(root);
stripComments();
buildAddon();

function buildTypeScript() {
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  run(process.execPath, [tsc, '--project', root]);
}

/**
 * A quarter of what the compiler writes are comments, which the declarations and the sources have.
 * Last, since the bundles and the manual page are made of what it wrote.
 */
function stripComments() {
  const folder = path.join(root, 'dist', 'src');
  const files = readdirSync(folder, { recursive: true })
    .filter(name => name.endsWith('.js') && !/^(?:scan|report.page|cli.json-edit)\b/.test(name))
    .map(name => path.join(folder, name));
  esbuild.buildSync({
    entryPoints: files,
    outdir: folder,
    outbase: folder,
    allowOverwrite: true,
    platform: 'node',
    target: 'node18',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  });
}

/** Style and script of `closefds report --html`, which puts them into its page as they are here. */
function bundleReportPage() {
  const folder = path.join('src', 'report', 'page');
  esbuild.buildSync({
    entryPoints: ['page.mjs', 'style.css'].map(name => path.join(root, folder, name)),
    outdir: path.join(root, 'dist', folder),
    bundle: true,
    format: 'iife',
    target: ['chrome111', 'firefox113', 'safari16.4'],
    // A page that is read is easier to trust.
    minify: false,
    logLevel: 'warning',
  });
}

/**
 * What the preloads load becomes one file: finding and reading thirty files costs more than all they
 * do at start. The one that most programs start with has it in itself; the others share a bundle,
 * which costs them a third of a millisecond. What a start does not need is in files beside it.
 */
async function bundlePreloads() {
  const folder = path.join(root, 'dist', 'register');
  await bundlePreload(path.join(root, 'register', 'index.ts'), '.install()');
  await bundlePreload(source('preload/install'), '');
  await bundle([...LAZY, ...EXTERNAL].map(source), { plugins: [builtParts(), capturedIntrinsics()] });
  for (const part of [...LAZY, ...EXTERNAL]) captureInHelpers(path.join(folder, `${path.basename(part)}.js`));
  await bundle([source(IN_BUNDLE)], { plugins: [builtParts()] });
  for (const preload of SHARING) useBundle(path.join(folder, `${preload}.js`));

  function bundlePreload(file, whenBundled) {
    return bundle([file], {
      plugins: [builtParts(), lazyParts()],
      banner: { js: `'use strict'; ${unlessBundled(whenBundled)} {\n${readingTexts()}` },
      footer: { js: '}' },
    });
  }

  function bundle(files, options) {
    return esbuild.build({
      ...options,
      entryPoints: Object.fromEntries(files.map(file => [path.basename(file, '.ts'), file])),
      outdir: folder,
      allowOverwrite: true,
      bundle: true,
      packages: 'external',
      platform: 'node',
      target: 'node18',
      // Comments and indentation are half of the text, and all of it is parsed at each start.
      minifyWhitespace: true,
      minifySyntax: true,
      // Short names save 0.6 ms of a start, 2 of a first finding. What is in stacks has the name of what it replaces.
      minifyIdentifiers: true,
      // Node prints the line of an uncaught error.
      lineLimit: 100,
      sourcemap: true,
      // With the sources they would be a sixth of the package; lines are what a stack needs.
      sourcesContent: false,
      logLevel: 'warning',
    });
  }
}

/** Only Node's loader gives a module the name of its file. Bundlers do not, and module bundles have no `__filename`. */
function unlessBundled(call) {
  const isBundled = "typeof __filename === 'undefined' || module.filename !== __filename";
  return `if (${isBundled}) module.exports = require('./in-bundle.js')${call}; else`;
}

/**
 * `loadLazy` evaluates a part as Node's loader does with a file, but of the text that was read at start, by the
 * function that was there at start: programs replace functions. It passes the captured intrinsics on.
 *
 * Deno asks for a permission even here; it gets the words that a wrong config gets.
 */
function readingTexts() {
  return `const { compileFunction: compileLazy } = require('vm'), { readFileSync: readLazy } = require('fs');
  const { apply: applyLazy } = Reflect, { latin1Slice: bytesToText } = Buffer.prototype;
  const lazyBytes = (() => {
    try {
      return { ${LAZY.map(name => readingFile(name, '')).join(',\n')} };
    } catch (error) {
      if (error.name !== 'NotCapable') throw error;
      process.stderr.write('closefds: ' + error.message + '\\nThe process was not started; see docs/limits.md in the package.\\n');
      process.exit(1);
    }
  })();
  const lazyFiles = { ${EXTERNAL.map(name => readingFile(name, '() => ')).join(',\n')} };
  const loadLazy = (name, module, require, primordials) => {
    const file = __dirname + '/' + name + '.js', bytes = lazyBytes[name] ?? lazyFiles[name]();
    compileLazy(applyLazy(bytesToText, bytes, []), ['exports', 'require', 'module', '__filename', '__dirname', '$p'], { filename: file })(
      module.exports, require, module, file, __dirname, primordials);
  };`.replace(/\n */g, '\n');
}

/**
 * Read at start, since the file may be gone when it is needed, with an update under way. As bytes, which lie outside
 * of V8's heap: as text they would fill its young generation, and cost a garbage collection at start.
 */
function readingFile(name, when) {
  const file = path.basename(name);
  return `${JSON.stringify(file)}: ${when}readLazy(__dirname + '/${file}.js')`;
}

/** In place of a part that lies beside the bundle. */
function lazyParts() {
  const nameOf = file => [...LAZY, ...EXTERNAL].find(name => source(name) === file);
  return {
    name: 'lazy',
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ path: name, resolveDir }) => {
        const file = path.resolve(resolveDir, `${name}.ts`);
        // Relative, since the bundle names it.
        return nameOf(file) && { path: path.relative(root, file), namespace: 'lazy' };
      });
      build.onLoad({ filter: /./, namespace: 'lazy' }, ({ path: file }) => ({
        contents: evaluatingText(path.basename(file, '.ts')),
        resolveDir: root,
      }));
    },
  };
}

/** Each part gets the captured intrinsics, but the one that makes a table of them. */
function evaluatingText(name) {
  if (name === 'primordials') return `loadLazy('${name}', module, require);`;
  return `
    const { primordials } = require(${JSON.stringify(source('base/captured'))});
    loadLazy('${name}', module, require, primordials());`;
}

/** The sources in terms of `$p`, the table of captured intrinsics, which `loadLazy` passes to each part. */
function capturedIntrinsics() {
  return {
    name: 'captured-intrinsics',
    setup(build) {
      build.onLoad({ filter: /\.ts$/, namespace: 'file' }, ({ path: file }) => {
        if (WITHOUT_TABLE.some(name => source(name) === file)) return undefined;
        return { contents: captureIntrinsics(readFileSync(file, 'utf8'), file), loader: 'ts' };
      });
    },
  };
}

/** esbuild's own functions, which run when a part is evaluated. The lines of the sources stay. */
function captureInHelpers(file) {
  const text = readFileSync(file, 'utf8');
  // The start reads it as Latin-1, which is the fastest.
  if (/[^\0-\x7f]/.test(text)) throw new Error(`${file}: expected ASCII alone, found other characters`);
  if (!WITHOUT_TABLE.some(part => path.basename(file, '.js') === path.basename(part)))
    return writeFileSync(file, captureIntrinsics(text, file));
  // The table cannot be used to make it: what exports its one function does without.
  const helpers =
    /^"use strict";[\s\S]*?createPrimordials:\s*\(\)\s*=>\s*([\w$]+)[\s\S]*?module\s*\.\s*exports\s*=\s*[\w$]+\(\s*[\w$]+\s*\);/;
  const own = text.replace(helpers, (_all, name) => `"use strict";exports.createPrimordials=${name};`);
  if (own === text) throw new Error(`${file}: expected helpers of esbuild, found none`);
  return writeFileSync(file, own);
}

/** The sources name these as they lie in dist/. As a text, since parsing JSON is faster than parsing a program. */
function builtParts() {
  return {
    name: 'built',
    setup(build) {
      build.onResolve({ filter: /\/compat\/[\w-]+\.json$/ }, ({ path: name }) => ({
        // Relative, since the source map names it.
        path: path.join('dist', 'compat', path.basename(name)),
        namespace: 'built',
      }));
      build.onLoad({ filter: /./, namespace: 'built' }, ({ path: file }) => {
        const compact = JSON.stringify(JSON.parse(readFileSync(path.join(root, file), 'utf8')));
        return { contents: `module.exports = JSON.parse(${JSON.stringify(compact)});` };
      });
    },
  };
}

function source(name) {
  return path.join(root, 'src', `${name}.ts`);
}

/** A stack is to name the bundle's lines, and the file of this one line has none worth a map. */
function useBundle(preload) {
  const compiled = readFileSync(preload, 'utf8');
  const bundled = compiled.replace('require("../src/preload/install")', 'require("./install")');
  if (bundled === compiled)
    throw new Error(`${preload}: expected require("../src/preload/install"), found none`);
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
    // Copies of the parsers need their licenses beside them.
    footer: { js: ['acorn', '@babel/parser'].map(name => license(name)).join('\n') },
    legalComments: 'none',
    // For coverage; the package leaves it out.
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  });
}

/** What changes configs, with the parts of jsonc-parser that it needs. Its main file cannot be bundled. */
function bundleJsonEdit() {
  esbuild.buildSync({
    entryPoints: [source('cli/json-edit')],
    outfile: path.join(root, 'dist', 'src', 'cli', 'json-edit.js'),
    allowOverwrite: true,
    bundle: true,
    mainFields: ['module'],
    format: 'cjs',
    platform: 'node',
    target: 'node18',
    minify: true,
    footer: { js: license('jsonc-parser', 'LICENSE.md') },
    legalComments: 'none',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  });
}

function license(name, license = 'LICENSE') {
  const file = path.join(root, 'node_modules', name, license);
  return `/*\n${name}\n\n${readFileSync(file, 'utf8').trim()}\n*/`;
}

function buildAddon() {
  const target = thisMachine();
  const compiler = process.env.CC ?? 'cc';
  attempt(compiler, () => compileAddon({ target, compiler }));
  // strace is there on Linux only.
  if (target.platform !== 'linux') return;
  attempt(compiler, () => compileStracePreload({ target, compiler }));
  attempt(compiler, () => compileProbe({ target, compiler }));
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
