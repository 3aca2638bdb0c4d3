// closefds/register in a bundle: docs/getting-started.md, and bundles that contain closefds. Those of webpack, ncc and
// Rollup are in test/packages.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fences, section } from '../support/markdown';
import { temporaryFolder, write } from '../support/programs';
import { inheriting, LIST_FDS, ROOT, type RunResult, runCommand } from '../support/run';

const NODE = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;
const BIN = path.join(ROOT, 'node_modules', '.bin');
const PAGE = readFileSync(path.join(ROOT, 'docs', 'getting-started.md'), 'utf8');

const CHILD = `
const { stdout } = spawnSync(${JSON.stringify(LIST_FDS)}, ['1', '1000']);
console.log('its child has ' + String(stdout).trim());
`;
const SPAWN = "const { spawnSync } = require('node:child_process');\n";
const COMMONJS = `require('closefds/register');\n${SPAWN}${CHILD}`;
const MODULE = `import 'closefds/register';\nimport { spawnSync } from 'node:child_process';\n${CHILD}`;

const CLOSED = 'its child has [0,1,2]\n';
const PASSED = 'its child has [0,1,2,200]\n';
const REFUSAL =
  /^closefds: \S+ has closefds bundled in, which works only as an installed package, since it has an addon: run "npm install closefds" beside the bundle, and write it as external \(esbuild --external:closefds\); see docs\/getting-started\.md in the package\.\nThe process was not started\.\n$/;

const [VERSION = '', HAS_BUILTINS] = spawnSync(
  NODE,
  ['-p', "process.versions.node + (process.getBuiltinModule ? ' yes' : '')"],
  { encoding: 'utf8' },
).stdout.split(/\s/);

/** An app with closefds in its node_modules. */
function writeApp(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const app = path.join(temporaryFolder(t), 'app');
  write(app, { 'package.json': '{"name": "app"}', ...files });
  mkdirSync(path.join(app, 'node_modules'));
  symlinkSync(ROOT, path.join(app, 'node_modules', 'closefds'));
  return app;
}

/** Runs the lines of a recipe in the app's folder, with the tools of this repository. */
function build(t: ExecutionContext, app: string, lines: string): void {
  const script = lines.replaceAll(/^npx /gm, `${BIN}/`).replaceAll(/^node /gm, `${NODE} `);
  const withNode = script.replaceAll('$(command -v node)', NODE);
  const { status, stdout, stderr } = spawnSync('bash', ['-ec', withNode], { cwd: app, encoding: 'utf8' });
  t.is(status, 0, stdout + stderr);
}

/** From a shell that holds FD 200, which Node does not mark at start. */
function start(command: readonly string[], cwd: string): Promise<RunResult> {
  return runCommand([...inheriting(200, write(cwd, { held: '' })), ...command], { cwd });
}

function recipe(heading: string): string {
  const [lines = ''] = fences(section(PAGE, heading), 'sh');
  return lines;
}

test('the recipe for esbuild makes a bundle without closefds that loads it', async t => {
  const app = writeApp(t, { 'app.js': COMMONJS });
  build(t, app, recipe('esbuild'));
  t.regex(readFileSync(path.join(app, 'dist', 'app.js'), 'utf8'), /require\("closefds\/register"\)/);
  const { stdout, stderr } = await start([NODE, 'dist/app.js'], app);
  t.is(stdout, CLOSED, stderr);
});

test('the recipe for a single executable application makes one that loads closefds from beside it', async t => {
  const app = writeApp(t, { 'app.js': COMMONJS });
  if (Number.parseInt(VERSION, 10) < 20) {
    const { stderr } = await start([NODE, '--experimental-sea-config', 'sea.json'], app);
    t.regex(stderr, /bad option/, 'Node 18 from npm makes none');
    return;
  }
  build(t, app, recipe('A single executable application'));
  const elsewhere = temporaryFolder(t);
  cpSync(path.join(app, 'app'), path.join(elsewhere, 'app'));
  const installed = await start([path.join(app, 'app')], elsewhere);
  t.is(installed.stdout, CLOSED, installed.stderr);
  const alone = await start(['./app'], elsewhere);
  t.deepEqual([alone.code, alone.stdout], [1, '']);
  t.regex(alone.stderr.replace(/^\(node:.*\n(?:\(Use .*\n)?/, ''), REFUSAL);
});

for (const { name, source, options, out = 'app.js', prints } of [
  { name: 'CommonJS', source: COMMONJS, options: '', prints: CLOSED },
  { name: 'CommonJS, minified', source: COMMONJS, options: '--minify', prints: CLOSED },
  {
    name: 'CommonJS, of closefds/register/warn',
    source: COMMONJS.replace('register', 'register/warn'),
    options: '',
    prints: PASSED,
  },
  { name: 'CommonJS, made from a module', source: MODULE, options: '--format=cjs', prints: CLOSED },
  {
    name: 'a module',
    source: MODULE,
    options: '--format=esm',
    out: 'app.mjs',
    // Before Node 20.16, such a bundle has no way to Node's own modules.
    prints: HAS_BUILTINS ? CLOSED : undefined,
  },
]) {
  test(`a bundle that contains closefds (${name}) loads the installed one, or does not start`, async t => {
    const app = writeApp(t, { 'app.mjs': source, 'app.js': source });
    const from = source === MODULE ? 'app.mjs' : 'app.js';
    const command = `npx esbuild ${from} --bundle --platform=node ${options} --outfile=dist/${out} --log-level=warning`;
    build(t, app, command);

    const beside = await start([NODE, `dist/${out}`], app);
    if (prints === undefined) t.regex(beside.stderr, REFUSAL);
    else t.is(beside.stdout, prints, beside.stderr);

    const elsewhere = temporaryFolder(t);
    cpSync(path.join(app, 'dist', out), path.join(elsewhere, out));
    const alone = await start([NODE, out], elsewhere);
    t.deepEqual([alone.code, alone.stdout], [1, '']);
    t.regex(alone.stderr, REFUSAL);
  });
}

test('a bundle is found by the real path of the link that it is started by', async t => {
  const app = writeApp(t, { 'app.mjs': MODULE });
  build(t, app, 'npx esbuild app.mjs --bundle --platform=node --format=esm --outfile=dist/app.mjs');
  const elsewhere = temporaryFolder(t);
  symlinkSync(path.join(app, 'dist', 'app.mjs'), path.join(elsewhere, 'app.mjs'));
  const { stdout, stderr } = await start([NODE, 'app.mjs'], elsewhere);
  if (HAS_BUILTINS) t.is(stdout, CLOSED, stderr);
  else t.regex(stderr, REFUSAL);
});

test('a bundle that contains closefds takes the copy that a preload has loaded', async t => {
  const app = writeApp(t, { 'app.js': COMMONJS.replace('register', 'register/strict') });
  build(t, app, 'npx esbuild app.js --bundle --platform=node --outfile=app-bundle.js');
  const elsewhere = temporaryFolder(t);
  cpSync(path.join(app, 'app-bundle.js'), path.join(elsewhere, 'app.js'));
  const register = path.join(ROOT, 'dist', 'register', 'index.js');
  const { stdout, stderr } = await start([NODE, '--require', register, 'app.js'], elsewhere);
  t.is(stdout, CLOSED, stderr);
  t.regex(stderr, /CLOSEFDS_SECOND_COPY.* for mode "strict"; the first copy \(.*, mode "enforce"\) stays/);
});
