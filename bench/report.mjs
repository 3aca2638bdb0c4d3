// How long `closefds report` takes for a million lines, and how much memory.
//
//   node bench/report.mjs [--lines N] [--groups N] [--rounds N] [--keep FILE]
//
// The lines are as processes write them: a first one for each group and process, then counts.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '1000000' },
    groups: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    keep: { type: 'string' },
  },
});
const [lines, groups, rounds] = [values.lines, values.groups, values.rounds].map(Number);
const CLI = path.join(root, 'dist', 'src', 'cli', 'main.js');
if (!existsSync(CLI)) throw new Error('expected a build: npm run build');

const folder = mkdtempSync(path.join(os.tmpdir(), 'closefds-bench-'));
const file = values.keep ?? path.join(folder, 'findings.ndjson');
generate(file);
const megabytes = statSync(file).size / 2 ** 20;
console.log(
  `${lines.toLocaleString('en')} lines, ${megabytes.toFixed(0)} MB, ${groups} groups; Node ${process.version}\n`,
);
for (const [title, args] of [
  ['text', ['--format', 'text']],
  ['json', ['--format', 'json']],
  ['html', ['--html', path.join(folder, 'report.html')]],
]) {
  const runs = Array.from({ length: rounds }, () => run(args)).sort((a, b) => a.seconds - b.seconds);
  const { seconds, memory } = runs[Math.floor((rounds - 1) / 2)];
  const rate = (megabytes / seconds).toFixed(0);
  console.log(`${title}  ${seconds.toFixed(2)} s  ${rate} MB/s  ${memory.toFixed(0)} MB of memory at most`);
}
rmSync(folder, { recursive: true });

function run(args) {
  const begin = process.hrtime.bigint();
  const peak = `process.on('exit', () => process.stderr.write(String(process.resourceUsage().maxRSS)))`;
  const probe = `data:text/javascript,${encodeURIComponent(peak)}`;
  const { status, stderr } = spawnSync(process.execPath, ['--import', probe, CLI, 'report', ...args, file], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  if (status !== 0) throw new Error(`closefds report ended with ${status}: ${stderr}`);
  return { seconds, memory: Number(stderr) / 1024 };
}

function generate(name) {
  const fd = openSync(name, 'w');
  const begin = Date.parse('2026-11-01T00:00:00.000Z');
  let text = '';
  for (let line = 0; line < lines; line++) {
    text += `${JSON.stringify(recordOf(line, new Date(begin + line * 2000).toISOString()))}\n`;
    if (text.length > 2 ** 20 || line === lines - 1) {
      writeSync(fd, text);
      text = '';
    }
  }
  closeSync(fd);
}

/** Always the same: the numbers are the lines' own. */
function recordOf(line, time) {
  const group = (line * 7919) % groups;
  const isStray = group % 3 !== 0;
  const name = ['.', 'tsx', 'puppeteer-core', '@scope/launcher', 'pm2'][group % 5];
  const inPackage = `lib/${['server', 'worker', 'browser', 'run'][group % 4]}-${group}.js`;
  const mode = group % 7 === 0 ? 'warn' : 'enforce';
  return {
    closefds: 1,
    time,
    pid: 1000 + (line % 1200),
    thread: 0,
    mode,
    code: isStray ? 'CLOSEFDS_STRAY' : 'CLOSEFDS_DESIGNATED',
    effect: 'deny',
    disposition: mode === 'warn' ? 'passed' : 'closed',
    kind: isStray ? 'stray' : 'pipe',
    childFd: 3 + (group % 20),
    ...(isStray && {
      sourceFd: 3 + (group % 20),
      target: group % 2 === 0 ? `/var/lib/app/data-${group}/LOCK` : `pipe:[${line}]`,
      type: group % 2 === 0 ? 'file' : 'pipe',
      access: 'both',
      atStart: group % 4 === 0,
      ...(group % 4 === 1 && {
        opener: { package: 'lmdb', version: '3.5.6', source: 'compat/packages/lmdb.json' },
      }),
    }),
    route: 'spawn',
    command: ['/bin/sh', 'git', 'node', '/usr/bin/chromium'][line % 4],
    caller: {
      package: name,
      ...(name !== '.' && { version: `${1 + (group % 3)}.2.0` }),
      file: name === '.' ? `/srv/app/${inPackage}` : `/srv/app/node_modules/${name}/${inPackage}`,
      fileInPackage: inPackage,
      line: 10 + (group % 90),
      column: 5,
      function: 'start',
    },
    rule: { source: 'default', reason: 'no rule allows it' },
    ...(mode === 'warn' && isStray && { used: 'unknown' }),
    count: line < groups ? 1 : 1 + (line % 50),
  };
}
