// A process starts, guards and reports in a current folder that was deleted, as after a release was pruned.

import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { REGISTER, ROOT, type RunOptions, type RunResult, run, runCommand } from '../support/run';

const NODE = process.env.CLOSEFDS_TEST_NODE ?? process.execPath;
const PROGRAM = path.join(ROOT, 'test', 'fixtures', 'in-deleted-folder.js');
const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');
const FOLDER_DELETED = 'the current folder was deleted';

/** Goes into a folder and deletes it before the command starts. */
const inDeleted = (folder: string) => [
  'sh',
  '-c',
  'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"',
  folder,
];

function runDeleted(t: ExecutionContext, program: string, options: RunOptions = {}): Promise<RunResult> {
  const through = inDeleted(path.join(temporaryFolder(t), 'gone'));
  return run(program, { node: NODE, ...options, through });
}

// ---------------------------------------------------------------------------------------------
// Every mode
// ---------------------------------------------------------------------------------------------

/** What children have in each mode, in the order of the program. */
const CHILDREN: Readonly<Record<string, { readonly stray: unknown; readonly designated: unknown }>> = {
  none: { stray: [0, 1, 2, 240], designated: [0, 1, 2, 3, 240] },
  off: { stray: [0, 1, 2, 240], designated: [0, 1, 2, 3, 240] },
  warn: { stray: [0, 1, 2, 240], designated: [0, 1, 2, 3, 240] },
  enforce: { stray: [0, 1, 2], designated: [0, 1, 2] },
  strict: { stray: 'ERR_CLOSEFDS_DENIED', designated: 'ERR_CLOSEFDS_DENIED' },
};

type Lines = readonly (readonly [name: string, told: unknown])[];

function expected(mode: string): Lines {
  return [
    ['plain', [0, 1, 2]],
    ['fork', mode],
    ['worker', mode],
    ['worker, env: {}', mode],
    ['worker, execArgv: []', mode],
    ['stray', CHILDREN[mode]?.stray],
    ['designated', CHILDREN[mode]?.designated],
  ];
}

/** Node itself stops a worker in a deleted folder unless a --require ran in it: what fails without closefds may fail. */
function withoutFailing(lines: Lines, control: Lines): Lines {
  const failing = new Set(control.filter(([, told]) => told === 'ENOENT').map(([name]) => name));
  return lines.filter(([name]) => !failing.has(name));
}

const linesOf = (stdout: string): Lines =>
  stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));

/** Where nothing is guarded, a worker may as well start without our preload. */
const inMode = (mode: string, lines: Lines): Lines =>
  lines.map(([name, told]) => [name, mode === 'off' && told === 'none' ? 'off' : told]);

/** What starts without closefds, by a preload that is given by the same flag. */
async function bareLines(t: ExecutionContext, flag: string): Promise<Lines> {
  const empty = write(temporaryFolder(t), { 'empty.js': '' });
  const { code, stdout, stderr } = await runDeleted(t, PROGRAM, { nodeArgs: [flag, empty] });
  t.deepEqual([code, stderr], [0, '']);
  return linesOf(stdout);
}

for (const flag of ['--require', '--import']) {
  test(`${flag}, without closefds: the program runs in a deleted folder`, async t => {
    const lines = await bareLines(t, flag);
    t.deepEqual(withoutFailing(lines, lines), withoutFailing(expected('none'), lines));
  });

  for (const mode of ['off', 'warn', 'enforce', 'strict']) {
    test(`${flag}, mode ${mode}: the program runs in a deleted folder`, async t => {
      const env = { CLOSEFDS_MODE: mode };
      const { code, stdout, stderr } = await runDeleted(t, PROGRAM, { nodeArgs: [flag, REGISTER], env });
      const bare = await bareLines(t, flag);
      t.deepEqual([code, problems(stderr)], [0, []]);
      const lines = inMode(mode, linesOf(stdout));
      t.deepEqual(withoutFailing(lines, bare), withoutFailing(expected(mode), bare));
    });
  }
}

