// How the settings are found and refused, on real programs.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { RULE_KEYS } from '../../src/policy/parse-config';
import { orList, quote } from '../../src/policy/parse-value';
import { temporaryFolder, write } from '../support/programs';
import { REGISTER, type RunOptions, run } from '../support/run';

/** Tells what is in force in it. */
const TELL = `
  const told = globalThis[Symbol.for('closefds.installed')];
  const tell = state => ({ mode: state.mode, file: state.settings.configFile, root: state.settings.appRoot });
  process.stdout.write(JSON.stringify(told ? tell(told) : null));
`;
const NAMED = '{"name": "app"}';
const mode = (name: string) => JSON.stringify({ mode: name });

type Files = Readonly<Record<string, string>>;

interface Told {
  readonly mode: string;
  readonly file?: string;
  readonly root: string;
}

// ---------------------------------------------------------------------------------------------
// Found
// ---------------------------------------------------------------------------------------------

interface Found {
  readonly title: string;
  /** The first is the program, unless `program` names another. */
  readonly files: Files;
  readonly program?: string;
  /** Below the folder; default: the folder itself. */
  readonly cwd?: string;
  readonly env?: Files;
  readonly entry?: 'warn' | 'strict';
  readonly mode: string;
  /** Below the folder, as are all that follow. Undefined: no config. */
  readonly file?: string;
  readonly root: string;
}

const CONFIG = { 'closefds.json': mode('warn') };

const found: readonly Found[] = [
  { title: 'nothing: the defaults', files: { 'package.json': NAMED }, mode: 'enforce', root: '.' },
  {
    title: 'closefds.json beside a package.json with a name',
    files: { 'package.json': NAMED, ...CONFIG },
    mode: 'warn',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'the key in package.json',
    files: { 'package.json': '{"name": "app", "closefds": {"mode": "warn"}}' },
    mode: 'warn',
    file: 'package.json#/closefds',
    root: '.',
  },
  {
    title: 'closefds.json rather than the key beside it',
    files: { 'package.json': '{"name": "app", "closefds": {"mode": "strict"}}', ...CONFIG },
    mode: 'warn',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'CLOSEFDS_CONFIG, from the current folder, rather than closefds.json',
    files: { 'package.json': NAMED, ...CONFIG, 'conf/other.json': mode('strict') },
    cwd: 'conf',
    env: { CLOSEFDS_CONFIG: 'other.json' },
    mode: 'strict',
    file: 'conf/other.json',
    root: '.',
  },
  {
    title: 'an empty CLOSEFDS_CONFIG is none',
    files: { 'package.json': NAMED, ...CONFIG },
    env: { CLOSEFDS_CONFIG: '' },
    mode: 'warn',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'the nearest first',
    files: {
      'package.json': NAMED,
      ...CONFIG,
      'packages/a/package.json': '{"name": "a"}',
      'packages/a/closefds.json': mode('strict'),
    },
    program: 'packages/a/app.js',
    mode: 'strict',
    file: 'packages/a/closefds.json',
    root: 'packages/a',
  },
  {
    title: 'not beyond the nearest package.json with a name',
    files: { 'package.json': NAMED, ...CONFIG, 'packages/a/package.json': '{"name": "a"}' },
    program: 'packages/a/app.js',
    mode: 'enforce',
    root: 'packages/a',
  },
  {
    title: 'a bare {"type": "commonjs"} in dist/ does not hide the root',
    files: { 'package.json': NAMED, ...CONFIG, 'dist/package.json': '{"type": "commonjs"}' },
    program: 'dist/app.js',
    mode: 'warn',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'beside the program, without any package.json',
    files: CONFIG,
    mode: 'warn',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'not planted above, in a folder without package.json',
    files: { ...CONFIG, 'home/app/package.json': NAMED },
    program: 'home/app/app.js',
    mode: 'enforce',
    root: 'home/app',
  },
  {
    title: 'not planted above a program without package.json',
    files: CONFIG,
    program: 'scripts/deep/app.js',
    mode: 'enforce',
    root: 'scripts/deep',
  },
  {
    title: 'not inside a dependency, even if its script is the program',
    files: {
      'package.json': NAMED,
      'node_modules/dep/package.json': '{"name": "dep", "closefds": {"mode": "off"}}',
      'node_modules/dep/closefds.json': mode('off'),
      'node_modules/dep/node_modules/closefds.json': mode('off'),
    },
    program: 'node_modules/dep/app.js',
    mode: 'enforce',
    root: '.',
  },
  {
    title: 'of the app, for a script of its dependency',
    files: { 'package.json': NAMED, ...CONFIG, 'node_modules/dep/package.json': '{"name": "dep"}' },
    program: 'node_modules/dep/app.js',
    mode: 'warn',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'by the program, not by the current folder',
    files: { 'package.json': NAMED, ...CONFIG, 'elsewhere/closefds.json': mode('off') },
    cwd: 'elsewhere',
    mode: 'warn',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'with a byte-order mark',
    files: { 'package.json': NAMED, 'closefds.json': `\uFEFF${mode('warn')}` },
    mode: 'warn',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'in a package.json with a byte-order mark',
    files: { 'package.json': '\uFEFF{"name": "app", "closefds": {"mode": "warn"}}' },
    mode: 'warn',
    file: 'package.json#/closefds',
    root: '.',
  },
  {
    title: 'the mode of CLOSEFDS_MODE before the entry point',
    files: { 'package.json': NAMED, ...CONFIG },
    env: { CLOSEFDS_MODE: 'enforce' },
    entry: 'strict',
    mode: 'enforce',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'the mode of the entry point before the config',
    files: { 'package.json': NAMED, ...CONFIG },
    entry: 'strict',
    mode: 'strict',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'an empty CLOSEFDS_MODE is none',
    files: { 'package.json': NAMED, ...CONFIG },
    env: { CLOSEFDS_MODE: '' },
    mode: 'warn',
    file: 'closefds.json',
    root: '.',
  },
  {
    title: 'mode off installs nothing, and says so',
    files: { 'package.json': NAMED, ...CONFIG },
    env: { CLOSEFDS_MODE: 'off' },
    mode: 'off',
    file: 'closefds.json',
    root: '.',
  },
];

