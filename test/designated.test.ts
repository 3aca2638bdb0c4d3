// Slots beyond stdio, on real programs: what passes, what is closed, what the caller sees.

import path from 'node:path';
import test from 'ava';
import { fixture, temporaryFolder, write } from './support/programs';
import { LEAK, LIST_FDS, ROOT, type RunResult, run } from './support/run';
import { announcements } from './support/warnings';

/** What a fixture program reports of one spawn. */
interface Seen {
  /** FDs of the child, undefined if there was none. */
  readonly fds?: number[];
  /** `child.stdio` or `result.output`: 'stream', 'null', 'data'. */
  readonly stdio?: string[];
  readonly error?: string;
  readonly connected?: boolean;
}

const PRELUDE = fixture('report-spawns.js');

interface Program {
  readonly body: string;
  readonly mode?: string;
  readonly rules?: readonly object[];
}

async function runProgram(
  t: Parameters<typeof temporaryFolder>[0],
  { body, mode = 'enforce', rules = [] }: Program,
): Promise<RunResult & { seen: Seen[] }> {
  const folder = temporaryFolder(t);
  const app = write(folder, {
    'app.js': `${PRELUDE}\n${body}`,
    'package.json': '{"name": "app"}',
    'closefds.json': JSON.stringify({ mode, rules }),
  });
  const env = { LEAK, LIST: LIST_FDS, INDEX: path.join(ROOT, 'dist', 'src', 'index.js') };
  const result = await run(app, { env });
  const seen = result.stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Seen);
  return { ...result, seen };
}

const ALLOW = { caller: '.', effect: 'allow', reason: 'test' };
const allowFd = (fd: number) => ({ ...ALLOW, fds: [fd] });

