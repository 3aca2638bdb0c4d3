// The same promise, "nothing but stdio", kept by other means: each beside its own runtime's bare spawn.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

import { compare } from '../harness.mjs';
import { mapValues } from '../numbers.mjs';
import { inCasts } from '../spawner.mjs';
import { program, REGISTER, ROOT, tool } from '../tools.mjs';

export const title = 'Beside what people use instead';

export async function run({ quick, progress }) {
  progress('fetching');
  const missing = [];
  const rows = [];
  for (const fds of quick ? [0, 1000] : [0, 1000, 10_000]) {
    const found = {};
    for (const [runtime, ways] of Object.entries(runtimesOf(fds, missing))) {
      progress(`${runtime}, ${fds} FDs`);
      found[runtime] = await measure(ways, quick);
    }
    for (const [runtime, batches] of Object.entries(found)) {
      for (const way of Object.keys(batches).filter(name => name !== 'bare')) {
        const { added, addedCpu, ratio, cpuRatio } = compare(batches[way], batches.bare);
        const bare = compare(batches.bare, batches.bare);
        const inMicroseconds = of => mapValues(of, value => value * 1000);
        rows.push([
          fds,
          runtime,
          way,
          bare.time.median,
          inMicroseconds(added),
          ratio,
          inMicroseconds(addedCpu),
          cpuRatio,
        ]);
      }
    }
  }
  const table = { title: 'What closing adds to a spawn with one stray', columns: COLUMNS, rows };
  return { tables: [table], notes: [NOTE, ...missing] };
}

const COLUMNS = [
  { title: 'FDs', unit: 'count' },
  { title: 'runtime' },
  { title: 'way' },
  { title: 'bare', unit: 'ms' },
  { title: 'time added', unit: 'us' },
  { title: 'time / bare', unit: 'ratio' },
  { title: 'CPU added', unit: 'us' },
  { title: 'CPU / bare', unit: 'ratio' },
];

const NOTE =
  'One FD is a stray, so that there is something to close; the others are close-on-exec. "fs-ext" lists `/proc/self/fd` in JavaScript and marks with `fcntl()`, before each spawn. "bash" puts a shell in front that closes all it lists of itself; "C launcher" a static program that calls `close_range()`. dd-trace, which patches `child_process` to trace spawns, is there for what a patch costs. Bun always closes: its bare spawn is one in which a seccomp filter makes `close_range()` do nothing, and the other has a filter that concerns no call. closefds is the only one here that also says what it closed, and whose it was.';

/** Each runtime's ways; what cannot be had is said. */
function runtimesOf(fds, missing) {
  const request = given =>
    JSON.stringify({ route: 'spawn', child: [tool('nothing')], fds, strays: 1, ...given });
  const node = (args, given = {}) => [process.execPath, ...args, program('spawner.js'), request(given)];
  const runtimes = {
    Node: {
      bare: { command: node([]) },
      closefds: { command: node(['--no-warnings', '--require', REGISTER]) },
      'C launcher': { command: node([], { child: [tool('close-launcher'), tool('nothing')] }) },
      bash: { command: node([], { child: ['bash', '-c', CLOSE_ALL, tool('nothing')] }) },
    },
  };
  tryTo(missing, 'fs-ext', () => {
    const env = { BENCH_FS_EXT: fetchFsExt() };
    runtimes.Node['fs-ext'] = { command: node([], { route: 'marked' }), env };
  });
  tryTo(missing, 'dd-trace', () => {
    const env = { ...QUIET_TRACER, NODE_PATH: fetchPeer('dd-trace', '5') };
    runtimes.Node['dd-trace (closes nothing)'] = { command: node(['--require', 'dd-trace/init']), env };
  });
  tryTo(missing, 'Python', () => {
    const version = execFileSync('python3', ['--version'], { encoding: 'utf8' }).trim();
    const python = route => ['python3', program('spawner.py'), request({ route })];
    runtimes[version] = { bare: { command: python('open') }, 'close_fds=True': { command: python('close') } };
  });
  tryTo(missing, 'Bun', () => {
    const [, version, bun] = execFileSync(
      process.execPath,
      [path.join(ROOT, 'scripts', 'verify', 'fetch-runtimes.mjs'), 'bun'],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    )
      .trim()
      .split('\t');
    const filtered = args => [tool('no-close-range'), ...args, bun, program('spawner-bun.mjs'), request({})];
    runtimes[`Bun ${version}`] = {
      bare: { command: filtered([]) },
      'Bun.spawn()': { command: filtered(['-']) },
    };
  });
  return runtimes;
}

const CLOSE_ALL =
  'cd /proc/self/fd; for fd in *; do if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi; done; exec "$0" "$@"';

function tryTo(missing, name, work) {
  try {
    work();
  } catch (error) {
    const what = `${name} is not in this table: ${String(error.message).split('\n', 1)[0]}.`;
    if (!missing.includes(what)) missing.push(what);
  }
}

/** It compiles an addon of its own, so it is kept for each version of Node. */
function fetchFsExt() {
  return path.join(fetchPeer('fs-ext', '2'), 'fs-ext');
}

/** The folder of packages that has it. */
function fetchPeer(name, version) {
  const folder = path.join(ROOT, '.cache', 'peers', process.versions.modules, name);
  const packages = path.join(folder, 'node_modules');
  if (!existsSync(path.join(packages, name))) {
    mkdirSync(folder, { recursive: true });
    const options = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--silent'];
    execFileSync('npm', ['install', '--prefix', folder, ...options, `${name}@${version}`], {
      cwd: folder,
      stdio: 'pipe',
    });
  }
  return packages;
}

/** Its agent is not there. */
const QUIET_TRACER = {
  DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
  DD_REMOTE_CONFIGURATION_ENABLED: 'false',
  DD_TRACE_STARTUP_LOGS: 'false',
};

function measure(ways, quick) {
  const [count, rounds, casts, most] = quick ? [10, 6, 1, 250] : [20, 20, 4, 3000];
  return inCasts(ways, { count, rounds, casts, most });
}
