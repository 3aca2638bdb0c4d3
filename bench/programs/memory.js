// node memory.js '{ "spawns", "strays" }': resident and used memory, before the first spawn, after it, and after all.

const childProcess = require('node:child_process');
const path = require('node:path');

const build = path.join(__dirname, '..', '..', 'build');
const { spawns, strays } = JSON.parse(process.argv[2]);

if (strays > 0) {
  const { open } = require(path.join(build, 'leak.node'));
  for (let i = 0; i < strays; i++) open('/dev/zero', 3);
}

const spawn = () => childProcess.spawnSync(path.join(build, 'nothing'), [], { stdio: 'ignore' });

function memory() {
  // Twice: the first leaves what only finalizers held.
  global.gc();
  global.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss / 2 ** 20, used: (heapUsed + external) / 2 ** 20 };
}

const before = memory();
spawn();
const first = memory();
for (let i = 1; i < spawns / 10; i++) spawn();
const early = memory();
for (let i = Math.ceil(spawns / 10); i < spawns; i++) spawn();
process.stdout.write(JSON.stringify({ before, first, early, after: memory() }));