for (const { name, stdio, rules, fds, streams } of [
  { name: 'a string', stdio: `'pipe'`, rules: [], fds: [0, 1, 2], streams: 'stream stream stream' },
  {
    name: 'a short array',
    stdio: `['ignore', 'pipe']`,
    rules: [],
    fds: [0, 1, 2],
    streams: 'null stream stream',
  },
  {
    name: 'a pipe',
    stdio: `['ignore', 'pipe', 'ignore', 'pipe']`,
    rules: [],
    fds: [0, 1, 2],
    streams: 'null stream null null',
  },
  {
    name: 'a pipe, allowed',
    stdio: `['ignore', 'pipe', 'ignore', 'pipe']`,
    rules: [ALLOW],
    fds: [0, 1, 2, 3],
    streams: 'null stream null stream',
  },
  {
    name: 'overlapped',
    stdio: `['ignore', 'pipe', 'ignore', 'overlapped']`,
    rules: [],
    fds: [0, 1, 2],
    streams: 'null stream null null',
  },
  {
    name: 'a negative number is a pipe',
    stdio: `['ignore', 'pipe', 'ignore', -1]`,
    rules: [ALLOW],
    fds: [0, 1, 2, 3],
    streams: 'null stream null stream',
  },
  {
    name: 'a number',
    stdio: `['ignore', 'pipe', 'ignore', file]`,
    rules: [],
    fds: [0, 1, 2],
    streams: 'null stream null null',
  },
  {
    name: 'a number, allowed',
    stdio: `['ignore', 'pipe', 'ignore', file]`,
    rules: [ALLOW],
    fds: [0, 1, 2, 3],
    streams: 'null stream null null',
  },
  {
    name: 'a number far out',
    stdio: `Object.assign(Array(20).fill('ignore'), { 1: 'pipe', 20: file })`,
    rules: [allowFd(20)],
    fds: [0, 1, 2, 20],
    streams: `null stream ${'null '.repeat(19).trim()}`,
  },
  {
    name: 'one FD in two slots, one allowed',
    stdio: `['ignore', 'pipe', 'ignore', file, file]`,
    rules: [allowFd(4)],
    fds: [0, 1, 2, 4],
    streams: 'null stream null null null',
  },
  {
    name: 'stdout once more',
    stdio: `['ignore', 'pipe', 'ignore', 1]`,
    rules: [],
    fds: [0, 1, 2],
    streams: 'null stream null null',
  },
  {
    name: 'a stream with an FD',
    stdio: `['ignore', 'pipe', 'ignore', { fd: file }]`,
    rules: [ALLOW],
    fds: [0, 1, 2, 3],
    streams: 'null stream null null',
  },
  {
    name: 'null, undefined and ignore between',
    stdio: `['ignore', 'pipe', null, null, undefined, 'ignore', 'pipe']`,
    rules: [ALLOW],
    fds: [0, 1, 2, 6],
    streams: 'null stream stream null null null stream',
  },
  {
    name: 'pipes apart from each other',
    stdio: `['ignore', 'pipe', 'ignore', 'pipe', 'pipe', 'pipe']`,
    rules: [{ ...ALLOW, fds: [3, 5] }],
    fds: [0, 1, 2, 3, 5],
    streams: 'null stream null stream null stream',
  },
  {
    name: 'holes collapse, as in Node',
    stdio: `(() => { const a = ['ignore', 'pipe', 'ignore']; a[5] = 'pipe'; return a; })()`,
    rules: [allowFd(3)],
    fds: [0, 1, 2, 3],
    streams: 'null stream null stream',
  },
  {
    name: 'the message channel',
    stdio: `['ignore', 'pipe', 'ignore', 'ipc']`,
    rules: [],
    fds: [0, 1, 2, 3],
    streams: 'null stream null null',
  },
  {
    name: 'the message channel at 0',
    stdio: `['ipc', 'pipe', 'ignore']`,
    rules: [],
    fds: [0, 1, 2],
    streams: 'null stream null',
  },
  {
    name: 'the message channel, denied',
    stdio: `['ignore', 'pipe', 'ignore', 'ipc']`,
    rules: [{ kinds: ['ipc'], effect: 'deny' }],
    fds: [0, 1, 2],
    streams: 'null stream null null',
  },
  {
    name: 'the message channel behind a pipe',
    stdio: `['ignore', 'pipe', 'ignore', 'pipe', 'ipc']`,
    rules: [],
    fds: [0, 1, 2, 4],
    streams: 'null stream null null null',
  },
  {
    name: 'the null device',
    stdio: `['ignore', 'pipe', 'ignore', fs.openSync('/dev/null', 'r')]`,
    rules: [],
    fds: [0, 1, 2, 3],
    streams: 'null stream null null',
  },
  {
    name: 'effect warn',
    stdio: `['ignore', 'pipe', 'ignore', 'pipe']`,
    rules: [{ caller: '.', effect: 'warn' }],
    fds: [0, 1, 2, 3],
    streams: 'null stream null stream',
  },
  {
    name: 'an array that lies',
    stdio: `new Proxy(['ignore', 'pipe', 'ignore', 'pipe'], { get(a, k) { if (k === '3') { this.n = (this.n ?? 0) + 1; return this.n > 1 ? file : 'ignore' } return Reflect.get(a, k) } })`,
    rules: [],
    fds: [0, 1, 2],
    streams: 'null stream null null',
  },
  {
    name: 'an element that lies',
    stdio: `['ignore', 'pipe', 'ignore', { get fd() { this.n = (this.n ?? 0) + 1; return this.n > 1 ? 1 : file } }]`,
    rules: [{ ...ALLOW, target: '**/app.js' }],
    fds: [0, 1, 2, 3],
    streams: 'null stream null null',
  },
] as {
  readonly name: string;
  readonly stdio: string;
  readonly rules: object[];
  readonly fds: number[];
  readonly streams: string;
}[]) {
  test(`spawn, ${name}`, async t => {
    const { seen, stderr } = await runProgram(t, { body: `asynchronous(${stdio})`, rules });
    t.deepEqual(seen, [{ fds, stdio: streams.split(' ') }], stderr);
  });
}

for (const { name, stdio, rules, fds, output } of [
  {
    name: 'a pipe',
    stdio: `['ignore', 'pipe', 'ignore', 'pipe']`,
    rules: [],
    fds: [0, 1, 2],
    output: 'null data null null',
  },
  {
    name: 'a pipe, allowed',
    stdio: `['ignore', 'pipe', 'ignore', 'pipe']`,
    rules: [ALLOW],
    fds: [0, 1, 2, 3],
    output: 'null data null data',
  },
  {
    name: 'a number, allowed',
    stdio: `['ignore', 'pipe', 'ignore', file]`,
    rules: [ALLOW],
    fds: [0, 1, 2, 3],
    output: 'null data null null',
  },
  {
    name: 'inherit',
    stdio: `['ignore', 'pipe', 'ignore', 'inherit']`,
    rules: [],
    fds: [0, 1, 2],
    output: 'null data null null',
  },
  {
    name: 'unknown values are left out, as in Node',
    stdio: `['ignore', 'pipe', 'ignore', new Uint8Array(1), 'what', 'pipe']`,
    rules: [allowFd(3)],
    fds: [0, 1, 2, 3],
    output: 'null data null data',
  },
  {
    name: 'a stream, allowed',
    stdio: `['ignore', 'pipe', 'ignore', Object.assign(fs.createReadStream(''), { fd: file })]`,
    rules: [ALLOW],
    fds: [0, 1, 2, 3],
    output: 'null data null null',
  },
] as {
  readonly name: string;
  readonly stdio: string;
  readonly rules: object[];
  readonly fds: number[];
  readonly output: string;
}[]) {
  test(`spawnSync, ${name}`, async t => {
    const { seen, stderr } = await runProgram(t, { body: `synchronous(${stdio})`, rules });
    t.deepEqual(seen, [{ fds, stdio: output.split(' ') }], stderr);
  });
}

