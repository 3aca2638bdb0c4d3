// node memory.js '{ "spawns", "strays" }': resident and used memory, before the first spawn, after it, and after all.

const childProcess = require('node:child_process');

const { memory, NOTHING, openStrays } = require('./common.js');

const { spawns, strays } = JSON.parse(process.argv[2]);

openStrays(strays);

const spawn = () => childProcess.spawnSync(NOTHING, [], { stdio: 'ignore' });

const before = memory();
spawn();
const first = memory();
for (let i = 1; i < spawns / 10; i++) spawn();
const early = memory();
for (let i = Math.ceil(spawns / 10); i < spawns; i++) spawn();
process.stdout.write(JSON.stringify({ before, first, early, after: memory() }));
