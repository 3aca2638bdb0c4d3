// node large-table.js '{ "fds", "strays" }': milliseconds of the first spawn and, as a list, of later ones, in a process
// with that many open FDs, which are strays or have close-on-exec.

const childProcess = require('node:child_process');

const { NOTHING } = require('./common.js');

const { fds, strays } = JSON.parse(process.argv[2]);
const { open, mark } = require('../../build/leak.node');

for (let i = 0; i < fds; i++) {
  const fd = open('/dev/null', 3);
  if (!strays) mark(fd, true);
}
const first = timed();
process.stdout.write(JSON.stringify({ first, later: Array.from({ length: 30 }, timed) }));

function timed() {
  const begin = performance.now();
  childProcess.spawnSync(NOTHING, [], { stdio: 'ignore' });
  return performance.now() - begin;
}