test('a socket in a slot is an FD with its type', async t => {
  const body = `
    const server = net.createServer(socket => {
      asynchronous(['ignore', 'pipe', 'ignore', socket], {}, () => process.exit());
    });
    server.listen(0, '127.0.0.1', () => net.connect(server.address().port).on('close', () => {}).resume());`;
  const allowed = await runProgram(t, { body, rules: [{ ...ALLOW, type: 'socket' }] });
  t.deepEqual(
    allowed.seen.map(seen => seen.fds),
    [[0, 1, 2, 3]],
  );
  const denied = await runProgram(t, { body, rules: [{ ...ALLOW, type: 'file' }] });
  t.deepEqual(
    denied.seen.map(seen => seen.fds),
    [[0, 1, 2]],
  );
  t.regex(
    denied.stderr,
    /designated FD 3 \(socket:\[\d+\], read-write, FD \d+ here\) was closed: the app starting/,
  );
});

test('withFds() takes a socket', async t => {
  const body = `
    const { withFds } = require(${JSON.stringify(path.join(ROOT, 'dist', 'src', 'index.js'))});
    const server = net.createServer(socket => {
      asynchronous(undefined, withFds({ stdio: ['ignore', 'pipe', 'ignore'] }, { 3: socket }), () => process.exit());
    });
    server.listen(0, '127.0.0.1', () => net.connect(server.address().port).on('close', () => {}).resume());`;
  const { seen } = await runProgram(t, { body });
  t.deepEqual(
    seen.map(one => one.fds),
    [[0, 1, 2, 3]],
  );
});

test('a slot that Node refuses gets as far as Node, sync and async alike', async t => {
  const body = `for (const wrong of [{}, true, Symbol.iterator, 'pipes']) {
    asynchronous(['ignore', 'pipe', 'ignore', wrong]);
    if (typeof wrong !== 'string') synchronous(['ignore', 'pipe', 'ignore', wrong]);
  }`;
  const { seen, stderr } = await runProgram(t, { body });
  t.deepEqual(seen, [
    ...Array(6).fill({ error: 'ERR_INVALID_ARG_VALUE' }),
    { error: 'ERR_INVALID_SYNC_FORK_INPUT' },
  ]);
  t.is(stderr, '');
});

test('a denied slot is closed even when a stray has its number', async t => {
  const body = `
    leak.dup2(file, 30);
    const slots = value => Object.assign(Array(31).fill('ignore'), { 1: 'pipe', 30: value });
    asynchronous(slots('pipe'));
    synchronous(slots('pipe'));
    synchronous(slots('ignore'));`;
  const rules = [{ kinds: ['stray'], effect: 'allow', reason: 'it must not show through' }];
  const { seen } = await runProgram(t, { body, rules });
  // Synchronous ones report first. An 'ignore' designates nothing, so there the rule's stray arrives.
  t.deepEqual(
    seen.map(one => one.fds),
    [
      [0, 1, 2],
      [0, 1, 2, 30],
      [0, 1, 2],
    ],
  );
});

test('strays allowed by a rule arrive, with the right flags and nothing else', async t => {
  const body = `
    for (const n of [30, 31, 40]) leak.dup2(file, n);
    synchronous(['ignore', 'pipe', 'ignore']);
    synchronous(['ignore', 'pipe', 'ignore']);
    report({ fds: [30, 31, 40].map(n => leak.flags(n)) });`;
  const rules = [
    {
      kinds: ['stray'],
      fds: [30, 40],
      target: '**/app.js',
      type: 'file',
      access: 'read',
      effect: 'allow',
      reason: 'r',
    },
  ];
  const { seen } = await runProgram(t, { body, rules });
  t.deepEqual(seen[0]?.fds, [0, 1, 2, 30, 40]);
  t.deepEqual(seen[1]?.fds, [0, 1, 2, 30, 40]);
});

