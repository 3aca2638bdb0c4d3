// What a child inherits is read again only where it may have changed.

import util from 'node:util';
import test from 'ava';
import { createEnvironmentReader } from '../../src/spawn/inherited-environment';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, REGISTER, run, tool, WITHOUT_COVERAGE } from '../support/run';

const { isProxy } = util.types;

/** Counts how often the variable is read. */
function counting(name: string): { readonly env: NodeJS.ProcessEnv; readonly reads: () => number } {
  let reads = 0;
  const env = Object.defineProperty({}, name, {
    enumerable: true,
    get: () => {
      reads++;
      return '7';
    },
  });
  return { env, reads: () => reads };
}

test.serial('without a change, what was read is used again', t => {
  process.env.CLOSEFDS_TEST_FD = '7';
  t.teardown(() => delete process.env.CLOSEFDS_TEST_FD);
  let changed = true;
  const read = createEnvironmentReader({ hasChanged: () => changed, isProxy });
  const first = read();
  t.true(first.includes('CLOSEFDS_TEST_FD=7'), String(first));

  process.env.CLOSEFDS_TEST_FD = '8';
  changed = false;
  t.is(read(), first);
  changed = true;
  t.true(read().includes('CLOSEFDS_TEST_FD=8'));
});

test.serial('where a change cannot be told, the variables are read each time', t => {
  t.teardown(() => delete process.env.CLOSEFDS_TEST_FD);
  const read = createEnvironmentReader({ hasChanged: undefined, isProxy });
  for (const fd of ['7', '8']) {
    process.env.CLOSEFDS_TEST_FD = fd;
    t.true(read().includes(`CLOSEFDS_TEST_FD=${fd}`));
  }
});

for (const { title, replaced } of [
  { title: 'an object literal', replaced: (env: NodeJS.ProcessEnv) => env },
  { title: 'a proxy', replaced: (env: NodeJS.ProcessEnv) => new Proxy(env, {}) },
  {
    title: 'an object of a class',
    replaced: (env: NodeJS.ProcessEnv) => Object.setPrototypeOf(env, class Environment {}.prototype),
  },
  {
    title: 'a frozen object of a class',
    replaced: (env: NodeJS.ProcessEnv) =>
      Object.freeze(Object.setPrototypeOf(env, class Environment {}.prototype)),
  },
])
  test.serial(`${title} in place of process.env is read each time, and stays as it is`, t => {
    const before = process.env;
    t.teardown(() => {
      process.env = before;
    });
    const { env, reads } = counting('LOG_FD');
    process.env = replaced(env);
    const read = createEnvironmentReader({ hasChanged: () => false, isProxy });
    t.deepEqual([read(), read()], [['LOG_FD=7'], ['LOG_FD=7']]);
    t.is(reads(), 2);
    t.deepEqual(Reflect.ownKeys(env), ['LOG_FD']);
  });

test('the variables of this thread refuse symbols, by which they are known', t => {
  t.throws(() => Reflect.set(process.env, Symbol('a'), ''), { instanceOf: TypeError });
});

// ---------------------------------------------------------------------------------------------
// Real programs, which make the same call many times before a variable names a stray
// ---------------------------------------------------------------------------------------------

const NAMED = [0, 1, 2, '50 placeholder'];
const NOT_NAMED = [0, 1, 2];

/** `change(value)` sets LOG_FD, or deletes it; `list()` is the child's FDs. */
const PROGRAM = `
  const cp = require('node:child_process');
  require(${JSON.stringify(LEAK)}).open('/dev/zero', 50);
  const LIST = ${JSON.stringify(tool('list-all-fds'))};
  const listSync = options => JSON.parse(cp.spawnSync(LIST, [], options).stdout);
  const listLater = () => new Promise((resolve, reject) => {
    let text = '';
    const child = cp.spawn(LIST).on('error', reject);
    child.stdout.on('data', data => { text += data; }).on('close', () => resolve(JSON.parse(text)));
  });
  const assign = value => {
    if (value === undefined) delete process.env.LOG_FD;
    else process.env.LOG_FD = value;
  };
  const ask = async (list, change = assign) => {
    const found = [];
    for (const value of [undefined, '50', '60', '50', undefined]) {
      await change(value);
      // So often until a call site is taken for granted.
      for (let i = 0; i < 120; i++) await list();
      found.push(await list());
    }
    console.log(JSON.stringify(found));
  };`;

for (const { title, body } of [
  { title: 'spawnSync()', body: 'ask(() => listSync());' },
  { title: 'spawn()', body: 'ask(listLater);' },
  {
    title: 'spawnSync() with an env of its own',
    body: 'let env = {}; ask(() => listSync({ env }), value => { env = value ? { LOG_FD: value } : {}; });',
  },
  {
    title: 'spawnSync() with a copy in place of process.env',
    body: 'process.env = { ...process.env }; ask(() => listSync());',
  },
  {
    title: 'spawnSync() with variables that a worker changes',
    body: `
      const { SHARE_ENV, Worker } = require('node:worker_threads');
      const set = \`const { parentPort } = require('node:worker_threads');
        parentPort.on('message', value => {
          if (value === undefined) delete process.env.LOG_FD; else process.env.LOG_FD = value;
          parentPort.postMessage('set');
        })\`;
      for (let i = 0; i < 120; i++) listSync();
      const worker = new Worker(set, { eval: true, env: SHARE_ENV });
      ask(() => listSync(), value => new Promise(resolve => {
        worker.once('message', resolve).postMessage(value);
      })).then(() => worker.terminate());`,
  },
  {
    title: 'spawnSync() in a worker',
    body: `
      const { isMainThread, Worker } = require('node:worker_threads');
      if (isMainThread) new Worker(__filename);
      else ask(() => listSync());`,
  },
])
  test(`${title}: a variable that comes to name a stray keeps its number taken, at any call`, async t => {
    const script = write(temporaryFolder(t), { 'app.js': PROGRAM + body });
    const { stdout, stderr } = await run(script, { env: { CLOSEFDS_MODE: 'enforce' } });
    t.deepEqual(JSON.parse(stdout || '""'), [NOT_NAMED, NAMED, NOT_NAMED, NAMED, NOT_NAMED], stderr);
  });

test('the arguments and variables of a call, which may be secrets, are garbage after it', async t => {
  const script = write(temporaryFolder(t), {
    'app.js': `${PROGRAM}
      // No constant of the program holds the whole texts.
      const secret = 'hunter'.repeat(2);
      for (let i = 0; i < 3; i++) cp.spawnSync('true', [secret + 'A'], { env: { TOKEN: secret + 'B' } });
      setTimeout(() => {
        gc();
        const chunks = [];
        require('node:v8').getHeapSnapshot().on('data', chunk => chunks.push(chunk)).on('end', () => {
          const text = chunks.join('');
          console.log(JSON.stringify(['list-all-fds', secret + 'A', secret + 'B'].map(word => text.includes(word))));
        });
      }, 10);`,
  });
  const { stdout, stderr } = await run(script, {
    nodeArgs: ['--expose-gc', '--require', REGISTER],
    env: { CLOSEFDS_MODE: 'enforce', ...WITHOUT_COVERAGE },
  });
  t.deepEqual(JSON.parse(stdout || '""'), [true, false, false], stderr);
});
