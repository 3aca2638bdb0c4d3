// node spawner.js '{ "route", "child", "fds", "strays", "megabytes" }': see bench/spawner.mjs.
//
// `route` is one of those below, `child` the command and its arguments.

const childProcess = require('node:child_process');
const fs = require('node:fs');

const { cpu, faults } = require('../../build/usage.node');
const { openStrays } = require('./common.js');

const { route, child, fds = 0, strays = 0, megabytes = 0 } = JSON.parse(process.argv[2]);
const [file, ...args] = child;
const options = { stdio: 'ignore' };

const ended = started => new Promise((resolve, reject) => started.on('exit', resolve).on('error', reject));
const ROUTES = {
  spawn: () => ended(childProcess.spawn(file, args, options)),
  spawnSync: () => childProcess.spawnSync(file, args, options),
  exec: () => ended(childProcess.exec(file)),
  // The children do not load closefds: bench/sections/startup.mjs measures that.
  fork: () => ended(childProcess.fork(file, args, { execArgv: [] })),
  marked: () => {
    markAll();
    return ROUTES.spawn();
  },
};

const held = Buffer.alloc(megabytes * 2 ** 20, 1);
for (let i = 0; i < fds; i++) fs.openSync('/dev/null');
openStrays(strays);

/** Closing without closefds: sets close-on-exec on each listed FD, one by one. */
function markAll() {
  const { fcntlSync, constants } = require(process.env.BENCH_FS_EXT);
  for (const name of fs.readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd < 3) continue;
    try {
      const flags = fcntlSync(fd, 'getfd');
      if ((flags & constants.FD_CLOEXEC) === 0) fcntlSync(fd, 'setfd', flags | constants.FD_CLOEXEC);
    } catch {
      // The FD of the directory, which is closed again.
    }
  }
}

async function play({ count, most }) {
  const times = [];
  // While other players ran, the time budget for scans was refilled: see src/strays/stray-scan.ts.
  await ROUTES[route]();
  const before = { cpu: cpu(), faults: faults() };
  const begin = process.hrtime.bigint();
  let now = begin;
  while (times.length < count && Number(now - begin) / 1e6 < most) {
    const start = now;
    await ROUTES[route]();
    now = process.hrtime.bigint();
    times.push(Number(now - start) / 1e6);
  }
  return { times, cpu: cpu() - before.cpu, faults: faults() - before.faults };
}

process.stdout.write(`${JSON.stringify({ ready: held.length })}\n`);
let text = '';
process.stdin.on('data', async chunk => {
  text += chunk;
  if (!text.endsWith('\n')) return;
  const asked = JSON.parse(text);
  text = '';
  process.stdout.write(`${JSON.stringify(await play(asked))}\n`);
});