for (const mode of ['off', 'warn', 'enforce', 'strict']) {
  test(`mode ${mode}: the program deletes its folder, where the preload had a name`, async t => {
    const folder = path.join(temporaryFolder(t), 'app', 'run');
    mkdirSync(folder, { recursive: true });
    mkdirSync(path.join(folder, '..', 'node_modules'));
    symlinkSync(ROOT, path.join(folder, '..', 'node_modules', 'closefds'));
    const { code, stdout, stderr } = await run(PROGRAM, {
      node: NODE,
      nodeArgs: ['--require', 'closefds/register'],
      args: [folder],
      cwd: folder,
      env: { CLOSEFDS_MODE: mode },
    });
    t.deepEqual([code, problems(stderr)], [0, []]);
    const bare = await bareLines(t, '--require');
    const lines = inMode(mode, linesOf(stdout));
    t.deepEqual(withoutFailing(lines, bare), withoutFailing(expected(mode), bare));
  });
}

/** What closefds failed at, among its warnings. */
const problems = (stderr: string) =>
  stderr.match(/.*(?:INTERNAL_ERROR|UNGUARDED|REPORT_FAILED|uv_cwd).*/g) ?? [];

// ---------------------------------------------------------------------------------------------
// Programs that are no files
// ---------------------------------------------------------------------------------------------

const MODE = `globalThis[Symbol.for('closefds.installed')].mode`;

interface Fileless {
  readonly title: string;
  readonly args: readonly string[];
  readonly input?: string;
}

const FILELESS: readonly Fileless[] = [
  { title: '-p', args: ['-p', MODE] },
  { title: '-p with data', args: ['-p', MODE, 'data'] },
  { title: '-e with data', args: ['-e', `console.log(${MODE})`, 'data.js'] },
  { title: 'stdin', args: [], input: `console.log(${MODE})` },
  { title: 'stdin with data', args: ['-', 'data'], input: `console.log(${MODE})` },
];

for (const { title, args, input } of FILELESS) {
  test(`${title}: the program runs in a deleted folder`, async t => {
    const command = [NODE, '--require', REGISTER, ...args];
    const folder = path.join(temporaryFolder(t), 'gone');
    const result = await runCommand([...inDeleted(folder), ...command], { ...(input && { input }) });
    t.deepEqual(result, { code: 0, signal: null, stdout: 'enforce\n', stderr: '' });
  });
}

// ---------------------------------------------------------------------------------------------
// Settings
// ---------------------------------------------------------------------------------------------

const TELL = `
  const { settings } = globalThis[Symbol.for('closefds.installed')];
  console.log(JSON.stringify([settings.mode, settings.configFile, settings.appRoot, settings.report?.file]));`;

function writeApp(t: ExecutionContext, config: object): { app: string; program: string } {
  const app = temporaryFolder(t);
  const program = write(app, {
    'app.js': TELL,
    'package.json': '{"name": "app"}',
    'closefds.json': JSON.stringify(config),
  });
  return { app, program };
}

test("the script's own config is found from a deleted folder, and its report beside it", async t => {
  const { app, program } = writeApp(t, { mode: 'warn', report: 'findings.ndjson' });
  const { code, stdout, stderr } = await runDeleted(t, program);
  const file = path.join(app, 'closefds.json');
  t.deepEqual(
    [code, stderr, JSON.parse(stdout)],
    [0, '', ['warn', file, app, path.join(app, 'findings.ndjson')]],
  );
});

test('absolute CLOSEFDS_CONFIG and CLOSEFDS_REPORT are taken in a deleted folder', async t => {
  const { app, program } = writeApp(t, { mode: 'strict' });
  const config = path.join(app, 'other.json');
  const report = path.join(app, 'findings.ndjson');
  write(app, { 'other.json': '{"mode": "warn"}' });
  const env = { CLOSEFDS_CONFIG: config, CLOSEFDS_REPORT: report };
  const { code, stdout, stderr } = await runDeleted(t, program, { env });
  t.deepEqual([code, stderr, JSON.parse(stdout)], [0, '', ['warn', config, app, report]]);
});

for (const mode of ['', 'off', 'strict']) {
  test(`a relative CLOSEFDS_CONFIG stops the process in a deleted folder, mode "${mode}"`, async t => {
    const { program } = writeApp(t, {});
    const env = { CLOSEFDS_CONFIG: 'conf/closefds.json', CLOSEFDS_MODE: mode };
    const { code, stdout, stderr } = await runDeleted(t, program, { env });
    const message = `closefds: CLOSEFDS_CONFIG: expected an absolute path, because ${FOLDER_DELETED}, found "conf/closefds.json".`;
    t.deepEqual([code, stdout, stderr.split('\n')[0]], [1, '', message]);
  });
}

