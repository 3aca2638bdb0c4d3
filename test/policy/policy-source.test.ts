// Which config is taken: that of the program, never one that data or another user chose.

import { chmodSync, chownSync, lchownSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { REGISTER, run, runCommand } from '../support/run';

const TELL =
  "process.stdout.write(globalThis[Symbol.for('closefds.installed')].settings.configFile ?? 'none')";
const OFF = JSON.stringify({ mode: 'off' });

// ---------------------------------------------------------------------------------------------
// A data argument is no script
// ---------------------------------------------------------------------------------------------

interface CommandLine {
  readonly name: string;
  /** Node's arguments, given the program's text and a path in the folder of uploads. */
  readonly args: (data: string) => readonly string[];
  readonly input?: string;
  /** Below the app's folder. */
  readonly config: string;
}

/** Tells at start, where Node runs no code of ours. */
const TELLER = 'teller';

const APP_CONFIG = 'app/closefds.json';
const UPLOADED = 'uploads/closefds.json';

const COMMAND_LINES: readonly CommandLine[] = [
  { name: '-e', args: data => ['-e', TELL, data], config: APP_CONFIG },
  { name: '--eval=', args: data => [`--eval=${TELL}`, data], config: APP_CONFIG },
  { name: '-p', args: data => ['-p', `${TELL}; ''`, data], config: APP_CONFIG },
  { name: '-pe', args: data => ['-pe', `${TELL}; ''`, data], config: APP_CONFIG },
  {
    name: '--input-type=module -e',
    args: data => ['--input-type=module', '-e', TELL, data],
    config: APP_CONFIG,
  },
  { name: '-e with empty code', args: data => ['-r', TELLER, '-e', '', data], config: APP_CONFIG },
  { name: '--check', args: data => ['-r', TELLER, '--check', data], config: APP_CONFIG },
  { name: 'stdin', args: data => ['-', data], input: TELL, config: APP_CONFIG },
  { name: 'a script', args: data => [data], config: UPLOADED },
  { name: 'a script behind --', args: data => ['--', data, 'x'], config: UPLOADED },
];

for (const { name, args, input, config } of COMMAND_LINES) {
  test(`${name}: the config is ${config === UPLOADED ? "that of the script's folder" : 'that of the current folder'}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, {
      [APP_CONFIG]: JSON.stringify({ mode: 'warn' }),
      'app/package.json': '{"name": "app"}',
      [UPLOADED]: OFF,
      'uploads/data.js': TELL,
      'teller.js': TELL,
    });
    const data = path.join(folder, 'uploads', 'data.js');
    const node = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;
    const given = args(data).map(arg => (arg === TELLER ? path.join(folder, 'teller.js') : arg));
    const result = await runCommand([node, '--require', REGISTER, ...given], {
      cwd: path.join(folder, 'app'),
      ...(input !== undefined && { input }),
    });
    t.is(result.stdout.trim(), path.join(folder, config), result.stderr);
  });
}

// ---------------------------------------------------------------------------------------------
// Another user's file is refused
// ---------------------------------------------------------------------------------------------

const OTHER = 65_534;

interface Owned {
  readonly name: string;
  /** Done to the app's folder, which has an app.js and a closefds.json. */
  readonly change: (folder: string) => void;
  readonly env?: Readonly<Record<string, string>>;
  /** Whose the process is. Default: that of the tests, root. */
  readonly uid?: number;
  /** What stderr says; undefined where the config is taken. */
  readonly refused?: RegExp;
}

const configOf = (folder: string): string => path.join(folder, 'closefds.json');

const OWNERS: readonly Owned[] = [
  { name: 'a file of the process', change: () => {} },
  {
    name: 'a file of another user',
    change: folder => chownSync(configOf(folder), OTHER, OTHER),
    refused:
      /closefds\.json: expected a file of uid 0, found one of uid 65534, so another user could choose this process's policy\. If you trust it, name it: CLOSEFDS_CONFIG=\/.*\/closefds\.json\.$/m,
  },
  {
    name: 'a file of root, in a process of another user',
    change: folder => chmodSync(folder, 0o755),
    uid: OTHER,
  },
  {
    name: 'a file of the user who called sudo',
    change: folder => chownSync(configOf(folder), OTHER, OTHER),
    env: { SUDO_UID: String(OTHER) },
    refused: /found one of uid 65534/,
  },
  {
    name: 'a file of the process in a folder of another user',
    change: folder => chownSync(folder, OTHER, OTHER),
    refused: /expected a folder of uid 0, found \/.* of uid 65534/,
  },
  {
    name: 'a file that another group may write to',
    change: folder => {
      chownSync(configOf(folder), 0, OTHER);
      chmodSync(configOf(folder), 0o664);
    },
    refused: /expected a file that no other user may write to/,
  },
  {
    name: 'a folder that another group may write to',
    change: folder => {
      chownSync(folder, 0, OTHER);
      chmodSync(folder, 0o2775);
    },
    refused: /expected a folder that no other user may write to/,
  },
  {
    name: 'a link of another user to a file of the process',
    change: folder => {
      const link = configOf(folder);
      write(folder, { 'elsewhere/closefds.json': OFF });
      writeFileSync(`${link}.new`, '');
      symlinkSync('elsewhere/closefds.json', path.join(folder, 'link'));
      lchownSync(path.join(folder, 'link'), OTHER, OTHER);
      renameSync(path.join(folder, 'link'), link);
    },
    refused: /found one of uid 65534/,
  },
  {
    name: 'a file that every user may write to',
    change: folder => chmodSync(configOf(folder), 0o666),
    refused: /expected a file that no other user may write to/,
  },
  {
    name: 'a file that a group of the process may write to',
    change: folder => chmodSync(configOf(folder), 0o664),
  },
  {
    name: 'a folder that every user may write to',
    change: folder => chmodSync(folder, 0o777),
    refused: /expected a folder that no other user may write to, found \//,
  },
  {
    name: 'a sticky folder that every user may write to',
    change: folder => chmodSync(folder, 0o1777),
  },
  {
    name: 'a key in a package.json of another user',
    change: folder => {
      renameSync(configOf(folder), path.join(folder, 'unused.json'));
      writeFileSync(path.join(folder, 'package.json'), '{"name": "app", "closefds": {"mode": "off"}}');
      chownSync(path.join(folder, 'package.json'), OTHER, OTHER);
    },
    refused: /package\.json: expected a file of uid 0.*CLOSEFDS_CONFIG=\/.*\/package\.json#\/closefds\.$/m,
  },
  {
    name: 'a package.json of another user without a config, which only names the app',
    change: folder => chownSync(path.join(folder, 'package.json'), OTHER, OTHER),
  },
];

const isRoot = process.getuid?.() === 0;

for (const { name, change, env, uid, refused } of OWNERS) {
  test(`${name}: the config that was found is ${refused ? 'refused, and the process does not start' : 'taken'}`, async t => {
    if (!isRoot) return notRoot(t);
    const folder = appFolder(t);
    change(folder);
    const { code, stdout, stderr } = await start(folder, env, uid);
    t.is(code, refused ? 1 : 0, stderr);
    t.is(stdout, refused ? '' : configOf(folder));
    if (refused) t.regex(stderr, refused);
  });
}

test('a config that CLOSEFDS_CONFIG names is taken from each owner', async t => {
  if (!isRoot) return notRoot(t);
  const folder = appFolder(t);
  chownSync(configOf(folder), OTHER, OTHER);
  const { code, stdout, stderr } = await start(folder, { CLOSEFDS_CONFIG: configOf(folder) });
  t.deepEqual([code, stdout], [0, configOf(folder)], stderr);
});

function appFolder(t: ExecutionContext): string {
  const folder = path.join(temporaryFolder(t), 'app');
  mkdirSync(folder);
  chmodSync(path.dirname(folder), 0o755);
  write(folder, { 'app.js': TELL, 'package.json': '{"name": "app"}', 'closefds.json': OFF });
  return folder;
}

function start(folder: string, env: Readonly<Record<string, string>> = {}, uid?: number) {
  const through = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  return run(path.join(folder, 'app.js'), {
    env: { ...env, ...(uid !== undefined && { NODE_V8_COVERAGE: '' }) },
    through,
  });
}

function notRoot(t: ExecutionContext): void {
  t.log('skipped: only root can make files of other users');
  t.pass();
}
