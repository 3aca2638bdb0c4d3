// Every `npx closefds ...` that the documentation shows is run, in an app like its readers'; of every
// other command, where it is run.

import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { fences } from '../support/markdown';
import { temporaryFolder, write } from '../support/programs';
import { REGISTER, ROOT, run, runCommand } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'compat/README.md',
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
];

/** In a block, up to a comment; in a line of text, up to the backquote. */
const COMMAND = /(?<=`|^|\$ )npx closefds ([^`\n#]+)/gm;

const commands = new Set(
  PAGES.flatMap(page =>
    [...readFileSync(path.join(ROOT, page), 'utf8').matchAll(COMMAND)].map(([, command = '']) =>
      command.trim(),
    ),
  ),
);

const APP = {
  'package.json': '{"name": "app", "scripts": {"start": "node app.js", "test": "node app.js"}}',
  'app.js': `require('node:child_process').spawnSync('true', { stdio: [0, 1, 2, 'pipe'] });`,
  'closefds.ci.json': '{"rules": [{"caller": ".", "fds": [3], "effect": "allow", "reason": "r"}]}',
};

test('the pages have more than ten commands', t => {
  t.true(commands.size > 10);
});

for (const command of commands) {
  test(`npx closefds ${command} runs as a page shows it`, async t => {
    const folder = temporaryFolder(t);
    const app = path.dirname(write(folder, APP));
    const closefds = (line: string) =>
      runCommand(['sh', '-c', `exec "$0" "$@" ${line}`, process.execPath, MAIN], { cwd: app });
    await run(path.join(app, 'app.js'), {
      nodeArgs: ['--require', REGISTER],
      cwd: app,
      env: { CLOSEFDS_MODE: 'warn', CLOSEFDS_REPORT: path.join(app, 'findings.ndjson') },
    });
    copyFileSync(path.join(app, 'findings.ndjson'), path.join(app, 'audit.ndjson'));
    if (command.includes('--baseline'))
      for (const { first, last } of [
        { first: 'scan', last: '' },
        { first: 'run --mode warn', last: '-- node app.js' },
      ])
        await closefds(`${first} --baseline closefds-baseline.json --write-baseline ${last}`);
    // A reader puts the name of a package there.
    const { code, stderr } = await closefds(command.replace(/\bNAME\b/, 'tsx'));
    t.is(code, 0, stderr);
  });
}

// ---------------------------------------------------------------------------------------------
// Commands of other programs
// ---------------------------------------------------------------------------------------------

/** Pages whose blocks tests of their own run, line by line. */
const RUN_BY: Readonly<Record<string, readonly string[]>> = {
  'docs/getting-started.md': [
    'test/docs/migration.slow.ts',
    'test/install/recipes.test.ts',
    'test/preload/in-bundle.test.ts',
  ],
  'docs/dev/debugging.md': ['test/docs/debugging.test.ts'],
};

/** Two that install, and the first of the recipes; `.ci/run` does what CONTRIBUTING.md begins with. */
const KNOWN = new Set([
  'npm install closefds',
  'node --require closefds/register app.js',
  'npm ci',
  'npm test',
]);

const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };

for (const page of PAGES) {
  test(`${page} shows no command that nothing runs`, t => {
    const tests = RUN_BY[page];
    if (tests !== undefined) {
      for (const test of tests) t.true(read(test).includes(path.basename(page)), test);
      return;
    }
    const lines = fences(read(page), 'sh').flatMap(block => block.trim().split('\n'));
    const unknown = lines
      .map(line => line.replace(/ +#.*/, ''))
      .filter(line => !line.startsWith('npx closefds ') && !KNOWN.has(line) && !isScript(line));
    t.deepEqual(unknown, []);
  });
}

function isScript(line: string): boolean {
  const [, name = ''] = /^npm run ([\w:-]+)$/.exec(line) ?? [];
  return name in scripts;
}

test('every script and file that a page tells to run is there', t => {
  const text = PAGES.map(read).join('\n');
  const names = [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name = '']) => name);
  const files = [...text.matchAll(/\bnode ((?:scripts|bench)\/[\w./-]+)/g)].map(([, file = '']) => file);
  t.true(names.length > 10 && files.length > 0);
  t.deepEqual(
    names.filter(name => !(name in scripts)),
    [],
  );
  t.deepEqual(
    files.filter(file => !existsSync(path.join(ROOT, file))),
    [],
  );
});

test('docs/dev/commands.md names every script of the package that is for people', t => {
  const named = new Set(
    [...read('docs/dev/commands.md').matchAll(/\bnpm (?:run )?([\w:-]+)/g)].map(([, name]) => name),
  );
  t.deepEqual(
    Object.keys(scripts).filter(name => !named.has(name) && !/^pre/.test(name)),
    [],
  );
});
