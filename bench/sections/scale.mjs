// What grows with the number of FDs, rules, lines, packages and processes.

import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';

import { spread } from '../numbers.mjs';
import { CLI, cpu, program, REGISTER, ROOT, readRecords, tool } from '../tools.mjs';
import { writeReport } from '../write-report.mjs';

export const title = 'Scale';

const require = createRequire(import.meta.url);

export async function run({ quick, folder, progress }) {
  const tables = [];
  for (const [name, measure] of Object.entries({ looks, rules, reports, scans, writers })) {
    progress(name);
    tables.push(await measure({ quick, folder }));
  }
  return { tables };
}

// ---------------------------------------------------------------------------------------------
// Looking for strays
// ---------------------------------------------------------------------------------------------

function looks({ quick }) {
  const rows = (quick ? [100, 1000] : [100, 1000, 10_000]).map(fds => {
    const command = [process.execPath, program('stray-scan.js'), String(fds)];
    const { addon, fallback } = JSON.parse(
      execFileSync(tool('close-launcher'), command, { encoding: 'utf8' }),
    );
    return [fds, spread(addon), spread(fallback)];
  });
  const columns = [
    { title: 'FDs', unit: 'count' },
    { title: 'addon', unit: 'ms' },
    { title: 'JavaScript (fallback)', unit: 'ms' },
  ];
  return { title: 'One look for strays, processor time', columns, rows };
}

// ---------------------------------------------------------------------------------------------
// Rules
// ---------------------------------------------------------------------------------------------

function rules({ quick }) {
  const part = name => require(path.join(ROOT, 'dist', 'src', 'policy', `${name}.js`));
  const { parseConfigText } = part('parse-config');
  const { toPolicy } = part('rule');
  const { evaluate } = part('evaluate');
  const rows = [10, 100, 1000].map(count => {
    const text = JSON.stringify({ rules: Array.from({ length: count }, (_, i) => ruleOf(i)) });
    const read = () => parseConfigText(text, 'closefds.json');
    const policy = toPolicy({ ...read(), compat: [], unverified: 'warn' }, Date.now());
    const judge = () => evaluate(REQUEST, CALLER, policy);
    return [count, each(read, quick ? 20 : 200), each(judge, quick ? 2000 : 20_000)];
  });
  const columns = [
    { title: 'rules', unit: 'count' },
    { title: 'read and check them', unit: 'us' },
    { title: 'judge an FD, when none matches', unit: 'us' },
  ];
  return { title: 'A policy of many rules, processor time', columns, rows };
}

function ruleOf(i) {
  return {
    caller: `package-${i}`,
    range: '>=1.2.0 <3',
    kinds: ['pipe', 'stray'],
    fds: [3, 4],
    effect: 'allow',
    reason: 'measured',
  };
}

const CALLER = {
  name: '.',
  version: undefined,
  declaredName: undefined,
  file: '/app/server.js',
  launchers: [],
};
const REQUEST = {
  call: { route: 'spawn', command: '/usr/bin/git' },
  fds: [{ kind: 'pipe', childFd: 3, file: {}, explicit: false, atStart: false }],
};

/** Microseconds; the best of five, since others only ever add to it. */
function each(work, times) {
  const runs = Array.from({ length: 5 }, () => {
    const before = cpu();
    for (let i = 0; i < times; i++) work();
    return ((cpu() - before) * 1000) / times;
  });
  return Math.min(...runs);
}

// ---------------------------------------------------------------------------------------------
// Reports
// ---------------------------------------------------------------------------------------------

async function reports({ quick, folder }) {
  const rows = [];
  for (const lines of quick ? [20_000] : [100_000, 1_000_000]) {
    const file = path.join(folder, 'findings.ndjson');
    writeReport(file, { lines, groups: 500 });
    const { seconds, megabytes } = await timed(['report', '--format', 'json', file], 0);
    rows.push([lines, statSync(file).size / 2 ** 20, seconds, megabytes]);
  }
  const columns = [
    { title: 'lines', unit: 'count' },
    { title: 'file', unit: 'MB' },
    { title: 'time', unit: 's' },
    { title: 'most memory', unit: 'MB' },
  ];
  return { title: '`closefds report`', columns, rows };
}