for (const { title, files, program = 'app.js', cwd, env, entry, ...expected } of found) {
  test(`the config is found: ${title}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, { [program]: TELL, ...files });
    const result = await run(path.join(folder, program), {
      cwd: path.join(folder, cwd ?? '.'),
      ...(env && { env }),
      ...(entry && { nodeArgs: ['--require', path.join(path.dirname(REGISTER), `${entry}.js`)] }),
    });
    t.is(result.code, 0, result.stderr);
    t.deepEqual(below(folder, JSON.parse(result.stdout)), expected);
    t.is(result.stderr, '');
  });
}

function below(folder: string, { mode, file, root }: Told): Omit<Found, 'title' | 'files'> {
  const relative = (name: string) => path.relative(folder, name) || '.';
  return { mode, ...(file !== undefined && { file: relative(file) }), root: relative(root) };
}

test('a child Node that inherits NODE_OPTIONS finds its own config in each current folder', async t => {
  const folder = temporaryFolder(t);
  const child = path.join(folder, 'child', 'app.js');
  write(folder, {
    'package.json': NAMED,
    ...CONFIG,
    'app.js': `process.stdout.write(require('node:child_process').execFileSync(process.execPath, [${JSON.stringify(child)}], { cwd: '/' }));`,
    'child/app.js': TELL,
    'child/package.json': '{"name": "child"}',
    'child/closefds.json': mode('strict'),
  });
  const result = await run(path.join(folder, 'app.js'), {
    nodeArgs: [],
    env: { NODE_OPTIONS: `--require ${REGISTER}` },
  });
  t.deepEqual(below(folder, JSON.parse(result.stdout)), {
    mode: 'strict',
    file: 'child/closefds.json',
    root: 'child',
  });
});

const WORKERS = {
  'as it is': '{}',
  'with an environment of its own': `{ env: { CLOSEFDS_MODE: 'off', CLOSEFDS_CONFIG: '/dev/null' } }`,
  'with an empty environment': '{ env: {} }',
};

for (const [title, options] of Object.entries(WORKERS)) {
  test(`a worker ${title} has the settings of the main thread`, async t => {
    const folder = temporaryFolder(t);
    const program = write(folder, {
      'app.js': `
        process.chdir('/');
        process.env.CLOSEFDS_MODE = 'strict';
        new (require('node:worker_threads').Worker)(__dirname + '/elsewhere/worker.js', ${options});
      `,
      'package.json': NAMED,
      ...CONFIG,
      'elsewhere/worker.js': TELL,
      'elsewhere/closefds.json': mode('off'),
    });
    const result = await run(program);
    t.deepEqual(
      below(folder, JSON.parse(result.stdout)),
      { mode: 'warn', file: 'closefds.json', root: '.' },
      result.stderr,
    );
  });
}

test('an expired rule is reported and does not match', async t => {
  const folder = temporaryFolder(t);
  const rule = { caller: '.', kinds: ['pipe'], effect: 'allow', reason: 'test', expires: '2020-12-31' };
  const program = write(folder, {
    'app.js': `
      const { output } = require('node:child_process').spawnSync('true', { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
      process.stdout.write(JSON.stringify(output.map(String)));
    `,
    'package.json': NAMED,
    'closefds.json': JSON.stringify({ rules: [rule] }),
  });
  const { stdout, stderr } = await run(program);
  t.deepEqual(JSON.parse(stdout), ['null', '', '', 'null']);
  t.true(
    stderr.includes(
      `[CLOSEFDS_RULE_EXPIRED] ClosefdsWarning: the rule ${folder}/closefds.json#/rules/0 expired on 2020-12-31`,
    ),
    stderr,
  );
  t.deepEqual([...stderr.matchAll(/\[(CLOSEFDS_\w+)\]/g)].map(([, code]) => code).sort(), [
    'CLOSEFDS_DESIGNATED',
    'CLOSEFDS_RULE_EXPIRED',
  ]);
});

