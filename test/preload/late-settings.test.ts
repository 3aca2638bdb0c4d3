// Settings that come after the preload: those of a known runner's program are in force, others are reported.

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { REGISTER, type RunResult, runCommand } from '../support/run';

const NODE = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;

/** Prints the settings in force, after a spawn with nothing to judge. */
const PROGRAM = `
require('node:child_process').spawnSync('true');
const { mode, configFile, script, report } = globalThis[Symbol.for('closefds.installed')].settings;
process.stdout.write(JSON.stringify({ mode, configFile, script, report: report?.file }));
`;
/** As pm2 7 does in lib/ProcessContainer.js and lib/ProcessContainerFork.js. */
const CLUSTER = `
const pm2Env = JSON.parse(process.env.pm2_env);
for (const name in pm2Env) process.env[name] = pm2Env[name];
delete process.env.pm2_env;
process.chdir(pm2Env.pm_cwd);
process.argv[1] = pm2Env.pm_exec_path;
require('node:module')._load(pm2Env.pm_exec_path, null, true);
`;
const FORK = `require('node:module')._load(process.env.pm_exec_path, null, true);`;

const FILES = {
  'app/app.js': PROGRAM,
  'app/package.json': '{"name": "app"}',
  'app/closefds.json': '{"mode": "warn"}',
  'pm2/lib/ProcessContainer.js': CLUSTER,
  'pm2/lib/ProcessContainerFork.js': FORK,
  'app/node_modules/pm2/lib/ProcessContainer.js': CLUSTER,
  'app/node_modules/pm2/lib/ProcessContainerFork.js': FORK,
};

interface Start {
  readonly file: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
}

function start(folder: string, { file, cwd = '.', env = {}, nodeArgs = [] }: Start): Promise<RunResult> {
  const command = [NODE, ...nodeArgs, '--require', REGISTER, path.join(folder, file)];
  return runCommand(command, { cwd: path.join(folder, cwd), env });
}

const codes = ({ stderr }: RunResult): (string | undefined)[] =>
  [...stderr.matchAll(/\[(CLOSEFDS_\w+)\]/g)].map(([, code]) => code);

// ---------------------------------------------------------------------------------------------
// pm2
// ---------------------------------------------------------------------------------------------

const INSTALLED = { globally: 'pm2/lib', locally: 'app/node_modules/pm2/lib' };
const MODE = { CLOSEFDS_MODE: 'off' };

for (const [where, lib] of Object.entries(INSTALLED))
  for (const { name, settings, mode, report } of [
    { name: 'the config', settings: {}, mode: 'warn', report: undefined },
    { name: 'the variables', settings: MODE, mode: 'off', report: undefined },
    {
      name: 'relative paths',
      settings: { CLOSEFDS_REPORT: 'findings.ndjson', CLOSEFDS_CONFIG: 'closefds.json' },
      mode: 'warn',
      report: 'app/findings.ndjson',
    },
  ] as const) {
    const expected = (folder: string) => ({
      mode,
      configFile: path.join(folder, 'app', 'closefds.json'),
      script: path.join(folder, 'app', 'app.js'),
      ...(report && { report: path.join(folder, report) }),
    });

    test(`pm2 ${where}, fork mode: the process has ${name} of the program`, async t => {
      const folder = temporaryFolder(t);
      write(folder, FILES);
      const env = { ...settings, pm_exec_path: path.join(folder, 'app', 'app.js') };
      const result = await start(folder, { file: `${lib}/ProcessContainerFork.js`, cwd: 'app', env });
      t.deepEqual(JSON.parse(result.stdout), expected(folder));
      t.deepEqual(codes(result), []);
    });

    test(`pm2 ${where}, cluster mode: the process has ${name} of the program`, async t => {
      const folder = temporaryFolder(t);
      write(folder, FILES);
      const app = path.join(folder, 'app');
      const pm2Env = { ...settings, pm_exec_path: path.join(app, 'app.js'), pm_cwd: app };
      const env = { pm2_env: JSON.stringify(pm2Env) };
      const result = await start(folder, { file: `${lib}/ProcessContainer.js`, env });
      t.deepEqual(JSON.parse(result.stdout), expected(folder));
      t.deepEqual(codes(result), []);
    });
  }

test("Passenger: the config is that of the app's folder, not of the loader's", async t => {
  const folder = temporaryFolder(t);
  write(folder, {
    ...FILES,
    'passenger/helper-scripts/node-loader.js': "require(process.cwd() + '/app.js');",
  });
  const result = await start(folder, { file: 'passenger/helper-scripts/node-loader.js', cwd: 'app' });
  const { mode, configFile } = JSON.parse(result.stdout);
  t.deepEqual(
    { mode, configFile, codes: codes(result) },
    { mode: 'warn', configFile: path.join(folder, 'app/closefds.json'), codes: [] },
  );
});

