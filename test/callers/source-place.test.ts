// The place in the source: from Node's source maps, from the program's own stack-trace hook, or not at all.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { buildSync, transformSync } from 'esbuild';
import type { CodePlace } from '../../src/model/caller';
import { type CallersOptions, callers, fullCallers as findCallers, NODE, named } from '../support/callers';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, run, WITHOUT_COVERAGE } from '../support/run';

/** Without coverage, for which Node reads source maps as well. */
function fullCallers(t: ExecutionContext, folder: string, program: string, options: CallersOptions = {}) {
  return findCallers(t, folder, program, { ...options, env: { ...options.env, ...WITHOUT_COVERAGE } });
}

/** The call is in line 9. */
const TYPESCRIPT = `interface Long {
  readonly a: string;
}

const long: Long = { a: 'a' };

export function main(): Long {
  const { spawnSync } = require('node:child_process');
  spawnSync('true', { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  return long;
}
main();
`;

/** What esbuild makes of a file, with a source map in it: two lines, of which the last is the map. */
function compiled(file: string): string {
  const { code } = transformSync(TYPESCRIPT, {
    loader: 'ts',
    format: 'cjs',
    minifyWhitespace: true,
    sourcemap: 'inline',
    sourcefile: file,
  });
  return code;
}

interface Shown {
  readonly runs: string;
  /** In the package, or in the app. */
  readonly source: string | undefined;
}

function shown(caller: CodePlace | null | undefined): Shown | undefined {
  if (!caller) return undefined;
  const { fileInPackage, line, source } = caller;
  return {
    runs: `${fileInPackage}:${line}`,
    source: source && `${source.fileInPackage}:${source.line}:${source.column}`,
  };
}

interface Case {
  readonly title: string;
  readonly files: (folder: string) => Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  readonly shown: Shown;
}

/** Puts a function in the place of Error.prepareStackTrace, then runs the program. */
const hooked = (hook: string) => (folder: string) => ({
  'start.js': `Error.prepareStackTrace = ${hook};\nrequire('./app.js');`,
  'app.js': compiled(path.join(folder, 'app.ts')),
});

/** As source-map-support writes frames, with each line moved by 100. */
const MOVE = hookWith('s.getLineNumber() + 100', '7');

function hookWith(line: string, column: string): string {
  const place = `s.getFileName() + ':' + (${line}) + ':' + ${column}`;
  return `(error, sites) => error + sites.map(s => '\\n    at ' + s.getFunctionName() + ' (' + ${place} + ')').join('')`;
}

const NOT_MAPPED = { runs: 'app.js:1', source: undefined };

const CASES: readonly Case[] = [
  {
    title: 'a built file with source maps enabled is shown at its source',
    files: folder => ({ 'dist/app.js': compiled(path.join(folder, 'src/app.ts')) }),
    nodeArgs: ['--enable-source-maps'],
    shown: { runs: 'dist/app.js:1', source: 'src/app.ts:9:3' },
  },
  {
    title: 'a relative source is resolved from the built file',
    files: () => ({ 'dist/app.js': compiled('../src/app.ts') }),
    nodeArgs: ['--enable-source-maps'],
    shown: { runs: 'dist/app.js:1', source: 'src/app.ts:9:3' },
  },
  {
    title: 'the URL of a bundler is shown as it is',
    files: () => ({ 'dist/app.js': compiled('webpack://my-app/./src/app.ts') }),
    nodeArgs: ['--enable-source-maps'],
    shown: { runs: 'dist/app.js:1', source: 'src/app.ts:9:3' },
  },
  {
    title: 'a file with a source map that nothing enabled is shown as it runs',
    files: () => ({ 'dist/app.js': compiled('../src/app.ts') }),
    shown: { runs: 'dist/app.js:1', source: undefined },
  },
  {
    title: 'a program that enables source maps itself',
    files: () => ({
      'start.js': `process.setSourceMapsEnabled(true);\nrequire('./app.js');`,
      'app.js': compiled('app.ts'),
    }),
    shown: { runs: 'app.js:1', source: 'app.ts:9:3' },
  },
  {
    title: 'a file without a source map is shown as it runs',
    files: () => ({ 'app.js': `require('node:child_process').spawnSync('true');` }),
    nodeArgs: ['--enable-source-maps'],
    shown: NOT_MAPPED,
  },
  {
    title: 'a damaged source map changes nothing',
    files: () => ({
      'app.js': `require('node:child_process').spawnSync('true');\n//# sourceMappingURL=data:application/json;base64,e30=`,
    }),
    nodeArgs: ['--enable-source-maps'],
    shown: NOT_MAPPED,
  },
  {
    title: 'the stack-trace hook of the program is asked',
    files: hooked(MOVE),
    shown: { runs: 'app.js:1', source: 'app.js:101:7' },
  },
  {
    title: 'a hook that changes nothing is no source',
    files: hooked(hookWith('s.getLineNumber()', 's.getColumnNumber()')),
    shown: NOT_MAPPED,
  },
  {
    title: 'a hook that returns call sites is no source',
    files: hooked('(_, sites) => sites'),
    shown: NOT_MAPPED,
  },
  { title: 'a hook with a format of its own is no source', files: hooked('() => "mine"'), shown: NOT_MAPPED },
  { title: 'a hook that throws is no source', files: hooked('() => { throw 1; }'), shown: NOT_MAPPED },
  {
    title: "Node's source map is preferred to the hook",
    files: hooked(MOVE),
    nodeArgs: ['--enable-source-maps'],
    shown: { runs: 'app.js:1', source: 'app.ts:9:3' },
  },
];

