// node findings.js COUNT: so many spawns, each of which passes a pipe at another number, so each is a finding.

const childProcess = require('node:child_process');
const path = require('node:path');

const nothing = path.join(__dirname, '..', '..', 'build', 'nothing');
for (let i = 0; i < Number(process.argv[2]); i++) {
  const stdio = Array(3 + i).fill('ignore');
  childProcess.spawnSync(nothing, [], { stdio: [...stdio, 'pipe'] });
}
