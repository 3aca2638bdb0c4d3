// Who called: from the stack of a real spawn to a package, in fixture trees written here.

import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type CallersOptions, callers, fullCallers, type Named, NODE, named } from '../support/callers';
import { temporaryFolder, write } from '../support/programs';
import { run } from '../support/run';
import { toWarnings } from '../support/warnings';

type Files = Readonly<Record<string, string>>;

const SPAWN = `require('node:child_process').spawnSync('true');`;
const GO = `exports.go = function go() { ${SPAWN} };`;
const GO_ESM = `import { spawnSync } from 'node:child_process'; export function go() { spawnSync('true'); }`;
/** What cross-spawn does: calls child_process with the arguments it got. */
const LAUNCH = `module.exports = function launch(...args) { return require('node:child_process').spawn(...args); };`;

/** A package below node_modules, with one file. */
function installed(
  name: string,
  source = GO,
  { folder = `node_modules/${name}`, version = '1.2.3', ...manifest }: Record<string, unknown> = {},
): Files {
  return {
    [`${folder}/package.json`]: JSON.stringify({ name, version, ...manifest }),
    [`${folder}/index.js`]: source,
  };
}

/** How a package of installed() is named where its function go() spawns. */
const goOf = (name: string, given: Partial<Named> = {}): Named =>
  named({ name, version: '1.2.3', file: `node_modules/${name}/index.js`, function: 'go', ...given });

interface Case extends CallersOptions {
  readonly files: Files;
  /** Node's last argument. Default: the first file. */
  readonly program?: string;
  /** The folder to start in, if not the top. */
  readonly in?: string;
  /** Links to make: where -> to what. */
  readonly links?: Readonly<Record<string, string>>;
  readonly expected: readonly (Named | null)[];
}

function cases(table: Readonly<Record<string, Case>>): void {
  for (const [title, { files, program, links = {}, expected, in: inside = '', ...options }] of Object.entries(
    table,
  )) {
    test(title, async t => {
      const folder = temporaryFolder(t);
      const first = write(folder, files);
      for (const [from, to] of Object.entries(links)) {
        mkdirSync(path.dirname(path.join(folder, from)), { recursive: true });
        symlinkSync(to, path.join(folder, from));
      }
      t.deepEqual(
        await callers(t, folder, program ?? first, { cwd: path.join(folder, inside), ...options }),
        expected,
      );
    });
  }
}

test('a caller has package, version, file, position and function', async t => {
  const folder = temporaryFolder(t);
  const app = write(folder, {
    'app.js': `require('@scope/a').go();`,
    ...installed('@scope/a', `\n  ${GO}`),
  });
  t.deepEqual(await fullCallers(t, folder, app), [
    {
      name: '@scope/a',
      version: '1.2.3',
      file: path.join(folder, 'node_modules/@scope/a/index.js'),
      fileInPackage: 'index.js',
      line: 2,
      column: 62,
      function: 'go',
      launchers: [],
    },
  ]);
});

// ---------------------------------------------------------------------------------------------
// Where files lie
// ---------------------------------------------------------------------------------------------

