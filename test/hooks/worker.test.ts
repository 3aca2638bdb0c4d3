// What a program sees of `Worker` is the same with and without closefds, and so is what the worker sees.
//
// One program, run twice: with the preload, and with an empty one in its place.

import test, { type ExecutionContext } from 'ava';
import { fixture, temporaryFolder, write } from '../support/programs';
import { LEAK, REGISTER, run } from '../support/run';

type Preloading = readonly [
  title: string,
  args: (file: string) => string[],
  options?: (file: string) => string,
];

const PRELOADINGS: readonly Preloading[] = [
  ['--require', file => ['--require', file]],
  ['--import', file => ['--import', file]],
  ['NODE_OPTIONS=--require', () => [], file => `--require ${file}`],
  ['NODE_OPTIONS=--import', () => [], file => `--import ${file}`],
  ['--require beside V8 and process options', file => ['--expose-gc', '--title=title', '--require', file]],
  ['NODE_OPTIONS=--require --title', () => [], file => `--require ${file} --title=title`],
];

/** Options of a worker, good and bad. */
const OPTIONS: readonly string[] = [
  'undefined',
  'null',
  '5',
  '() => {}',
  '{}',
  '{ env: {} }',
  '{ env: null }',
  '{ env: process.env }',
  `{ env: { ...process.env, ADDED: '1' } }`,
  `{ env: { NODE_OPTIONS: '' } }`,
  `{ env: { NODE_OPTIONS: '--no-warnings' } }`,
  '{ env: { NODE_OPTIONS: undefined } }',
  '{ env: { NODE_OPTIONS: Symbol() } }',
  `{ env: { NODE_OPTIONS: '--title=title' } }`,
  `{ env: { NODE_OPTIONS: '--no-such-option' } }`,
  `{ env: { NODE_OPTIONS: '"' } }`,
  `{ env: 'text' }`,
  '{ env: Symbol() }',
  '{ env: SHARE_ENV }',
  '{ env: SHARE_ENV, execArgv: [] }',
  '{ execArgv: [] }',
  `{ execArgv: ['--no-warnings'] }`,
  `{ execArgv: ['--no-such-option'] }`,
  `{ execArgv: ['--title=title'] }`,
  `{ execArgv: ['--require'] }`,
  '{ execArgv: [5, , undefined] }',
  '{ execArgv: [], env: {} }',
  `{ execArgv: 'text' }`,
  '{ execArgv: {} }',
  `{ execArgv: '', env: {} }`,
  '{ execArgv: null, env: {} }',
  `{ argv: ['a', 'b'], name: 'name', env: {} }`,
  `{ argv: 'text', env: {} }`,
  '{ name: 5, env: {} }',
  '{ workerData: () => {}, env: {} }',
  `Object.create({ env: { INHERITED: '1' } })`,
  `Object.freeze({ env: Object.freeze({ FROZEN: '1' }), execArgv: Object.freeze([]) })`,
  `new (class { #env = { PRIVATE: '1' }; get env() { return this.#env; } })()`,
  `new (class { env = {}; #argv = ['private']; get argv() { return this.#argv; } })()`,
  `{ get env() { throw new Error('from a getter'); } }`,
  `{ env: { get NODE_OPTIONS() { throw new Error('from a getter'); } } }`,
  `Object.assign(() => {}, { env: { OF_A_FUNCTION: '1' } })`,
];

const SEEN_BY_WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { argv, env, execArgv } = process;
  const names = Object.keys(env).sort();
  const seen = [execArgv, argv.slice(2), names.map(name => [name, env[name]]), workerData];
  parentPort.postMessage(JSON.stringify(seen));
`;

const OUTCOMES = `
  const { SHARE_ENV, Worker } = require('node:worker_threads');
  const { inspect } = require('node:util');
  const outcome = make => new Promise(resolve => {
    const told = error => resolve([error.name, error.code, error.message].join(' | '));
    try {
      make().on('message', resolve).on('error', told);
    } catch (error) {
      told(error);
    }
  });
