// node --require stubbed.js --require closefds/register calls.js CALLS: microseconds of processor time a call.
const { ChildProcess, spawnSync } = require('node:child_process');

// Shows the guard how processes are made here, as the first spawn of any program does.
spawnSync('true');

const calls = Number(process.argv[2]);
// As child_process makes them.
const optionsOf = () => ({
  __proto__: null,
  file: '/bin/true',
  args: ['/bin/true'],
  cwd: undefined,
  detached: false,
  envPairs: ['A=1'],
  stdio: 'pipe',
  windowsHide: false,
});

function measure(spawn) {
  const child = new ChildProcess();
  const begin = process.cpuUsage();
  for (let i = 0; i < calls; i++) spawn.call(child, optionsOf());
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / calls;
}

function best(spawn) {
  return Math.min(...Array.from({ length: 5 }, () => measure(spawn)));
}

const guarded = ChildProcess.prototype.spawn;
process.stdout.write(JSON.stringify({ bare: best(globalThis.bareSpawn), guarded: best(guarded) }));
