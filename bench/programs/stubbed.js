// Before closefds is loaded: a spawn that makes no process, and seems to.
const { ChildProcess } = require('node:child_process');

globalThis.bareSpawn = ChildProcess.prototype.spawn = function spawn(_options) {
  this.pid = 1;
  return 0;
};