test('the search for a config skips a package.json that is a FIFO', async t => {
  const folder = temporaryFolder(t);
  execFileSync('mkfifo', [path.join(folder, 'package.json')]);
  // The bare one is where Node's own search ends; it would wait for a writer, too.
  const program = write(folder, { 'dist/app.js': TELL, 'dist/package.json': '{"type": "commonjs"}' });
  const result = await run(program, { cwd: '/' });
  t.deepEqual(below(folder, JSON.parse(result.stdout)), { mode: 'enforce', root: 'dist' });
});

// ---------------------------------------------------------------------------------------------
// Refused: exit code 1, the message, and none of the program's own code
// ---------------------------------------------------------------------------------------------

interface Refused {
  readonly title: string;
  /** The config's bytes, or what makes it something else than a file. */
  readonly config?: string | Buffer | ((file: string) => void);
  readonly manifest?: string;
  readonly env?: Files;
  /** Default: the app's folder. */
  readonly cwd?: string;
  /** The message, with `FILE` for closefds.json and `FOLDER` for where it lies. */
  readonly message: string;
}

const KEYS =
  '"$schema", "mode", "compat", "unverified", "aliases", "rules", "candidate", "redact", "announce", "report" or "deep"';
const VARIABLES =
  'CLOSEFDS_MODE, CLOSEFDS_CONFIG, CLOSEFDS_REPORT, CLOSEFDS_REPORT_INTERVAL, CLOSEFDS_WARNINGS, CLOSEFDS_ANNOUNCE, CLOSEFDS_DEEP or CLOSEFDS_APP';