test('a relative CLOSEFDS_REPORT is reported in a deleted folder, and the program runs', async t => {
  const { app, program } = writeApp(t, {});
  const { code, stdout, stderr } = await runDeleted(t, program, {
    env: { CLOSEFDS_REPORT: 'findings.ndjson' },
  });
  t.deepEqual([code, JSON.parse(stdout)], [0, ['enforce', path.join(app, 'closefds.json'), app, null]]);
  t.regex(stderr, /\[CLOSEFDS_REPORT_FAILED\] .*no report is written to "findings\.ndjson"/);
  t.is(stderr.match(/CLOSEFDS_\w+\]/g)?.length, 1);
});

test('a relative report of a config has no folder where there is neither script nor current folder', async t => {
  const { app } = writeApp(t, { report: 'findings.ndjson' });
  const command = [NODE, '--require', REGISTER, '-e', TELL];
  const env = { CLOSEFDS_CONFIG: path.join(app, 'closefds.json') };
  const { code, stderr } = await runCommand([...inDeleted(path.join(app, 'gone')), ...command], { env });
  t.is(code, 0);
  t.regex(stderr, /no report is written to "findings\.ndjson"/);
});

test('a report is written by a process whose folder was deleted', async t => {
  const report = path.join(temporaryFolder(t), 'findings.ndjson');
  const { stdout, stderr } = await runDeleted(t, PROGRAM, { env: { CLOSEFDS_REPORT: report } });
  t.true(existsSync(report));
  const findings = readFileSync(report, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const codes = [...new Set(findings.map(({ code }) => code))].sort();
  t.deepEqual(codes, ['CLOSEFDS_DESIGNATED', 'CLOSEFDS_STRAY'], `${stdout}${stderr}`);
});

test('relative CLOSEFDS_CONFIG and CLOSEFDS_REPORT name the same files for a child in another folder', async t => {
  const { app } = writeApp(t, {});
  mkdirSync(path.join(app, 'elsewhere'));
  write(app, { 'other.json': '{"mode": "warn"}' });
  const program = write(app, {
    'parent.js': `require('node:child_process').fork(${JSON.stringify(path.join(app, 'app.js'))}, { cwd: ${JSON.stringify(path.join(app, 'elsewhere'))} })`,
  });
  const env = { CLOSEFDS_CONFIG: 'other.json', CLOSEFDS_REPORT: 'findings-%p.ndjson' };
  const { code, stdout, stderr } = await run(program, { node: NODE, cwd: app, env });
  const told = ['warn', path.join(app, 'other.json'), app, path.join(app, 'findings-%p.ndjson')];
  t.deepEqual([code, stderr, JSON.parse(stdout)], [0, '', told]);
});

// ---------------------------------------------------------------------------------------------
// Commands
// ---------------------------------------------------------------------------------------------

interface Command {
  readonly args: readonly string[];
  readonly code: number;
  readonly stdout?: RegExp;
  readonly stderr?: string;
}

const refused = (name: string) =>
  `closefds: expected a current folder, found that it was deleted. See "closefds ${name} --help".\n`;

const COMMANDS: readonly Command[] = [
  { args: ['run', NODE, '-p', MODE], code: 0, stdout: /^enforce$/m },
  { args: ['run', '--report', 'x', NODE, '-p', MODE], code: 2, stderr: refused('run') },
  { args: ['run', '--config', 'x', NODE, '-p', MODE], code: 2, stderr: refused('run') },
  { args: ['doctor'], code: 0, stdout: /Stray guard/ },
  { args: ['explain', 'esbuild'], code: 0, stdout: /esbuild/ },
  { args: ['check'], code: 2, stderr: refused('check') },
  { args: ['scan'], code: 2, stderr: refused('scan') },
];

for (const { args, code, stdout = /^$/, stderr = '' } of COMMANDS) {
  test(`closefds ${args.slice(0, 2).join(' ')}, in a deleted folder`, async t => {
    const folder = path.join(temporaryFolder(t), 'gone');
    const result = await runCommand([...inDeleted(folder), NODE, CLI, ...args]);
    t.is(result.stderr, stderr);
    t.is(result.code, code);
    t.regex(result.stdout, stdout);
  });
}
