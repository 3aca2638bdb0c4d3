// Before closefds is loaded: a spawn that makes no process.
const { ChildProcess } = require('node:child_process');

globalThis.bareSpawn = ChildProcess.prototype.spawn = function spawn(_options) {
  return 0;
};
