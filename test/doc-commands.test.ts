// Every `npx closefds ...` that the documentation shows is run, in an app like its readers'.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { temporaryFolder, write } from './support/programs';
import { REGISTER, ROOT, run, runCommand } from './support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'compat/README.md',
  ...readdirSync(path.join(ROOT, 'docs')).map(name => `docs/${name}`),
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

test('there are some', t => {
  t.true(commands.size > 10);
});

for (const command of commands) {
  test(`npx closefds ${command}`, async t => {
    const folder = temporaryFolder(t);
    const app = path.dirname(write(folder, APP));
    const closefds = (line: string) =>
      runCommand(['sh', '-c', `exec "$0" "$@" ${line}`, process.execPath, MAIN], { cwd: app });
    await run(path.join(app, 'app.js'), {
      nodeArgs: ['--require', REGISTER],
      cwd: app,
      env: { CLOSEFDS_MODE: 'warn', CLOSEFDS_REPORT: path.join(app, 'findings.ndjson') },
    });
    if (command.includes('--baseline'))
      await closefds('scan --baseline closefds-baseline.json --write-baseline');
    const { code, stderr } = await closefds(command);
    t.is(code, 0, stderr);
  });
}
