// node spawns.js SPAWNS STRAYS: starts so many children, one after the other.
const { spawnSync } = require('node:child_process');
const path = require('node:path');

const build = path.join(__dirname, '..', '..', 'build');
const [spawns, strays] = process.argv.slice(2).map(Number);
if (strays > 0) {
  const { open } = require(path.join(build, 'leak.node'));
  for (let i = 0; i < strays; i++) open('/dev/zero', 3);
}
for (let i = 0; i < spawns; i++) spawnSync(path.join(build, 'nothing'), [], { stdio: 'ignore' });