const PEAK = `data:text/javascript,${encodeURIComponent("process.on('exit', () => process.stderr.write('\\n' + process.resourceUsage().maxRSS))")}`;

/** Runs a command of closefds, which has to end with this code. */
async function timed(args, code) {
  const begin = performance.now();
  const options = { maxBuffer: 2 ** 30 };
  const command = ['--import', PEAK, CLI, ...args];
  const { stderr, code: found = 0 } = await promisify(execFile)(process.execPath, command, options).catch(
    error => error,
  );
  if (found !== code)
    throw new Error(`closefds ${args.join(' ')}: expected exit code ${code}, found ${found}: ${stderr}`);
  return { seconds: (performance.now() - begin) / 1000, megabytes: Number(stderr.split('\n').at(-1)) / 1024 };
}

// ---------------------------------------------------------------------------------------------
// Scans
// ---------------------------------------------------------------------------------------------

async function scans({ quick, folder }) {
  const packages = quick ? 100 : 1000;
  const tree = path.join(folder, 'tree');
  plant(tree, packages);
  const first = await timed(['scan', '--format', 'json', tree], 0);
  const again = await timed(['scan', '--format', 'json', tree], 0);
  const columns = [
    { title: 'packages', unit: 'count' },
    { title: 'files', unit: 'count' },
    { title: 'first time', unit: 's' },
    { title: 'again', unit: 's' },
    { title: 'most memory', unit: 'MB' },
  ];
  const rows = [[packages, packages * FILES, first.seconds, again.seconds, first.megabytes]];
  return { title: '`closefds scan`', columns, rows };
}

const FILES = 10;

/** Packages of which each has a place that passes an FD, among files that do not. */
function plant(tree, packages) {
  for (let i = 0; i < packages; i++) {
    const folder = path.join(tree, 'node_modules', `package-${i}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      path.join(folder, 'package.json'),
      JSON.stringify({ name: `package-${i}`, version: '1.0.0' }),
    );
    for (let n = 0; n < FILES; n++) writeFileSync(path.join(folder, `file-${n}.js`), sourceOf(i, n));
  }
  writeFileSync(path.join(tree, 'package.json'), JSON.stringify({ name: 'app' }));
}

function sourceOf(i, n) {
  const plain = Array.from(
    { length: 100 },
    (_, k) => `exports.f${k} = (a, b) => ({ a, b, sum: a + b + ${i * k} });`,
  );
  const passing = `require('child_process').spawn('tool', [], { stdio: ['pipe', 'pipe', 'pipe', 'ipc', ${i % 9}] });`;
  return [...plain, n === 0 ? passing : ''].join('\n');
}

// ---------------------------------------------------------------------------------------------
// Writers
// ---------------------------------------------------------------------------------------------

async function writers({ quick, folder }) {
  const [processes, findings] = quick ? [10, 10] : [50, 40];
  const file = path.join(folder, 'shared.ndjson');
  const env = { ...process.env, NODE_OPTIONS: '', CLOSEFDS_REPORT: file };
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: processes }, () => {
      const command = [
        process.execPath,
        '--no-warnings',
        '--require',
        REGISTER,
        program('findings.js'),
        String(findings),
      ];
      return promisify(execFile)(tool('close-launcher'), command, { env });
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  const lines = readRecords(file);
  const different = new Set(lines.map(({ pid, childFd }) => `${pid} ${childFd}`)).size;
  const columns = [
    { title: 'processes at once', unit: 'count' },
    { title: 'lines written', unit: 'count' },
    { title: 'lines lost', unit: 'count' },
    { title: 'lines torn', unit: 'count' },
    { title: 'time', unit: 's' },
  ];
  const rows = [
    [processes, lines.length, processes * findings - different, lines.length - different, seconds],
  ];
  return { title: 'One report file, many writers', columns, rows };
}