test('pm2, cluster mode: a typing mistake in a variable stops the process', async t => {
  const folder = temporaryFolder(t);
  write(folder, FILES);
  const pm2Env = { CLOSEFDS_MOD: 'warn', pm_exec_path: path.join(folder, 'app/app.js') };
  const env = { pm2_env: JSON.stringify(pm2Env) };
  const { code, stderr } = await start(folder, { file: 'pm2/lib/ProcessContainer.js', env });
  t.is(code, 1);
  t.regex(stderr, /^closefds: CLOSEFDS_MOD: expected one of the variables CLOSEFDS_MODE, .*, found this one/);
});

test("a child of pm2's program has its own config, not that of the program whose variables it inherits", async t => {
  const folder = temporaryFolder(t);
  write(folder, { ...FILES, 'other/app.js': PROGRAM, 'other/package.json': '{"name": "other"}' });
  const env = { pm_exec_path: path.join(folder, 'app/app.js'), pm2_env: JSON.stringify(MODE) };
  const { stdout } = await start(folder, { file: 'other/app.js', env });
  t.deepEqual(JSON.parse(stdout), { mode: 'enforce', script: path.join(folder, 'other/app.js') });
});

// ---------------------------------------------------------------------------------------------
// Others
// ---------------------------------------------------------------------------------------------

interface Late {
  readonly name: string;
  /** Runs first, in app/app.js. */
  readonly code: string;
  readonly start?: Partial<Start>;
  /** What stderr says; undefined: nothing. */
  readonly reported?: RegExp;
  readonly mode?: string;
}

const LATE: readonly Late[] = [
  {
    name: 'a variable that the program sets',
    code: `process.env.CLOSEFDS_MODE = 'off';`,
    reported:
      /\[CLOSEFDS_LATE_SETTING\] ClosefdsWarning: CLOSEFDS_MODE was set after closefds was loaded, without effect in this process: the mode is "warn"\nSet it where Node is started: in the environment, with --env-file, or as CLOSEFDS_CONFIG\. /,
  },
  {
    name: 'two variables that the program sets',
    code: `Object.assign(process.env, { CLOSEFDS_CONFIG: '/x.json', CLOSEFDS_APP: 'x' });`,
    reported: /CLOSEFDS_CONFIG, CLOSEFDS_APP were set after/,
  },
  {
    name: 'a variable that the program removes',
    code: 'delete process.env.CLOSEFDS_APP;',
    start: { env: { CLOSEFDS_APP: 'x' } },
    reported: /CLOSEFDS_APP was set after/,
  },
  {
    name: 'a variable that the program sets to what it is',
    code: `process.env.CLOSEFDS_REPORT = 'x.ndjson'; process.env.CLOSEFDS_APP = '';`,
    start: { env: { CLOSEFDS_REPORT: 'x.ndjson' } },
  },
  {
    name: 'a program of another folder, by a runner',
    code: `process.argv[1] = __dirname + '/../other/app.js';`,
    reported:
      /ClosefdsWarning: the config \S+\/other\/closefds\.json of the program \S+\/other\/app\.js is not in force: Node was started with \S+\/app\/app\.js\n/,
  },
  {
    name: 'a program of another folder, with a config that is named',
    code: `process.argv[1] = __dirname + '/../other/app.js';`,
    start: { env: { CLOSEFDS_CONFIG: 'app/closefds.json' } },
  },
  { name: 'a program of the same folder', code: `process.argv[1] = __dirname + '/other.js';` },
  { name: 'arguments that were shifted', code: 'process.argv.splice(1, 1);' },
  { name: 'a first argument that is no path', code: `process.argv[1] = 'data';` },
  {
    name: 'an environment that throws',
    code: `process.env = new Proxy({}, {
      get(_, name) {
        if (String(name).startsWith('CLOSEFDS_')) throw new Error('no');
      },
    });`,
  },
  {
    name: 'a variable of a file that Node reads',
    code: '',
    start: { nodeArgs: ['--env-file=app/.env'] },
    mode: 'off',
  },
];

for (const { name, code, start: given, reported, mode = 'warn' } of LATE) {
  test(`${name}: ${reported ? 'reported once, and not in force' : 'nothing is reported'}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, {
      'app/app.js': `${code}\n${PROGRAM}\nrequire('node:child_process').spawnSync('true');`,
      'app/package.json': '{"name": "app"}',
      'app/closefds.json': '{"mode": "warn"}',
      'app/.env': 'CLOSEFDS_MODE=off\n',
      'other/app.js': '',
      'other/package.json': '{"name": "other"}',
      'other/closefds.json': '{"mode": "off"}',
    });
    if (given?.nodeArgs !== undefined && !(await hasEnvFiles(t))) return;
    const result = await start(folder, { file: 'app/app.js', ...given });
    t.is(JSON.parse(result.stdout).mode, mode);
    t.deepEqual(codes(result), reported ? ['CLOSEFDS_LATE_SETTING'] : [], result.stderr);
    if (reported) t.regex(result.stderr, reported);
  });
}

/** From Node 20.6 on. */
async function hasEnvFiles(t: ExecutionContext): Promise<boolean> {
  const { code } = await runCommand([NODE, '--env-file=/dev/null', '-e', '']);
  if (code !== 0) t.pass('this Node reads no such file');
  return code === 0;
}