cases({
  'the app': {
    files: { 'app.js': `function main() { ${SPAWN} } main();` },
    expected: [named({ function: 'main' })],
  },
  'the app, in a folder': {
    files: { 'src/bin/app.js': SPAWN },
    expected: [named({ file: 'src/bin/app.js' })],
  },
  'a package': {
    files: { 'app.js': `require('a').go();`, ...installed('a') },
    expected: [goOf('a')],
  },
  'a package called by a package: the nearest': {
    files: {
      'app.js': `require('b').go();`,
      ...installed('a'),
      ...installed('b', `exports.go = () => require('a').go();`),
    },
    expected: [goOf('a')],
  },
  'a callback that the app gave to a package: the app': {
    files: {
      'app.js': `require('a').call(function back() { ${SPAWN} });`,
      ...installed('a', 'exports.call = back => back();'),
    },
    expected: [named({ function: 'back' })],
  },
  'nested versions': {
    files: {
      'app.js': `require('a').go(); require('b').go();`,
      ...installed('a', GO, { version: '2.0.0' }),
      ...installed('b', `exports.go = () => require('a').go();`),
      ...installed('a', GO, { version: '1.0.0', folder: 'node_modules/b/node_modules/a' }),
    },
    expected: [
      goOf('a', { version: '2.0.0' }),
      goOf('a', { version: '1.0.0', file: 'node_modules/b/node_modules/a/index.js' }),
    ],
  },
  'an alias: both names': {
    files: { 'app.js': `require('mine').go();`, ...installed('a', GO, { folder: 'node_modules/mine' }) },
    expected: [goOf('mine', { declaredName: 'a' })],
  },
  'an alias with a scope': {
    files: {
      'app.js': `require('@mine/a').go();`,
      ...installed('a', GO, { folder: 'node_modules/@mine/a' }),
    },
    expected: [goOf('@mine/a', { declaredName: 'a' })],
  },
  'a folder of the package with a package.json of its own': {
    files: {
      'app.js': `require('a').go();`,
      ...installed('a', `module.exports = require('./esm');`),
      'node_modules/a/esm/package.json': '{"name": "other", "version": "9.0.0", "type": "module"}',
      'node_modules/a/esm.js': GO,
    },
    expected: [goOf('a', { file: 'node_modules/a/esm.js' })],
  },
  'a workspace: the app': {
    files: { 'app.js': `require('w').go();`, ...installed('w', GO, { folder: 'packages/w' }) },
    links: { 'node_modules/w': '../packages/w' },
    expected: [named({ file: 'packages/w/index.js', function: 'go' })],
  },
  'a workspace, with --preserve-symlinks: the package': {
    nodeArgs: ['--preserve-symlinks'],
    files: { 'app.js': `require('w').go();`, ...installed('w', GO, { folder: 'packages/w' }) },
    links: { 'node_modules/w': '../packages/w' },
    expected: [goOf('w')],
  },
  "pnpm's store": {
    files: {
      'app.js': `require('a').go();`,
      ...installed('a', GO, { folder: 'node_modules/.pnpm/a@1.2.3/node_modules/a' }),
    },
    links: { 'node_modules/a': '.pnpm/a@1.2.3/node_modules/a' },
    expected: [goOf('a', { file: 'node_modules/.pnpm/a@1.2.3/node_modules/a/index.js' })],
  },
  "the store of Yarn's pnpm linker, whose folders have names of their own": {
    files: {
      'app.js': `require('a').go(); require('b')('true');`,
      ...installed('a', GO, { folder: 'node_modules/.store/a-npm-1.2.3-c1ae1efe39/package' }),
      ...installed('b', LAUNCH, { folder: 'node_modules/.store/b-npm-1.2.3-c1ae1efe39/package' }),
    },
    links: {
      'node_modules/a': '.store/a-npm-1.2.3-c1ae1efe39/package',
      'node_modules/b': '.store/b-npm-1.2.3-c1ae1efe39/package',
    },
    launchers: ['b'],
    expected: [
      goOf('a', { file: 'node_modules/.store/a-npm-1.2.3-c1ae1efe39/package/index.js' }),
      named({ launchers: ['b'] }),
    ],
  },
  'node_modules/.cache: the app': {
    files: {
      'app.js': `require('./node_modules/.cache/tool/x.js');`,
      'node_modules/.cache/tool/x.js': SPAWN,
    },
    expected: [named({ file: 'node_modules/.cache/tool/x.js' })],
  },
  'node_modules/.bin, a link as npm makes it: the package': {
    program: 'node_modules/.bin/a',
    files: installed('a', `(function go() { ${SPAWN} })();`),
    links: { 'node_modules/.bin/a': '../a/index.js' },
    expected: [goOf('a')],
  },
  'an app that is itself installed: its package': {
    program: 'node_modules/cli/index.js',
    files: installed('cli', `(function go() { ${SPAWN} })();`),
    expected: [goOf('cli')],
  },
  'a copy in a bundle: the app': {
    files: { 'dist/app.js': `(launch => launch('true'))(function bundled(...a) { ${SPAWN} });` },
    launchers: ['cross-spawn'],
    expected: [named({ file: 'dist/app.js', function: 'bundled' })],
  },
  'blanks, brackets and signs in paths': {
    files: {
      'a b (c) #1 %41/app.mjs': `import { go } from 'a'; go();`,
      ...installed('a', GO_ESM, { folder: 'a b (c) #1 %41/node_modules/a', type: 'module' }),
    },
    expected: [goOf('a', { file: 'a b (c) #1 %41/node_modules/a/index.js' })],
  },
});

