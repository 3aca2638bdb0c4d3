// node spawns.js SPAWNS STRAYS: starts so many children, one after the other.
const { spawnSync } = require('node:child_process');

const { NOTHING, openStrays } = require('./common.js');

const [spawns, strays] = process.argv.slice(2).map(Number);
openStrays(strays);
for (let i = 0; i < spawns; i++) spawnSync(NOTHING, [], { stdio: 'ignore' });
