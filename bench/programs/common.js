// What the measured programs share.

const path = require('node:path');

const build = path.join(__dirname, '..', '..', 'build');

/** A static program that does nothing. */
exports.NOTHING = path.join(build, 'nothing');

exports.openStrays = count => {
  if (count === 0) return;
  const { open } = require(path.join(build, 'leak.node'));
  for (let i = 0; i < count; i++) open('/dev/zero', 3);
};

/** In MB, after garbage collection: what the system says, and the heap with what it holds outside. */
exports.memory = () => {
  // Twice: the first leaves what only finalizers held.
  global.gc();
  global.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss / 2 ** 20, used: (heapUsed + external) / 2 ** 20 };
};
