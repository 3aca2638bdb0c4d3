// Runs the test suites of other packages, with closefds and without: each test must have the same result.
//
// They are installed from npm into .cache/foreign. Some tests fail on a current Node without closefds, so only
// differences count.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const cache = path.join(root, '.cache', 'foreign');
const hook = `--require ${JSON.stringify(path.join(root, 'dist', 'register', 'index.js'))}`;
const modules = path.join(cache, 'node_modules');

/** Old majors, whose packages still carried their tests. */
const packages = {
  'exec-sh': '0.4.0',
  'foreground-child': '1.2.0',
  'worker-farm': '1.7.0',
  mocha: '8.4.0',
  sinon: '9.2.4',
  tap: '12.7.0',
  tape: '4.10.2',
};

const suites = [
  {
    name: 'exec-sh 0.4: spawn through shells',
    run: tapSuite('exec-sh', '../mocha/bin/mocha', '--reporter', 'tap'),
  },
  { name: 'foreground-child 1.2: signals, IPC', run: tapSuite('foreground-child', 'test/basic.js') },
  { name: 'worker-farm 1.7: fork() and messages', run: tapSuite('worker-farm', 'tests/index.js') },
  { name: 'npm install with lifecycle scripts', run: npmInstall },
  { name: 'c8 around a tree of processes', run: coverage },
];

const counts = { passed: 0, failed: 0, skipped: 0 };
const begin = Date.now();
const missing = prepare() ?? hookMissing();
for (const { name, run } of suites) report(name, missing ?? compare(run));
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;

/** Returns the reason if the suite cannot be compared. */
function prepare() {
  mkdirSync(cache, { recursive: true });
  const manifest = JSON.stringify({ private: true, dependencies: packages });
  const file = path.join(cache, 'package.json');
  if (existsSync(modules) && readFileSync(file, 'utf8') === manifest) return undefined;
  writeFileSync(file, manifest);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, stderr } = spawnSync('npm', ['install', ...flags], { cwd: cache, encoding: 'utf8' });
  if (status === 0) return undefined;
  rmSync(file);
  return { verdict: 'skipped', detail: `the packages could not be fetched: ${stderr.trim().split('\n')[0]}` };
}

/** Checks that closefds is loaded: without it, all results would be equal too. */
function hookMissing() {
  const program = 'console.log(Symbol.for("closefds.installed") in globalThis)';
  const { stdout } = start([process.execPath, '-e', program], { cwd: cache, options: hook });
  return stdout === 'true\n'
    ? undefined
    : { verdict: 'failed', detail: 'the hook is not there: npm run build' };
}

/** Runs a test that differs a second time: some of these tests depend on time. */
function compare(run) {
  let differences = [];
  for (let attempt = 0; attempt < 2; attempt++) {
    const [plain, hooked] = [run(''), run(hook)];
    if (plain.length === 0) return { verdict: 'failed', detail: 'nothing ran, even without the hook' };
    differences = [...missingFrom(hooked, plain, 'without'), ...missingFrom(plain, hooked, 'with')];
    const failing = plain.filter(line => line.startsWith('not ok')).length;
    const detail = `${plain.length} outcomes the same${failing > 0 ? `, ${failing} of them failures` : ''}`;
    if (differences.length === 0) return { verdict: 'passed', detail };
  }
  return { verdict: 'failed', detail: differences.slice(0, 10).join('\n    ') };
}

/** Of lines that come more than once, as many. */
function missingFrom(some, others, title) {
  const left = some.slice();
  return others
    .filter(line => !left.includes(line) || left.splice(left.indexOf(line), 1).length === 0)
    .map(line => `${title}: ${line}`);
}

function report(name, { verdict, detail }) {
  counts[verdict]++;
  console.log(
    `${verdict.padEnd(8)} ${name.padEnd(40)} ${detail}  [${Math.round((Date.now() - begin) / 1000)} s]`,
  );
}

/** Runs Node or npm from a clean table of FDs. */
function start(command, { cwd, options, env = {}, timeout = 60_000 }) {
  const all = [path.join(root, 'build', 'clean-exec'), ...command];
  return spawnSync(all[0], all.slice(1), {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, SHLVL: '1', NODE_OPTIONS: options, ...env },
    encoding: 'utf8',
    timeout,
    maxBuffer: Number.POSITIVE_INFINITY,
  });
}

