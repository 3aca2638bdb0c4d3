// node natively.js ADDON WAY COUNT: milliseconds of each process that an addon makes in this way, as JSON.

const path = require('node:path');

const build = path.join(__dirname, '..', '..', 'build');
const { cpu, faults } = require(path.join(build, 'usage.node'));
const [addon, way, count] = process.argv.slice(2);
const { make } = require(addon);

const NO_STRAY = 0;
const once = () => make(way, ':', NO_STRAY);
for (let i = 0; i < 3; i++) once();
const before = { cpu: cpu(), faults: faults() };
const times = Array.from({ length: Number(count) }, () => {
  const begin = process.hrtime.bigint();
  once();
  return Number(process.hrtime.bigint() - begin) / 1e6;
});
process.stdout.write(JSON.stringify({ times, cpu: cpu() - before.cpu, faults: faults() - before.faults }));
