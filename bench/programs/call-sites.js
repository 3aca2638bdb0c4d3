// node --require stubbed.js call-sites.js SITES: that many call sites, each of which asks once for a child that gets a
// pipe. No process is made, see stubbed.js. Prints the microseconds of a call, and the used memory in MB after a tenth of
// them and at the end.

const { ChildProcess } = require('node:child_process');
const path = require('node:path');
const vm = require('node:vm');

const { memory, NOTHING: file } = require('./common.js');

const sites = Number(process.argv[2]);
const stdio = ['ignore', 'ignore', 'ignore', 'pipe'];

let spent = 0;
let early;
for (let site = 0; site < sites; site++) {
  const filename = path.join(__dirname, `made-${Math.floor(site / 1000)}.js`);
  const at = vm.runInThisContext('(child, options) => child.spawn(options)', {
    filename,
    lineOffset: site % 1000,
  });
  const begin = performance.now();
  at(new ChildProcess(), { file, args: [file], stdio });
  spent += performance.now() - begin;
  if (site === Math.floor(sites / 10)) early = memory().used;
}
process.stdout.write(JSON.stringify({ perCall: (spent * 1000) / sites, early, late: memory().used }));