function tapSuite(name, ...args) {
  return options => {
    const result = start([process.execPath, ...args], { cwd: path.join(modules, name), options });
    const lines = result.stdout.split('\n').filter(line => /^\s*(not )?ok /.test(line));
    // Not the numbers: they count, or are times or process ids.
    const outcomes = lines.map(line =>
      line
        .trim()
        .replace(/ # time=.*/, '')
        .replace(/\d+/g, '#'),
    );
    return outcomes.length === 0 ? [] : [...outcomes.sort(), `exit ${result.status ?? result.signal}`];
  };
}

/** The tree that npm leaves, file by file. */
function npmInstall(options) {
  const folder = path.join(cache, 'project');
  rmSync(folder, { recursive: true, force: true });
  const say = word => `node -e "require('fs').appendFileSync('log.txt', '${word}\\n')"`;
  const files = {
    'package.json': {
      name: 'project',
      version: '1.0.0',
      scripts: {
        preinstall: `${say('preinstall')} && echo sh >> log.txt`,
        install: 'npm run --silent inner',
        postinstall: 'node spawns.js',
        inner: say('inner'),
        prepare: `npm exec --silent -- semver 1.2.3 >> log.txt && ${say('prepare')}`,
      },
      dependencies: { local: 'file:./local', semver: '7.6.3', 'cross-spawn': '7.0.6', shelljs: '0.8.5' },
    },
    'local/package.json': {
      name: 'local',
      version: '1.0.0',

      scripts: { prepare: say('local') },
    },
    'spawns.js': `
      const { execSync, execFileSync, fork, spawn } = require('node:child_process');
      const say = text => require('node:fs').appendFileSync('log.txt', text);
      if (process.send) process.send('forked');
      else {
        say(execSync('npx --no-install semver 3.0.0'));
        say(execFileSync('sh', ['-c', 'exit 0 | cat; echo piped']));
        require('cross-spawn').sync('semver', ['2.0.0'], { stdio: ['ignore', 'pipe', 'inherit'] }).output.forEach(o => o && say(o));
        fork(__filename).on('message', say).on('close', code => say(String(code)));
      }`,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), typeof text === 'string' ? text : JSON.stringify(text));
  }
  const npm = ['npm', 'install', '--no-audit', '--no-fund', '--foreground-scripts', '--prefer-offline'];
  const result = start(npm, { cwd: folder, options, timeout: 100_000 });
  if (result.status !== 0) return [];
  return [
    ...tree(folder),
    ...result.stdout
      .trim()
      .replace(/ in \d+m?s/, '')
      .split('\n'),
  ];
}

/** A report over processes that start each other, down to what each of them covered. */
function coverage(options) {
  const folder = path.join(cache, 'covered');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const depths = 3;
  writeFileSync(path.join(folder, 'package.json'), '{"name": "covered"}');
  writeFileSync(path.join(folder, '.c8rc.json'), '{}');
  writeFileSync(
    path.join(folder, 'program.js'),
    `const depth = Number(process.argv[2] ?? ${depths});
     if (depth === ${depths}) require('node:child_process').fork(__filename, ['2']).on('close', code => { process.exitCode = code; });
     else if (depth === 2) require('node:child_process').spawnSync(process.execPath, [__filename, '1']).status === 4 && process.exit(5);
     else if (depth === 1) process.exitCode = 4;
     else console.log('never');\n`,
  );
  const c8 = path.join(root, 'node_modules', 'c8', 'bin', 'c8.js');
  const command = [process.execPath, c8, '--reporter=lcovonly', '--reporter=text', 'node', 'program.js'];
  const result = start(command, { cwd: folder, options });
  rmSync(path.join(folder, 'coverage', 'tmp'), { recursive: true, force: true });
  return [...tree(folder), ...result.stdout.split('\n'), `exit ${result.status}`];
}

function tree(folder) {
  return readdirSync(folder, { recursive: true })
    .sort()
    .filter(name => !lstatSync(path.join(folder, name)).isDirectory())
    .map(name => `${name} ${fingerprint(path.join(folder, name))}`);
}

function fingerprint(file) {
  const stat = lstatSync(file);
  if (stat.isSymbolicLink()) return `-> ${readlinkSync(file)}`;
  return `${stat.mode.toString(8)} ${createHash('sha256').update(readFileSync(file)).digest('hex')}`;
}
