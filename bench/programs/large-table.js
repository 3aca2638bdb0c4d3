// node large-table.js '{ "fds", "strays" }': milliseconds of the first spawn and, as a list, of later ones, in a process
// with that many open FDs, which are strays or have close-on-exec.

const childProcess = require('node:child_process');
const path = require('node:path');

const build = path.join(__dirname, '..', '..', 'build');
const { fds, strays } = JSON.parse(process.argv[2]);
const { open, mark } = require(path.join(build, 'leak.node'));

for (let i = 0; i < fds; i++) {
  const fd = open('/dev/null', 3);
  if (!strays) mark(fd, true);
}
const first = timed();
process.stdout.write(JSON.stringify({ first, later: Array.from({ length: 30 }, timed) }));

function timed() {
  const begin = performance.now();
  childProcess.spawnSync(path.join(build, 'nothing'), [], { stdio: 'ignore' });
  return performance.now() - begin;
}