const refused: readonly Refused[] = [
  {
    title: 'an empty file',
    config: '',
    message: 'FILE: not valid JSON: line 1, column 1: expected a value, found the end of the file.',
  },
  { title: 'no object', config: '[]', message: 'FILE: expected an object, found [].' },
  {
    title: 'a comment',
    config: '{\n  // why\n}',
    message:
      'FILE: not valid JSON: line 2, column 3: expected a key in double quotes, found a comment, which JSON does not have.',
  },
  {
    title: 'a trailing comma',
    config: '{"mode": "warn",}',
    message: 'FILE: not valid JSON: line 1, column 17: expected a key in double quotes, found "}".',
  },
  {
    title: 'a key that stands twice',
    config: '{"mode": "warn",\n "mode": "off"}',
    message: 'FILE: not valid JSON: line 2, column 2: expected each key once, found a second "mode".',
  },
  {
    title: 'an unknown key',
    config: '{"rule": []}',
    message: `FILE: expected one of the keys ${KEYS}, found "rule". Did you mean "rules"?`,
  },
  {
    title: 'an unknown key of a rule',
    config: '{"rules": [{"effct": "deny"}]}',
    message: `FILE#/rules/0: expected one of the keys ${orList(RULE_KEYS.map(quote))}, found "effct". Did you mean "effect"?`,
  },
  {
    title: 'an unknown mode',
    config: '{"mode": "enforced"}',
    message:
      'FILE#/mode: expected "off", "warn", "enforce" or "strict", found "enforced". Did you mean "enforce"?',
  },
  {
    title: 'UTF-16',
    config: Buffer.from(`\uFEFF${mode('warn')}`, 'utf16le'),
    message: 'FILE: expected UTF-8 text, found bytes that are not.',
  },
  {
    title: 'Latin-1',
    config: Buffer.from('{"rules": [{"effect": "deny", "reason": "caf\u00e9"}]}', 'latin1'),
    message: 'FILE: expected UTF-8 text, found bytes that are not.',
  },
  {
    title: '2 MB',
    config: `{"mode": "warn"}${' '.repeat(2 * 1024 * 1024)}`,
    message: 'FILE: expected at most 1048576 bytes, found 2097168.',
  },
  {
    title: 'a link in circles',
    config: file => symlinkSync('closefds.json', file),
    message: "FILE: ELOOP: too many symbolic links encountered, open 'FILE'.",
  },
  {
    title: 'a link that leads nowhere',
    config: file => symlinkSync('nowhere', file),
    message: "FILE: ENOENT: no such file or directory, open 'FILE'.",
  },
  {
    title: 'a directory',
    config: file => mkdirSync(file),
    message: 'FILE: expected a file, found a directory.',
  },
  {
    title: 'a FIFO',
    config: file => void execFileSync('mkfifo', [file]),
    message: 'FILE: expected a file, found a device, pipe or socket.',
  },
  {
    title: '/dev/zero',
    env: { CLOSEFDS_CONFIG: '/dev/zero' },
    message: '/dev/zero: expected a file, found a device, pipe or socket.',
  },
  {
    title: 'a CLOSEFDS_CONFIG that is not there',
    env: { CLOSEFDS_CONFIG: 'gone.json' },
    message: "FOLDER/gone.json: ENOENT: no such file or directory, open 'FOLDER/gone.json'.",
  },
  {
    title: 'a wrong key in package.json',
    manifest: '{"name": "app", "closefds": {"mode": 1}}',
    message: 'FOLDER/package.json#/closefds/mode: expected "off", "warn", "enforce" or "strict", found 1.',
  },
  {
    title: 'a package.json with the key that is not JSON',
    manifest: '{"name": "app", "closefds": {"mode": "warn"},}',
    // Node itself reads the manifest of the current folder, before any preload.
    cwd: '/',
    message:
      'FOLDER/package.json: not valid JSON: line 1, column 46: expected a key in double quotes, found "}".',
  },
  {
    title: 'an unknown CLOSEFDS_MODE',
    env: { CLOSEFDS_MODE: 'stict' },
    message:
      'CLOSEFDS_MODE: expected "off", "warn", "enforce" or "strict", found "stict". Did you mean "strict"?',
  },
  {
    title: 'a mistyped name of a variable',
    env: { CLOSEFDS_MOD: 'warn' },
    message: `CLOSEFDS_MOD: expected one of the variables ${VARIABLES}, found this one, which closefds does not read. Did you mean CLOSEFDS_MODE?`,
  },
  {
    title: 'a variable that is like none of those of closefds',
    env: { CLOSEFDS_VERBOSE: '1' },
    message: `CLOSEFDS_VERBOSE: expected one of the variables ${VARIABLES}, found this one, which closefds does not read.`,
  },
  {
    title: 'mistakes in variables and in the config',
    config: '{"mode": "of", "compat": 1}',
    env: { CLOSEFDS_REPROT: 'x', CLOSEFDS_MODE: 'on', CLOSEFDS_REPORT_INTERVAL: '0' },
    message: `5 mistakes:
  CLOSEFDS_REPROT: expected one of the variables ${VARIABLES}, found this one, which closefds does not read. Did you mean CLOSEFDS_REPORT?
  FILE#/mode: expected "off", "warn", "enforce" or "strict", found "of". Did you mean "off"?
  FILE#/compat: expected true or false, found 1.
  CLOSEFDS_MODE: expected "off", "warn", "enforce" or "strict", found "on".
  CLOSEFDS_REPORT_INTERVAL: expected seconds, more than 0 and at most 2147483, found "0".`,
  },
];

