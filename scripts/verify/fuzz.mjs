// npm run verify:fuzz [-- TARGET...] [--seed N] [--time SECONDS]: the fuzz targets with new inputs.
//
// Each target in turn gets a share of the time (a minute in all, by default), in rounds with seeds
// that count up from the first. What fails is printed with its seed: give that to try it again.
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const { TARGETS } = createRequire(import.meta.url)('../../dist/test/fuzz/targets.js');

const { values, positionals } = readArguments();
const seconds = number(values.time, '--time', 60);
const firstSeed = number(values.seed, '--seed', Date.now() % 2 ** 31);
const chosen = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const unknown = positionals.filter(name => !TARGETS.some(target => target.name === name));
if (unknown.length > 0) misuse(`no target is named ${unknown.join(', ')}`);

let failures = 0;
for (const target of chosen) {
  const end = Date.now() + (1000 * seconds) / chosen.length;
  let inputs = 0;
  let seed = firstSeed;
  try {
    do {
      await target.run(seed, target.runs);
      inputs += target.runs;
      seed++;
    } while (Date.now() < end);
    console.log(`ok      ${target.name}: ${inputs} inputs, seeds ${firstSeed} to ${seed - 1}`);
  } catch (error) {
    failures++;
    console.log(
      `FAILED  ${target.name}: ${target.holds}\nnpm run fuzz -- ${target.name} --seed ${seed} --time 0`,
    );
    console.log(error.message);
  }
}
process.exitCode = failures === 0 ? 0 : 1;

function readArguments() {
  const options = { seed: { type: 'string' }, time: { type: 'string' } };
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return misuse(error.message);
  }
}

function number(text, name, otherwise) {
  if (text === undefined) return otherwise;
  if (!/^\d+$/.test(text)) misuse(`${name}: expected a whole number, found ${JSON.stringify(text)}`);
  return Number(text);
}

function misuse(what) {
  console.error(`${what}\nThe targets are ${TARGETS.map(target => target.name).join(', ')}.`);
  process.exit(2);
}
