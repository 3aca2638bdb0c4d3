// node findings.js COUNT: so many spawns, each of which passes a pipe at another number, so each is a finding.

const childProcess = require('node:child_process');

const { NOTHING } = require('./common.js');

for (let i = 0; i < Number(process.argv[2]); i++) {
  const stdio = Array(3 + i).fill('ignore');
  childProcess.spawnSync(NOTHING, [], { stdio: [...stdio, 'pipe'] });
}