// ---------------------------------------------------------------------------------------------
// What package.json says
// ---------------------------------------------------------------------------------------------

const manifest = (text: string): Files => ({
  'app.js': `require('a').go();`,
  'node_modules/a/index.js': GO,
  'node_modules/a/package.json': text,
});

cases({
  'no package.json': {
    files: { 'app.js': `require('a').go();`, 'node_modules/a/index.js': GO },
    expected: [goOf('a', { version: null })],
  },
  'no version': { files: manifest('{"name": "a"}'), expected: [goOf('a', { version: null })] },
  'no name': { files: manifest('{"version": "1.2.3"}'), expected: [goOf('a')] },
  'values that are no text': {
    files: { ...manifest('{"name": ["a"], "version": 1}'), 'app.js': BY_PATH() },
    expected: [goOf('a', { version: null })],
  },
  'a byte order mark': {
    // Node itself refuses it when it looks for "main".
    files: { ...manifest('\uFEFF{"name": "a", "version": "1.2.3"}'), 'app.js': BY_PATH() },
    expected: [goOf('a')],
  },
  broken: {
    files: { ...manifest('{"name": "a", '), 'app.js': BY_PATH() },
    expected: [goOf('a', { version: null })],
  },
  null: {
    files: { ...manifest('null'), 'app.js': BY_PATH() },
    expected: [goOf('a', { version: null })],
  },
  'an array': {
    files: { ...manifest('[]'), 'app.js': BY_PATH() },
    expected: [goOf('a', { version: null })],
  },
});

/** Runs node_modules/a/index.js where Node would not load it, since it cannot read its package.json. */
function BY_PATH(): string {
  return `
    const file = require('path').join(__dirname, 'node_modules/a/index.js');
    const wrap = require('vm').runInThisContext(require('module').wrap(require('fs').readFileSync(file, 'utf8')), file);
    const a = {}; wrap(a, require); a.go();`;
}

cases({
  'fs.readFileSync mocked': {
    files: {
      'app.js': `require('fs').readFileSync = () => '{"version": "6.6.6"}'; a.go();`.replace(
        /^/,
        `const a = require('a'); `,
      ),
      ...installed('a'),
    },
    expected: [goOf('a')],
  },
  'fs.readFileSync mocked, throwing': {
    files: {
      'app.js': `const a = require('a'); require('fs').readFileSync = () => { throw 1; }; a.go();`,
      ...installed('a'),
    },
    expected: [goOf('a')],
  },
  'fs.readFileSync replaced by one that reads archives (Yarn PnP)': {
    files: {
      'app.js': `
        const fs = require('fs'), vm = require('vm');
        const { readFileSync } = fs;
        fs.readFileSync = (file, ...rest) => file === '/zip.zip/node_modules/a/package.json'
          ? '{"name": "a", "version": "1.2.3"}' : readFileSync(file, ...rest);
        vm.runInThisContext('(require => function go() { ${SPAWN.replaceAll("'", '"')} })', '/zip.zip/node_modules/a/index.js')(require)();`,
    },
    expected: [goOf('a', { file: '/zip.zip/node_modules/a/index.js' })],
  },
});

// ---------------------------------------------------------------------------------------------
// How code was loaded
// ---------------------------------------------------------------------------------------------

/** A comment that says the file was made from one far away. */
const mapsTo = (source: string) => {
  const map = { version: 3, sources: [source], names: [], mappings: 'AAAA' };
  return `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`;
};

