// withFds() and unsafe() by themselves: what they make, and what they refuse.

import { spawn } from 'node:child_process';
import path from 'node:path';
import test from 'ava';
import { type ChildWithFds, type FdSources, unsafe, withFds } from '../../src/index';
import { temporaryFolder, write } from '../support/programs';
import { LIST_FDS, ROOT, run } from '../support/run';

for (const { name, stdio, fds, made } of [
  { name: 'no stdio', stdio: undefined, fds: { 3: 1 }, made: [undefined, undefined, undefined, 1] },
  { name: 'a string', stdio: 'inherit', fds: { 3: 'pipe' }, made: ['inherit', 'inherit', 'inherit', 'pipe'] },
  {
    name: 'a short array',
    stdio: ['ignore'],
    fds: { 4: 'pipe' },
    made: ['ignore', undefined, undefined, 'ignore', 'pipe'],
  },
  {
    name: 'a gap is filled',
    stdio: ['pipe', 'pipe', 'pipe'],
    fds: { 6: 0 },
    made: ['pipe', 'pipe', 'pipe', 'ignore', 'ignore', 'ignore', 0],
  },
  {
    name: 'beside slots of its own',
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    fds: { 4: 2 },
    made: ['pipe', 'pipe', 'pipe', 'ipc', 2],
  },
  {
    name: 'an object with an FD',
    stdio: undefined,
    fds: { 3: { fd: 1 } },
    made: [undefined, undefined, undefined, 1],
  },
  {
    name: 'the message channel',
    stdio: undefined,
    fds: { 3: 'ipc' },
    made: [undefined, undefined, undefined, 'ipc'],
  },
] as {
  readonly name: string;
  readonly stdio: unknown;
  readonly fds: FdSources;
  readonly made: unknown[];
}[]) {
  test(`withFds(): ${name}`, t => {
    const options = stdio === undefined ? { cwd: '/' } : { cwd: '/', stdio };
    const before = structuredClone(options);
    const result = withFds(options, fds);
    t.deepEqual(result.stdio as unknown[], made);
    t.is(result.cwd, '/');
    t.deepEqual(options, before as never, 'the options given are left as they were');
  });
}

/** Above each table of FDs. The number of a file that was closed is the next one that another test opens. */
const closed = 2 ** 30;

for (const { name, options, fds, message } of [
  {
    name: 'stdio numbers',
    options: {},
    fds: { 2: 1 },
    message: 'fds: expected child FDs from 3 to 65535 as keys, found 2',
  },
  {
    name: 'negative numbers',
    options: {},
    fds: { [-1]: 1 },
    message: 'fds: expected child FDs from 3 to 65535 as keys, found -1',
  },
  {
    name: 'fractions',
    options: {},
    fds: { 3.5: 1 },
    message: 'fds: expected child FDs from 3 to 65535 as keys, found 3.5',
  },
  {
    name: 'numbers out of range',
    options: {},
    fds: { 65536: 1 },
    message: 'fds: expected child FDs from 3 to 65535 as keys, found 65536',
  },
  {
    name: 'other spellings',
    options: {},
    fds: { '03': 1 },
    message: 'fds: expected child FDs from 3 to 65535 as keys, found 03',
  },
  {
    name: 'a closed FD',
    options: {},
    fds: { 3: closed },
    message: `fds[3]: expected an FD that is open, found ${closed}`,
  },
  {
    name: 'a negative source',
    options: {},
    fds: { 3: -1 },
    message: `fds[3]: expected an FD, an object with one, or 'pipe', 'overlapped', 'ipc', 'inherit', found -1`,
  },
  {
    name: 'a word',
    options: {},
    fds: { 3: 'pipes' },
    message: `fds[3]: expected an FD, an object with one, or 'pipe', 'overlapped', 'ipc', 'inherit', found pipes`,
  },
  {
    name: 'nothing',
    options: {},
    fds: { 3: undefined },
    message: `fds[3]: expected an FD, an object with one, or 'pipe', 'overlapped', 'ipc', 'inherit', found undefined`,
  },
  {
    name: 'an object that lies',
    options: {},
    fds: {
      3: {
        get fd() {
          return 'x';
        },
      },
    },
    message: `fds[3]: expected an FD, an object with one, or 'pipe', 'overlapped', 'ipc', 'inherit', found [object Object]`,
  },
  {
    name: 'a slot that is taken',
    options: { stdio: [0, 1, 2, 'pipe'] },
    fds: { 3: 1 },
    message: 'fds[3]: expected a slot that options.stdio leaves free, found pipe',
  },
  {
    name: 'no options',
    options: undefined,
    fds: {},
    message: 'options: expected an object, found undefined',
  },
  {
    name: 'an array of FDs',
    options: {},
    fds: [1, 2],
    message: 'fds: expected an object, found [object Array]',
  },
  {
    name: 'an invalid stdio',
    options: { stdio: 5 },
    fds: {},
    message: 'options.stdio: expected a string or an array, found 5',
  },
] as unknown as {
  readonly name: string;
  readonly options: never;
  readonly fds: never;
  readonly message: string;
}[]) {
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

for (const { name, copy } of [
  { name: 'by spread', copy: '({ ...options })' },
  { name: 'by Object.assign()', copy: 'Object.assign(Object.create(null), options)' },
  { name: 'by Object.entries(), as execa does', copy: 'Object.fromEntries(Object.entries(options))' },
  { name: 'with a new stdio array', copy: '({ ...options, stdio: [...options.stdio, "ignore"] })' },
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
