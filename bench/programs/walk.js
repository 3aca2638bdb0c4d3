// node walk.js WALKS: milliseconds to arm the deep guard, which looks at all loaded objects, and of each later look.

const path = require('node:path');

const root = path.join(__dirname, '..', '..');
const { loadStrayGuard } = require(path.join(root, 'dist', 'src', 'strays', 'native-guard.js'));

const { deep } = loadStrayGuard(root);
const timed = work => {
  const begin = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - begin) / 1e6;
};
const first = timed(() => deep.deepArm(0));
const again = Array.from({ length: Number(process.argv[2]) }, () => timed(() => deep.deepWalk(true)));
process.stdout.write(JSON.stringify({ first, again, objects: deep.deepObjects(0).length }));