cases({
  'an ES module, importing a package that is one': {
    files: { 'app.mjs': `import { go } from 'a'; go();`, ...installed('a', GO_ESM, { type: 'module' }) },
    expected: [goOf('a')],
  },
  'an ES module, at its top': {
    files: { 'app.mjs': `import { spawnSync } from 'node:child_process'; await 1; spawnSync('true');` },
    expected: [named({ file: 'app.mjs' })],
  },
  'a file: URL with a query': {
    files: {
      'app.mjs': `await import(new URL('./a b.mjs?x=/node_modules/a/#y', import.meta.url));`,
      'a b.mjs': `import { spawnSync } from 'node:child_process'; spawnSync('true');`,
    },
    expected: [named({ file: 'a b.mjs' })],
  },
  createRequire: {
    files: {
      'app.mjs': `import { createRequire } from 'node:module'; createRequire(import.meta.url)('a').go();`,
      ...installed('a'),
    },
    expected: [goOf('a')],
  },
  'source maps: where the file is installed': {
    nodeArgs: ['--enable-source-maps'],
    files: { 'app.js': `require('a').go();`, ...installed('a', GO + mapsTo('../../src/elsewhere.ts')) },
    expected: [goOf('a')],
  },
  'source maps of the app, which point into a package': {
    nodeArgs: ['--enable-source-maps'],
    files: { 'app.js': SPAWN + mapsTo('node_modules/a/index.ts') },
    expected: [named()],
  },
  'code that names itself': {
    files: { 'app.js': `${SPAWN}\n//# sourceURL=/x/node_modules/a/index.js` },
    expected: [named()],
  },
  'eval: at the line of the eval': {
    files: {
      'app.js': `require('a').go();`,
      ...installed('a', `exports.go = function go() {\n  eval(${JSON.stringify(SPAWN)}); };`),
    },
    expected: [goOf('a', { line: 2, function: 'eval' })],
  },
  'eval in eval in a timer, in a path with brackets': {
    files: {
      '(a) b, c/app.js': `\nsetTimeout(eval(${JSON.stringify(`eval(${JSON.stringify(`(function late() { ${SPAWN} })`)})`)}));`,
    },
    expected: [named({ file: '(a) b, c/app.js', line: 2, function: 'late' })],
  },
  'code that names itself by sourceURL: the caller is the code that calls eval()': {
    files: { 'app.js': `eval(${JSON.stringify(`${SPAWN}\n//# sourceURL=/x/node_modules/a/index.js`)});` },
    expected: [named()],
  },
  'the same in a timer: code without a file': {
    files: {
      'app.js': `setTimeout(eval(${JSON.stringify(`(function late() { ${SPAWN} })\n//# sourceURL=/x/node_modules/a/index.js`)}));`,
    },
    expected: [named({ name: '?', file: 'eval /x/node_modules/a/index.js', line: null, function: 'late' })],
  },
  'new Function': {
    files: {
      'app.js': `require('a').go();`,
      ...installed(
        'a',
        `exports.go = function go() { new Function('require', ${JSON.stringify(SPAWN)})(require); };`,
      ),
    },
    expected: [goOf('a', { function: 'eval' })],
  },
  'new Function in a timer': {
    files: { 'app.js': `setTimeout(new Function('require', ${JSON.stringify(SPAWN)}), 0, require);` },
    expected: [named({ function: 'eval' })],
  },
  'vm with a file name': {
    files: {
      'app.js': `require('vm').runInNewContext(${JSON.stringify(SPAWN)}, { require }, __dirname + '/node_modules/a/index.js');`,
      ...installed('a'),
    },
    expected: [goOf('a', { function: null })],
  },
  'vm without a file name: the caller is the code that runs the script': {
    files: {
      'app.js': `require('a').go();`,
      ...installed(
        'a',
        `exports.go = function go() { require('vm').runInNewContext(${JSON.stringify(SPAWN)}, { require }); };`,
      ),
    },
    expected: [goOf('a')],
  },
  'vm with a file name that is no path: the caller is the code that runs the script': {
    files: {
      'app.js': `globalThis.require = require; require('vm').runInThisContext(${JSON.stringify(SPAWN)}, 'node_modules/a/x.js');`,
    },
    expected: [named()],
  },
  'vm without one, in a timer: code without a file': {
    files: {
      'app.js': `globalThis.require = require; require('vm').runInThisContext(${JSON.stringify(`setTimeout(function late() { ${SPAWN} })`)});`,
    },
    expected: [named({ name: '?', file: 'evalmachine.<anonymous>', function: 'late' })],
  },
  'a data: URL: code without a file, whatever its text says': {
    files: {
      'app.mjs': `import("data:text/javascript,/*/node_modules/a/*/import { spawnSync } from 'node:child_process'; spawnSync('true');");`,
    },
    expected: [
      named({
        name: '?',
        file: `data:text/javascript,/*/node_modules/a/*/import { spawnSync } from 'node:child_process'; spawnSync('...`,
      }),
    ],
  },
  'a data: URL with a function that a file calls: the file': {
    files: {
      'app.mjs': `const { go } = await import("data:text/javascript,import { spawnSync } from 'node:child_process'; export const go = () => spawnSync('true');"); go();`,
    },
    expected: [named({ file: 'app.mjs' })],
  },
});

// ---------------------------------------------------------------------------------------------
// Programs without a file
// ---------------------------------------------------------------------------------------------

const ESM = `import { spawnSync } from 'node:child_process'; spawnSync('true');`;

cases({
  '-e': { files: {}, nodeArgs: ['-e'], program: SPAWN, expected: [named({ file: '[eval]' })] },
  '-p': { files: {}, nodeArgs: ['-p'], program: SPAWN, expected: [named({ file: '[eval]' })] },
  '-e, an ES module': {
    files: {},
    nodeArgs: ['--input-type=module', '-e'],
    program: ESM,
    expected: [named({ file: '[eval1]' })],
  },
  '-e, an ES module, started in the folder of a package': {
    files: installed('a'),
    in: 'node_modules/a',
    nodeArgs: ['--input-type=module', '-e'],
    program: ESM,
    expected: [named({ file: '[eval1]' })],
  },
  'a program from stdin': { files: {}, program: '-', input: SPAWN, expected: [named({ file: '[stdin]' })] },
  'the REPL': {
    files: installed('a'),
    program: '--interactive',
    input: `${SPAWN}\nrequire('a').go();\n`,
    expected: [named({ file: 'REPL1' }), goOf('a')],
  },
  'a worker from a file': {
    files: {
      'app.js': `new (require('worker_threads').Worker)(require.resolve('a'));`,
      ...installed('a', `${SPAWN} setTimeout(function late() { ${SPAWN} });`),
    },
    expected: [goOf('a', { function: null }), goOf('a', { function: 'late' })],
  },
  'a worker from text': {
    files: { 'app.js': `new (require('worker_threads').Worker)(${JSON.stringify(SPAWN)}, { eval: true });` },
    expected: [named({ file: '[worker eval]' })],
  },
  'a worker from a data: URL': {
    files: {
      'app.js': `new (require('worker_threads').Worker)(new URL(${JSON.stringify(`data:text/javascript,${ESM}`)}));`,
    },
    expected: [
      named({
        name: '?',
        file: `data:text/javascript,${ESM}`,
      }),
    ],
  },
});

// ---------------------------------------------------------------------------------------------
// When it is called
// ---------------------------------------------------------------------------------------------

const LATE = `function late() { ${SPAWN} }`;

cases({
  'a timer': { files: { 'app.js': `setTimeout(${LATE});` }, expected: [named({ function: 'late' })] },
  'setImmediate, nextTick, a microtask, then': {
    files: {
      'app.js': `${LATE} process.nextTick(late); queueMicrotask(late); Promise.resolve().then(late); setImmediate(late);`,
    },
    expected: [1, 2, 3, 4].map(() => named({ function: 'late' })),
  },
  'after await: the function that awaits': {
    files: {
      'app.js': `(async function main() { await require('a').go(); })();`,
      ...installed('a', `exports.go = async function go() { await 1; ${SPAWN} };`),
    },
    expected: [goOf('a')],
  },
  'an event': {
    files: { 'app.js': `new (require('events'))().on('x', ${LATE}).emit('x');` },
    expected: [named({ function: 'late' })],
  },
  'child_process called only by Node: there is no caller': {
    files: { 'app.js': `setTimeout(require('child_process').spawn, 0, 'true');` },
    expected: [null],
  },
  'an array method calls spawn(): the caller is the code that calls the method': {
    files: {
      'app.js': `['true'].forEach(require('child_process').spawn.bind(null, 'true', []).bind(null, {}));`,
    },
    expected: [named()],
  },
  'deep in a recursion': {
    files: {
      'app.js': `require('a').go(5000);`,
      ...installed('a', `exports.go = function go(n) { if (n > 0) go(n - 1); else ${SPAWN} };`),
    },
    expected: [goOf('a')],
  },
});

// ---------------------------------------------------------------------------------------------
// What is called
// ---------------------------------------------------------------------------------------------

const route = (call: string): Case => ({
  files: { 'app.js': `const cp = require('child_process'); (function go() { ${call} })();`, 'child.js': '' },
  expected: [named({ function: 'go' })],
});

cases({
  spawn: route(`cp.spawn('true')`),
  exec: route(`cp.exec('true')`),
  execFile: route(`cp.execFile('true')`),
  execSync: route(`cp.execSync('true')`),
  execFileSync: route(`cp.execFileSync('true')`),
  'exec, promisified': route(`require('util').promisify(cp.exec)('true')`),
  'execFile, promisified': route(`require('util').promisify(cp.execFile)('true')`),
  'new ChildProcess().spawn()': route(`new cp.ChildProcess().spawn({ file: 'true', args: ['true'] })`),
  'fork, whose child spawns too': {
    files: {
      'app.js': `(function go() { require('child_process').fork('child.js'); })();`,
      'child.js': SPAWN,
    },
    expected: [named({ function: 'go' }), named({ file: 'child.js' })],
  },
  'cluster.fork': {
    files: {
      'app.js': `const cluster = require('cluster'); if (cluster.isPrimary) (function go() { cluster.fork(); })(); else process.exit();`,
    },
    expected: [named({ function: 'go' })],
  },
});

// ---------------------------------------------------------------------------------------------
// Launchers
// ---------------------------------------------------------------------------------------------

const launcher = (name: string, options: Record<string, unknown> = {}) => installed(name, LAUNCH, options);

cases({
  'a launcher: who called it': {
    launchers: ['cross-spawn'],
    files: {
      'app.js': `require('a').go(); require('cross-spawn')('true');`,
      ...installed('a', `exports.go = function go() { require('cross-spawn')('true'); };`),
      ...launcher('cross-spawn'),
    },
    expected: [goOf('a', { launchers: ['cross-spawn'] }), named({ launchers: ['cross-spawn'] })],
  },
  'launchers of launchers, each told once, nearest first': {
    launchers: ['cross-spawn', '@x/run'],
    files: {
      'app.js': `require('@x/run').go();`,
      ...launcher('cross-spawn'),
      ...installed(
        '@x/run',
        `exports.go = () => again(); const again = () => require('cross-spawn')('true');`,
      ),
    },
    expected: [named({ launchers: ['cross-spawn', '@x/run'] })],
  },
  'a launcher that awaits first': {
    launchers: ['nano-spawn'],
    files: {
      'app.js': `(async function main() { await require('nano-spawn').go(); })();`,
      ...installed('nano-spawn', `exports.go = async function go() { await 1; ${SPAWN} };`),
    },
    expected: [named({ function: 'main', launchers: ['nano-spawn'] })],
  },
  'a launcher without a caller on the stack is the caller': {
    launchers: ['nano-spawn'],
    files: {
      'app.js': `require('nano-spawn').go();`,
      ...installed('nano-spawn', `exports.go = function () { setTimeout(function go() { ${SPAWN} }); };`),
    },
    expected: [goOf('nano-spawn')],
  },
  'a launcher without a caller on the stack, which runs code without a file, is the caller': {
    launchers: ['cross-spawn'],
    files: {
      'app.js': `globalThis.require = require; require('cross-spawn');`,
      ...installed(
        'cross-spawn',
        `setTimeout(function go() { require('vm').runInThisContext(${JSON.stringify(SPAWN)}); });`,
      ),
    },
    expected: [goOf('cross-spawn')],
  },
  'a launcher that code without a file calls': {
    launchers: ['cross-spawn'],
    files: {
      'app.js': `globalThis.launch = require('cross-spawn'); require('vm').runInThisContext("setTimeout(function late() { launch('true') })");`,
      ...launcher('cross-spawn'),
    },
    expected: [
      named({ name: '?', file: 'evalmachine.<anonymous>', function: 'late', launchers: ['cross-spawn'] }),
    ],
  },
  'a launcher under an alias': {
    launchers: ['cross-spawn'],
    files: {
      'app.js': `require('mine')('true');`,
      ...launcher('cross-spawn', { folder: 'node_modules/mine' }),
    },
    expected: [named({ launchers: ['mine'] })],
  },
  "another package under a launcher's name: no launcher": {
    launchers: ['cross-spawn'],
    files: {
      'app.js': `require('cross-spawn').go();`,
      ...installed('a', GO, { folder: 'node_modules/cross-spawn' }),
    },
    expected: [goOf('cross-spawn', { declaredName: 'a' })],
  },
});

// ---------------------------------------------------------------------------------------------
// Other people's hooks
// ---------------------------------------------------------------------------------------------

/** Changes Error, spawns by way of an await, and then looks whether the change is as it was. */
const meddling = (change: string, { nodeArgs = [] }: CallersOptions = {}): Case => ({
  nodeArgs,
  launchers: ['wait'],
  files: {
    'app.js': `
      const { go } = require('wait');
      const { defineProperty, getOwnPropertyDescriptors, freeze, keys } = Object;
      const { isDeepStrictEqual } = require('util');
      const OriginalError = Error;
      ${change};
      const state = () => [globalThis.Error, ...[OriginalError, globalThis.Error ?? {}].map(getOwnPropertyDescriptors)];
      const before = state();
      (async function main() {
        await go();
        if (!isDeepStrictEqual(state(), before)) process.exit(99);
      })();`,
    ...installed('wait', `exports.go = async function go() { await 1; ${SPAWN} };`),
  },
  expected: [named({ line: 10, function: 'main', launchers: ['wait'] })],
});

cases({
  'prepareStackTrace is a function': meddling(`Error.prepareStackTrace = () => 'mine'`),
  'prepareStackTrace gives call sites': meddling(`Error.prepareStackTrace = (_, sites) => sites.slice(0, 0)`),
  'prepareStackTrace throws': meddling(`Error.prepareStackTrace = () => { throw 1; }`),
  'prepareStackTrace is no function': meddling(`Error.prepareStackTrace = 'mine'`),
  'prepareStackTrace is an accessor': meddling(
    `defineProperty(Error, 'prepareStackTrace', { get() { throw 1; }, set() { throw 1; }, configurable: true })`,
  ),
  'prepareStackTrace is deleted': meddling('delete Error.prepareStackTrace'),
  'stackTraceLimit is 0': meddling('Error.stackTraceLimit = 0'),
  'stackTraceLimit is 1': meddling('Error.stackTraceLimit = 1'),
  'stackTraceLimit is not a number': meddling(`Error.stackTraceLimit = 'x'`),
  'stackTraceLimit is deleted': meddling('delete Error.stackTraceLimit'),
  'stackTraceLimit is an accessor': meddling(
    `defineProperty(Error, 'stackTraceLimit', { get() { throw 1; }, set() { throw 1; }, configurable: true })`,
  ),
  'stackTraceLimit is 0 by flag': meddling('', { nodeArgs: ['--stack-trace-limit=0'] }),
  'stackTraceLimit is 0, not configurable but writable': meddling(
    `defineProperty(Error, 'stackTraceLimit', { value: 0, writable: true, configurable: false })`,
  ),
  'captureStackTrace is deleted': meddling('delete Error.captureStackTrace'),
  'captureStackTrace is replaced': meddling('Error.captureStackTrace = () => { throw 1; }'),
  'Error is replaced': meddling('globalThis.Error = class extends Error {}'),
  'Error is replaced by one with a hook': meddling(
    `globalThis.Error = class extends Error { static prepareStackTrace() { return 'mine'; } static stackTraceLimit = 0; }`,
  ),
  'Error, with a limit of 0, is replaced by one with another': meddling(
    'Error.stackTraceLimit = 0; globalThis.Error = class extends Error { static stackTraceLimit = 50; }',
  ),
  'Error is deleted': meddling('delete globalThis.Error'),
  'Error is frozen': meddling('freeze(Error)'),
  'intrinsics are frozen': meddling('', { nodeArgs: ['--frozen-intrinsics', '--no-warnings'] }),
});

/** What cannot be changed back is not changed: the stack is that of another realm. */
const locking = (change: string): Case => ({
  files: { 'app.js': `const { go } = require('a'); ${change}; go();`, ...installed('a') },
  expected: [goOf('a')],
});

cases({
  'the limit is locked at 0': locking(
    `Object.defineProperty(Error, 'stackTraceLimit', { value: 0, writable: false, configurable: false })`,
  ),
  'the hook is locked': locking(
    `Object.defineProperty(Error, 'prepareStackTrace', { value: () => 'mine', writable: false, configurable: false })`,
  ),
  'the hook is locked, and throws': locking(
    `Object.defineProperty(Error, 'prepareStackTrace', { value() { throw 1; }, writable: false, configurable: false })`,
  ),
  'both are locked, with source maps': {
    ...locking(`Object.freeze(Object.assign(Error, { stackTraceLimit: 0, prepareStackTrace: () => [] }))`),
    nodeArgs: ['--enable-source-maps'],
  },
});

// ---------------------------------------------------------------------------------------------
// The product itself
// ---------------------------------------------------------------------------------------------

/** The warnings, each with its advice, without the fixture's folder. */
async function warnings(t: ExecutionContext, files: Files): Promise<string[]> {
  const folder = temporaryFolder(t);
  const result = await run(write(folder, files), { cwd: folder, node: NODE });
  t.is(result.code, 0);
  return toWarnings(result.stderr.replaceAll(folder, ''));
}

const PASS = `require('node:child_process').spawnSync('true', { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });`;

test('a finding names the package, its version and the place', async t => {
  const files = {
    'app.js': `require('a').go();`,
    ...installed('a', `exports.go = function go() {\n  ${PASS} };`),
  };
  t.deepEqual(await warnings(t, files), [
    'designated FD 3 (a new pipe) was closed: a@1.2.3 starting "true" with spawnSync() at /node_modules/a/index.js:2:33, called by the app at /app.js:1:14',
    'If the child needs it, allow it in closefds.json:\n  {"rules":[{"caller":"a","kinds":["pipe"],"fds":[3],"effect":"allow","reason":"..."}]}',
  ]);
});

test('a finding about code without a file advises no rule for the app', async t => {
  const late = `setTimeout(() => ${PASS.slice(0, -1)})`;
  const files = {
    'app.js': `globalThis.require = require; require('vm').runInThisContext(${JSON.stringify(late)});`,
  };
  t.deepEqual(await warnings(t, files), [
    'designated FD 3 (a new pipe) was closed: code without a file starting "true" with spawnSync() at evalmachine.<anonymous>:1:48',
    'The caller is unknown, so no rule can name it. Only a rule without "caller" can allow this, for every caller.',
  ]);
});