test('warn: all passes but what a rule denies by name', async t => {
  const body = `
    for (const n of [30, 31]) leak.dup2(file, n);
    synchronous(['ignore', 'pipe', 'ignore', 'pipe', file]);
    report({ fds: [30, 31].map(n => leak.flags(n)) });`;
  const rules = [
    { kinds: ['stray'], fds: [31], effect: 'deny' },
    { kinds: ['pipe'], effect: 'deny' },
  ];
  const { seen, stderr } = await runProgram(t, { body, mode: 'warn', rules });
  t.deepEqual(seen[0]?.fds, [0, 1, 2, 4, 30]);
  t.is(seen[1]?.fds?.[0], 0, 'what was not denied keeps its flags');
  t.regex(stderr, /designated FD 3 \(a new pipe\) was closed/);
  t.regex(stderr, /designated FD 4 \(file .*\/app\.js, read-only, FD \d+ here\) passes to the child/);
  t.regex(stderr, /stray FD 31 \(.*\) was closed/);
  t.regex(stderr, /stray FD 30 \(.*\) passes to the child/);
});

test('strict throws before a process exists, sync and async alike', async t => {
  const body = `
    asynchronous(['ignore', 'pipe', 'ignore', 'pipe']);
    synchronous(['ignore', 'pipe', 'ignore', 'pipe']);
    for (const call of [
      () => cp.execFileSync(LIST, { stdio: ['ignore', 'pipe', 'ignore', file] }),
      () => cp.execSync(LIST, { stdio: ['ignore', 'pipe', 'ignore', file] }),
      () => cp.fork(LIST, { stdio: ['ignore', 'pipe', 'ignore', 'ipc', file] }),
    ]) try { call(); report({}) } catch (error) { report({ error: error.code }) }`;
  const { seen, code } = await runProgram(t, { body, mode: 'strict' });
  t.deepEqual(seen, Array(5).fill({ error: 'ERR_CLOSEFDS_DENIED' }));
  t.is(code, 0);
});

test('all seven functions: withFds() passes, unsafe() passes the strays too and is reported', async t => {
  const body = fixture('mark-all-calls.js');
  const { seen, stderr } = await runProgram(t, { body });
  const given = [0, 1, 2, 4];
  const whole = [0, 1, 2, 3, 60];
  t.deepEqual(Object.assign({}, ...seen) as unknown, {
    'withFds spawn': given,
    'withFds spawnSync': given,
    'withFds exec': given,
    'withFds execFile': given,
    'withFds promisified': given,
    'withFds execFileSync': given,
    'withFds execSync': given,
    'withFds fork': [0, 1, 2, 3, 4],
    'unsafe spawn': whole,
    'unsafe spawnSync': whole,
    // These have no stdio in Node: there is nothing to give back but the stray.
    'unsafe exec': [0, 1, 2, 60],
    'unsafe execFile': [0, 1, 2, 60],
    'unsafe promisified': [0, 1, 2, 60],
    'unsafe execFileSync': whole,
    'unsafe execSync': whole,
    'unsafe fork': [0, 1, 2, 3, 60],
  });
  t.regex(stderr, /\[CLOSEFDS_UNSAFE\] ClosefdsWarning: unsafe\(\) passed stray FD 60/);
});

test('announced FDs are reported as announced', async t => {
  const body = `
    cp.spawnSync(LIST, ['1', '--remote-debugging-pipe'], { stdio: ['ignore', 'pipe', 'ignore', 'pipe', 'pipe'] });
    cp.spawnSync(LIST, ['1', '--passphrase-fd', '5'], { stdio: ['ignore', 'pipe', 'ignore', 'ignore', 'ignore', 'pipe'] });
    cp.spawnSync(LIST, ['1'], { env: { MAKEFLAGS: '-j --jobserver-auth=3,6' }, stdio: ['ignore', 'pipe', 'ignore', 'ignore', 'ignore', 'ignore', 'pipe'] });`;
  const { stderr } = await runProgram(t, { body });
  t.deepEqual(announcements(stderr), [
    '3 --remote-debugging-pipe',
    '4 --remote-debugging-pipe',
    '5 --passphrase-fd 5',
    '6 MAKEFLAGS --jobserver-auth=3,6',
  ]);
});