`;

for (const [title, args, options] of PRELOADINGS) {
  for (const form of ['file', 'eval']) {
    test(`${title}: ${form} workers are as they were`, async t => {
      const folder = temporaryFolder(t);
      const file = write(folder, { 'worker.js': SEEN_BY_WORKER });
      const first = form === 'file' ? JSON.stringify(file) : JSON.stringify(SEEN_BY_WORKER);
      // An options object of any kind gets an `eval` of its own; what cannot hold one is left out.
      const program = `${OUTCOMES}
  (async () => {
    for (const given of [${OPTIONS.map(text => `() => (${text})`).join(',\n')}]) {
      const options = given();
      const isObject = Object(options) === options;
      if (${form === 'eval'} && (!isObject || Object.isFrozen(options))) continue;
      if (${form === 'eval'}) options.eval = true;
      const before = inspect(options, { depth: 5 });
      console.log(given.toString(), await outcome(() => new Worker(${first}, options)));
      if (inspect(options, { depth: 5 }) !== before) console.log('the options were changed');
    }
  })();`;
      await same(t, folder, program, args, options);
    });
  }
}

test('Worker itself is as it was', async t => {
  const folder = temporaryFolder(t);
  write(folder, { 'seen.js': SEEN_BY_WORKER });
  const program = `${OUTCOMES}${fixture('look-at-worker.js')}`;
  await same(t, folder, program, file => ['--require', file]);
});

test('Worker in a worker is as it was, and what the outer one got stays there', async t => {
  const folder = temporaryFolder(t);
  const inner = write(folder, { 'inner.js': SEEN_BY_WORKER });
  const middle = write(folder, {
    'middle.js': `${OUTCOMES}
  (async () => {
    const all = [];
    for (const options of [{}, { env: {} }, { execArgv: [] }, { env: process.env }, { env: SHARE_ENV }])
      all.push(await outcome(() => new Worker(${JSON.stringify(inner)}, options)));
    require('node:worker_threads').parentPort.postMessage(all);
  })();`,
  });
  const program = `${OUTCOMES}
  (async () => {
    for (const options of [{}, { env: {} }, { execArgv: [] }, { env: {}, execArgv: [] }, { env: process.env }])
      console.log(await outcome(() => new Worker(${JSON.stringify(middle)}, options)));
  })();`;
  for (const [, args, options] of PRELOADINGS) await same(t, folder, program, args, options);
});

test('a worker that Node would refuse with closefds runs without it, which is told once', async t => {
  const folder = temporaryFolder(t);
  const program = `
  const { Worker } = require('node:worker_threads');
  const code = 'console.log(typeof globalThis[Symbol.for("closefds.installed")])';
  for (let i = 0; i < 2; i++) new Worker(code, { eval: true });`;
  const { code, stdout, stderr } = await run(write(folder, { 'app.js': program }), {
    nodeArgs: [],
    env: { NODE_OPTIONS: `--title=title --import ${REGISTER}` },
  });
  t.is(code, 0);
  t.is(stdout, 'undefined\n'.repeat(2));
  t.is(stderr.match(/CLOSEFDS_UNGUARDED\] .*a worker runs without closefds/g)?.length, 1);
});

test('a worker that loads closefds twice, for another mode, says nothing', async t => {
  const folder = temporaryFolder(t);
  const program = `
  const { Worker } = require('node:worker_threads');
  new Worker('console.log(globalThis[Symbol.for("closefds.installed")].mode)', { eval: true, execArgv: [] });`;
  const { code, stdout, stderr } = await run(write(folder, { 'app.js': program }), {
    nodeArgs: [],
    env: { CLOSEFDS_MODE: 'enforce', NODE_OPTIONS: `--require ${REGISTER.replace('index.js', 'warn.js')}` },
  });
  t.deepEqual([code, stdout, stderr], [0, 'enforce\n', '']);
});

test('a worker that starts does not hide from reports what is open', async t => {
  const program = `
    const { Worker } = require('node:worker_threads');
    require(${JSON.stringify(LEAK)}).open(__filename + '.opened', 40);
    new Worker('0', { eval: true }).on('exit', () => require('node:child_process').spawnSync('true'));`;
  const { stderr } = await run(write(temporaryFolder(t), { 'app.js': program }));
  t.regex(stderr, /stray FD 40 \(file \S+app\.js\.opened, read-write, opened since start\) was closed/);
});

async function same(
  t: ExecutionContext,
  folder: string,
  program: string,
  args: Preloading[1],
  options?: Preloading[2],
): Promise<void> {
  const app = write(folder, { 'app.js': program });
  const empty = write(folder, { 'empty.js': '' });
  const [without, withIt] = await Promise.all(
    [empty, REGISTER].map(async file => {
      const env = options && { NODE_OPTIONS: options(file) };
      const { code, stdout, stderr } = await run(app, { nodeArgs: args(file), ...(env && { env }) });
      return { code, stdout: stdout.replaceAll(file, 'PRELOAD').split('\n'), stderr };
    }),
  );
  t.is(without?.code, 0);
  t.is(without?.stderr, '');
  t.true((without?.stdout.length ?? 0) > 1);
  t.deepEqual(withIt, without);
}