const NOT_STARTED = 'The process was not started; see docs/policy.md in the package.';

for (const { title, config, manifest = NAMED, env, cwd, message } of refused) {
  test(`the process does not start with ${title}`, async t => {
    const folder = temporaryFolder(t);
    const program = writeRefused(folder, manifest, config);
    await assertRefused(t, program, { cwd: cwd ?? folder, ...(env && { env }) }, message);
  });
}

// Root may read everything, so as nobody.
test('the process does not start with a config that it may not read', async t => {
  const folder = temporaryFolder(t);
  const program = writeRefused(folder, NAMED, mode('warn'));
  chmodSync(path.join(folder, 'closefds.json'), 0o000);
  chmodSync(folder, 0o755);
  const isRoot = process.getuid?.() === 0;
  const through = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
  const message = "FILE: EACCES: permission denied, open 'FILE'.";
  await assertRefused(t, program, { cwd: folder, through, env: { NODE_V8_COVERAGE: '' } }, message);
});

function writeRefused(folder: string, manifest: string, config: Refused['config']): string {
  const file = path.join(folder, 'closefds.json');
  if (typeof config === 'function') config(file);
  else if (config !== undefined) writeFileSync(file, config);
  return write(folder, { 'app.js': `process.stdout.write('ran');`, 'package.json': manifest });
}

async function assertRefused(
  t: ExecutionContext,
  program: string,
  options: RunOptions,
  message: string,
): Promise<void> {
  const { code, signal, stdout, stderr } = await run(program, options);
  const folder = path.dirname(program);
  const text = message.replaceAll('FILE', 'FOLDER/closefds.json').replaceAll('FOLDER', folder);
  t.deepEqual(
    { code, signal, stdout, stderr },
    { code: 1, signal: null, stdout: '', stderr: `closefds: ${text}\n${NOT_STARTED}\n` },
  );
}

test('variables that are empty, or of Kubernetes services, or of an audit are no mistakes', async t => {
  const program = write(temporaryFolder(t), { 'app.js': TELL, 'package.json': NAMED });
  const env = {
    CLOSEFDS_MOD: '',
    CLOSEFDS_LD_PRELOAD: 'x',
    CLOSEFDS_TEST_NODE: 'node',
    CLOSEFDS_SERVICE_HOST: '10.0.0.1',
    CLOSEFDS_DEMO_SERVICE_PORT_HTTP: '80',
    CLOSEFDS_PORT: 'tcp://10.0.0.1:80',
    CLOSEFDS_PORT_80_TCP_ADDR: '10.0.0.1',
  };
  const { code, stderr } = await run(program, { env });
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});
