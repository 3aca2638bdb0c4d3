// withFds() and unsafe() by themselves: what they make, and what they refuse.

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { type ChildWithFds, type FdSources, unsafe, withFds } from '../../src/index';
import { temporaryFolder, write } from '../support/programs';
import { LIST_FDS, ROOT, run } from '../support/run';

for (const [name, stdio, fds, made] of [
  ['no stdio', undefined, { 3: 1 }, [undefined, undefined, undefined, 1]],
  ['a string', 'inherit', { 3: 'pipe' }, ['inherit', 'inherit', 'inherit', 'pipe']],
  ['a short array', ['ignore'], { 4: 'pipe' }, ['ignore', undefined, undefined, 'ignore', 'pipe']],
  [
    'a gap is filled',
    ['pipe', 'pipe', 'pipe'],
    { 6: 0 },
    ['pipe', 'pipe', 'pipe', 'ignore', 'ignore', 'ignore', 0],
  ],
  ['beside slots of its own', ['pipe', 'pipe', 'pipe', 'ipc'], { 4: 2 }, ['pipe', 'pipe', 'pipe', 'ipc', 2]],
  ['an object with an FD', undefined, { 3: { fd: 1 } }, [undefined, undefined, undefined, 1]],
  ['the message channel', undefined, { 3: 'ipc' }, [undefined, undefined, undefined, 'ipc']],
] as [string, unknown, FdSources, unknown[]][]) {
  test(`withFds(): ${name}`, t => {
    const options = stdio === undefined ? { cwd: '/' } : { cwd: '/', stdio };
    const before = structuredClone(options);
    const result = withFds(options, fds);
    t.deepEqual(result.stdio as unknown[], made);
    t.is(result.cwd, '/');
    t.deepEqual(options, before as never, 'the options given are left as they were');
  });
}

const closed = openSync(__filename, 'r');
closeSync(closed);

for (const [name, options, fds, message] of [
  ['stdio numbers', {}, { 2: 1 }, 'fds: expected child FDs from 3 to 65535 as keys, found 2'],
  ['negative numbers', {}, { [-1]: 1 }, 'fds: expected child FDs from 3 to 65535 as keys, found -1'],
  ['fractions', {}, { 3.5: 1 }, 'fds: expected child FDs from 3 to 65535 as keys, found 3.5'],
  ['numbers out of range', {}, { 65536: 1 }, 'fds: expected child FDs from 3 to 65535 as keys, found 65536'],
  ['other spellings', {}, { '03': 1 }, 'fds: expected child FDs from 3 to 65535 as keys, found 03'],
  ['a closed FD', {}, { 3: closed }, `fds[3]: expected an FD that is open, found ${closed}`],
  [
    'a negative source',
    {},
    { 3: -1 },
    `fds[3]: expected an FD, an object with one, or 'pipe', 'overlapped', 'ipc', 'inherit', found -1`,
  ],
  [
    'a word',
    {},
    { 3: 'pipes' },
    `fds[3]: expected an FD, an object with one, or 'pipe', 'overlapped', 'ipc', 'inherit', found pipes`,
  ],
  [
    'nothing',
    {},
    { 3: undefined },
    `fds[3]: expected an FD, an object with one, or 'pipe', 'overlapped', 'ipc', 'inherit', found undefined`,
  ],
  [
    'an object that lies',
    {},
    {
      3: {
        get fd() {
          return 'x';
        },
      },
    },
    `fds[3]: expected an FD, an object with one, or 'pipe', 'overlapped', 'ipc', 'inherit', found [object Object]`,
  ],
  [
    'a slot that is taken',
    { stdio: [0, 1, 2, 'pipe'] },
    { 3: 1 },
    'fds[3]: expected a slot that options.stdio leaves free, found pipe',
  ],
  ['no options', undefined, {}, 'options: expected an object, found undefined'],
  ['an array of FDs', {}, [1, 2], 'fds: expected an object, found [object Array]'],
  ['an invalid stdio', { stdio: 5 }, {}, 'options.stdio: expected a string or an array, found 5'],
] as unknown as [string, never, never, string][]) {
  test(`withFds() refuses ${name}`, t => {
    const error = t.throws(() => withFds(options, fds));
    t.is(error?.message, message);
    t.is((error as { code?: string }).code, 'ERR_CLOSEFDS_ARGUMENT');
  });
}

for (const reason of [undefined, '', '  ', 5] as never[]) {
  test(`unsafe() refuses the reason ${JSON.stringify(reason)}`, t => {
    const error = t.throws(() => unsafe({}, reason));
    t.is((error as { code?: string }).code, 'ERR_CLOSEFDS_ARGUMENT');
  });
}

test('both can be used together, and without closefds only stdio counts', t => {
  const options = unsafe(withFds({}, { 3: 'pipe' }), 'why');
  t.deepEqual(options.stdio as unknown[], [undefined, undefined, undefined, 'pipe']);
  t.deepEqual(options.__closefds as unknown, { withFds: { 3: 'pipe' }, unsafe: 'why' });
});

test('child.stdio has the types that were designated', async t => {
  const options = withFds({}, { 3: 'pipe', 4: 1 });
  const child = spawn(LIST_FDS, ['3'], options) as ChildWithFds<typeof options>;
  const nothing: null = child.stdio[4];
  t.is(nothing, null);
  let text = '';
  for await (const chunk of child.stdio[3]) text += chunk;
  t.true(JSON.parse(text).includes(4));
});

for (const [name, copy] of [
  ['by spread', '({ ...options })'],
  ['by Object.assign()', 'Object.assign(Object.create(null), options)'],
  ['by Object.entries(), as execa does', 'Object.fromEntries(Object.entries(options))'],
  ['with a new stdio array', '({ ...options, stdio: [...options.stdio, "ignore"] })'],
] as const) {
  test(`the designation survives a copy of the options ${name}`, async t => {
    const folder = temporaryFolder(t);
    const app = write(folder, {
      'app.js': `
        const { spawnSync } = require('node:child_process');
        const { withFds } = require(${JSON.stringify(path.join(ROOT, 'dist', 'src', 'index.js'))});
        const options = withFds({}, { 5: require('node:fs').openSync(__filename) });
        process.stdout.write(spawnSync(${JSON.stringify(LIST_FDS)}, ${copy}).stdout);`,
    });
    t.deepEqual(JSON.parse((await run(app)).stdout), [0, 1, 2, 5]);
  });
}

test('a designation says nothing about a slot that has something else by now', async t => {
  const folder = temporaryFolder(t);
  const app = write(folder, {
    'app.js': `
      const { spawnSync } = require('node:child_process');
      const { openSync } = require('node:fs');
      const { withFds } = require(${JSON.stringify(path.join(ROOT, 'dist', 'src', 'index.js'))});
      const options = withFds({}, { 5: openSync(__filename) });
      options.stdio[5] = openSync(__filename);
      process.stdout.write(spawnSync(${JSON.stringify(LIST_FDS)}, options).stdout);`,
  });
  t.deepEqual(JSON.parse((await run(app)).stdout), [0, 1, 2]);
});