for (const { title, files, nodeArgs = [], shown: expected } of CASES)
  test(title, async t => {
    const folder = temporaryFolder(t);
    const [caller, ...more] = await fullCallers(t, folder, write(folder, files(folder)), { nodeArgs });
    t.deepEqual(more, []);
    t.deepEqual(shown(caller), expected);
  });

test('a hook that is installed late is asked for a place that was seen before', async t => {
  const folder = temporaryFolder(t);
  const program = write(folder, {
    'start.js': `const { main } = require('./app.js');\nError.prepareStackTrace = ${MOVE};\nmain();\nError.prepareStackTrace = undefined;\nmain();`,
    'app.js': compiled('app.ts'),
  });
  const found = await fullCallers(t, folder, program);
  t.deepEqual(
    found.map(caller => caller?.source?.line),
    [undefined, 101, undefined],
  );
});

test('the hook of the program stays in its place', async t => {
  const folder = temporaryFolder(t);
  const program = write(folder, {
    'app.js': `let asked = 0;\nconst hook = () => { asked++; return 'mine'; };\nError.prepareStackTrace = hook;\nrequire('node:child_process').spawnSync('true');\nif (Error.prepareStackTrace !== hook) throw 1;\nif (new Error().stack !== 'mine') throw 2;`,
  });
  t.deepEqual(await callers(t, folder, program), [named({ line: 4 })]);
});

// ---------------------------------------------------------------------------------------------
// The product
// ---------------------------------------------------------------------------------------------

/** As tsx does: compiles what is required, and has Node keep the source maps. */
const LOADER = `
  const { transformSync } = require(${JSON.stringify(require.resolve('esbuild'))});
  process.setSourceMapsEnabled(true);
  require.extensions['.ts'] = (module, file) => {
    const options = { loader: 'ts', format: 'cjs', minifyWhitespace: true, sourcemap: 'inline', sourcefile: file };
    module._compile(transformSync(require('node:fs').readFileSync(file, 'utf8'), options).code, file);
  };
`;

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

async function compiledApp(t: ExecutionContext) {
  const folder = temporaryFolder(t);
  write(folder, {
    'start.js': `${LOADER}\nrequire('./app.ts');`,
    'app.ts': TYPESCRIPT,
    'package.json': '{"name": "app", "version": "1.0.0"}',
  });
  const report = path.join(folder, 'findings.ndjson');
  const { stderr } = await run(path.join(folder, 'start.js'), {
    cwd: folder,
    node: NODE,
    env: { CLOSEFDS_REPORT: report },
  });
  const cli = (...args: string[]) => run(MAIN, { nodeArgs: [], args, cwd: folder });
  return { folder, report, stderr, cli };
}

test('a warning names the place in the source, the record that and the running one', async t => {
  const { folder, report, stderr, cli } = await compiledApp(t);
  t.true(stderr.includes(`with spawnSync() at ${folder}/app.ts:9:3\n`), stderr);
  const { caller } = JSON.parse(readFileSync(report, 'utf8'));
  const file = path.join(folder, 'app.ts');
  t.deepEqual(
    { file: caller.file, line: caller.line, source: caller.source },
    { file, line: 1, source: { file, fileInPackage: 'app.ts', line: 9, column: 3 } },
  );
  const { stdout } = await cli('report', report);
  t.true(stdout.includes(`app@1.0.0 ${file}:9`), stdout);
});

test('what the scan found at the line of the source has run', async t => {
  const { folder, report, cli } = await compiledApp(t);
  const scanned = await cli('scan', '--no-cache', '--format', 'json');
  write(folder, { 'scan.json': scanned.stdout });
  t.deepEqual(
    JSON.parse(scanned.stdout).places.map((place: { fileInPackage: string; line: number }) => [
      place.fileInPackage,
      place.line,
    ]),
    [['app.ts', 9]],
  );
  const { stdout } = await cli('learn', '--scan', 'scan.json', '--format', 'json', report);
  t.deepEqual(JSON.parse(stdout).unseen, []);
});

test('a rule goes on matching the file that runs', async t => {
  const folder = temporaryFolder(t);
  write(folder, { 'src/app.ts': TYPESCRIPT, 'package.json': '{"name": "app"}' });
  buildSync({
    entryPoints: [path.join(folder, 'src/app.ts')],
    outfile: path.join(folder, 'dist/app.js'),
    platform: 'node',
    format: 'cjs',
    sourcemap: 'inline',
  });
  const closedWith = async (callSite: string) => {
    const rule = { caller: '.', kinds: ['pipe'], callSite, effect: 'allow', reason: 'test' };
    write(folder, { 'closefds.json': JSON.stringify({ rules: [rule] }) });
    const program = path.join(folder, 'dist/app.js');
    const { stderr } = await run(program, {
      cwd: folder,
      node: NODE,
      nodeArgs: ['--enable-source-maps', '--require', path.join(ROOT, 'dist/register/index.js')],
    });
    return / was closed: .* at (\S+)/.exec(stderr)?.[1];
  };
  t.is(await closedWith('dist/app.js'), undefined);
  t.is(await closedWith('src/app.ts'), path.join(folder, 'src/app.ts:9:3'));
});
