// A denied slot keeps its number taken in the child, so that real programs fail and damage no file.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, type RunResult, run, tool } from '../support/run';

const PRELUDE = `
  const cp = require('node:child_process');
  const fs = require('node:fs');
  const leak = require(${JSON.stringify(LEAK)});
  const LIST = ${JSON.stringify(tool('list-all-fds'))};
  const listed = (options, args = []) => JSON.parse(cp.spawnSync(LIST, args, options).stdout);
  const answer = value => fs.writeSync(1, JSON.stringify(value));
`;

interface App {
  readonly body: string;
  readonly mode?: string;
  readonly rules?: readonly object[];
  readonly files?: Readonly<Record<string, string>>;
}

async function start(
  t: ExecutionContext,
  { body, mode = 'enforce', rules = [], files = {} }: App,
): Promise<RunResult & { readonly folder: string }> {
  const folder = temporaryFolder(t);
  const script = write(folder, {
    'app.js': `${PRELUDE}\n${body}`,
    'package.json': '{"name": "app"}',
    'closefds.json': JSON.stringify({ mode, rules }),
    ...files,
  });
  return { ...(await run(script, { cwd: folder })), folder };
}

// ---------------------------------------------------------------------------------------------
// Programs that would write to their own next file
// ---------------------------------------------------------------------------------------------

interface RealProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The user's files, and what each of them holds afterwards. */
  readonly files: Readonly<Record<string, string>>;
}

/** A page that Ghostscript has something to draw on. */
const POSTSCRIPT = '%!PS\n/Helvetica findfont 20 scalefont setfont 72 72 moveto (text) show showpage\n';

const PROGRAMS: readonly RealProgram[] = [
  {
    name: 'openssl enc -out /dev/fd/3',
    command: 'openssl',
    args: ['enc', '-base64', '-in', 'in.txt', '-out', '/dev/fd/3'],
    files: { 'in.txt': 'the first line\nthe second line\n' },
  },
  {
    name: 'openssl enc -pass fd:3',
    command: 'openssl',
    args: ['enc', '-aes-256-cbc', '-pbkdf2', '-in', 'in.txt', '-out', 'out.bin', '-pass', 'fd:3'],
    files: { 'in.txt': 'the first line\nthe second line\n' },
  },
  {
    name: 'gs -sOutputFile=/dev/fd/3',
    command: 'gs',
    args: ['-q', '-dBATCH', '-dNOPAUSE', '-sDEVICE=txtwrite', '-sOutputFile=/dev/fd/3', 'in.ps'],
    files: { 'in.ps': POSTSCRIPT },
  },
  {
    name: 'ffmpeg pipe:3',
    command: 'ffmpeg',
    args: [
      ...['-v', 'error', '-y', '-f', 'lavfi', '-i', 'sine=duration=0.1', 'keep.wav'],
      ...['-f', 'lavfi', '-i', 'sine=duration=0.1', '-f', 's16le', 'pipe:3'],
    ],
    files: {},
  },
  {
    name: 'node writing to FD 3',
    command: process.execPath,
    args: ['-e', 'require("node:fs").writeSync(3, "text")'],
    files: {},
  },
  {
    name: 'sh writing to FD 3',
    command: 'sh',
    args: ['-c', 'echo text >&3'],
    files: {},
  },
];

const isInstalled = (command: string): boolean =>
  command.includes('/') ||
  (process.env.PATH ?? '').split(':').some(folder => existsSync(path.join(folder, command)));

for (const { name, command, args, files } of PROGRAMS) {
  for (const slot of [`'pipe'`, `fs.openSync('designated', 'w+')`]) {
    test(`${name} fails where ${slot} is denied, and changes no file`, async t => {
      // .ci/run installs all of them.
      if (!isInstalled(command)) {
        t.log(`skipped: ${command} is not installed`);
        t.pass();
        return;
      }
      const { stdout, stderr, folder } = await start(t, {
        body: `
          const stdio = ['ignore', 'ignore', 'ignore', ${slot}];
          const { status } = cp.spawnSync(${JSON.stringify(command)}, ${JSON.stringify(args)}, { stdio });
          answer(status);`,
        files,
      });
      t.not(JSON.parse(stdout), 0, stderr);
      for (const [file, content] of Object.entries(files))
        t.is(readFileSync(path.join(folder, file), 'utf8'), content, file);
    });
  }
}

// ---------------------------------------------------------------------------------------------
// Every way of starting a child
// ---------------------------------------------------------------------------------------------

const STDIO = `['ignore', 'pipe', 'inherit', 'pipe', fs.openSync(__filename)]`;
const DENIED = [0, 1, 2, '3 placeholder', '4 placeholder'];

const collected = (child: string): string => `
  const child = ${child};
  let text = '';
  child.stdout.on('data', data => { text += data; }).on('close', () => {
    answer([JSON.parse(text), child.stdio.map(stream => stream !== null)]);
  });`;

interface Way {
  readonly name: string;
  readonly body: string;
  /** What the parent sees in `child.stdio`, or `output`. */
  readonly streams: readonly boolean[];
}

const HIDDEN = [false, true, false, false, false];

const WAYS: readonly Way[] = [
  { name: 'spawn()', body: collected(`cp.spawn(LIST, [], { stdio: ${STDIO} })`), streams: HIDDEN },
  {
    name: 'fork()',
    body: collected(
      `cp.fork('', [], { execPath: LIST, execArgv: [], stdio: ['ignore', 'pipe', 'inherit', 'pipe', fs.openSync(__filename), 'ipc'] })`,
    ),
    streams: [...HIDDEN, false],
  },
  {
    name: 'spawnSync()',
    body: `const { stdout, output } = cp.spawnSync(LIST, [], { stdio: ${STDIO} });
      answer([JSON.parse(stdout), output.map(data => data !== null)]);`,
    streams: HIDDEN,
  },
  {
    name: 'execFileSync()',
    body: `answer([JSON.parse(cp.execFileSync(LIST, { stdio: ${STDIO} })), []]);`,
    streams: [],
  },
  {
    name: 'execSync()',
    body: `answer([JSON.parse(cp.execSync(LIST, { stdio: ${STDIO} })), []]);`,
    streams: [],
  },
  {
    name: `process.binding('spawn_sync')`,
    body: `
      const stdio = [{ type: 'ignore' }, { type: 'pipe', readable: false, writable: true }, { type: 'fd', fd: 2 },
        { type: 'pipe', readable: true, writable: true }, { type: 'fd', fd: fs.openSync(__filename) }];
      const { output } = process.binding('spawn_sync').spawn({ file: LIST, args: [LIST], envPairs: [], stdio });
      answer([JSON.parse(String(output[1])), []]);`,
    streams: [],
  },
];

for (const { name, body, streams } of WAYS) {
  test(`${name}: a denied slot is a placeholder in the child and null in the parent`, async t => {
    const ipc = name === 'fork()' ? [5] : [];
    const { stdout, stderr } = await start(t, { body });
    t.deepEqual(JSON.parse(stdout), [[...DENIED, ...ipc], streams], stderr);
  });
}

test('what the caller left empty stays empty', async t => {
  const { stdout } = await start(t, {
    body: `answer(listed({ stdio: ['ignore', 'pipe', 'inherit', 'ignore', undefined, null, 'pipe'] }));`,
  });
  // undefined and null are pipes below 3 only.
  t.deepEqual(JSON.parse(stdout), [0, 1, 2, '6 placeholder']);
});

test('a slot that a rule denies in warn is a placeholder, too', async t => {
  const { stdout } = await start(t, {
    mode: 'warn',
    rules: [{ caller: '.', fds: [3], effect: 'deny' }],
    body: `answer(listed({ stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe'] }));`,
  });
  t.deepEqual(JSON.parse(stdout), [0, 1, 2, '3 placeholder', 4]);
});

// ---------------------------------------------------------------------------------------------
// Strays that are announced to the child
// ---------------------------------------------------------------------------------------------

interface Announcement {
  readonly name: string;
  /** The call, with FD 40 a stray. */
  readonly call: string;
  readonly child: readonly (number | string)[];
}

const CLOSED = [0, 1, 2];
const COVERED = [0, 1, 2, '40 placeholder'];

const ANNOUNCEMENTS: readonly Announcement[] = [
  { name: 'no announcement', call: `listed()`, child: CLOSED },
  { name: 'an argument', call: `listed({}, ['--log-fd', '40'])`, child: COVERED },
  { name: 'an argument about another FD', call: `listed({}, ['--log-fd', '41'])`, child: CLOSED },
  { name: 'a variable', call: `listed({ env: { LOG_FD: '40' } })`, child: COVERED },
  { name: 'an inherited variable', call: `(process.env.LOG_FD = '40', listed())`, child: COVERED },
  {
    name: 'an argument of execFileSync()',
    call: `JSON.parse(cp.execFileSync(LIST, ['--log-fd=40']))`,
    child: COVERED,
  },
  {
    name: 'the command of execSync()',
    call: `JSON.parse(cp.execSync(LIST + ' /dev/fd/40'))`,
    child: COVERED,
  },
  {
    name: 'an announced FD beside a designated one',
    call: `listed({ stdio: ['ignore', 'pipe', 'inherit', 'pipe'] }, ['--log-fd=40'])`,
    child: [0, 1, 2, '3 placeholder', '40 placeholder'],
  },
  {
    name: 'a value that Node leaves out of stdio',
    call: `listed({ stdio: ['ignore', 'pipe', 'inherit', 'no such value'] }, ['--log-fd=40'])`,
    child: COVERED,
  },
];

for (const { name, call, child } of ANNOUNCEMENTS) {
  test(`a stray and ${name}: the child has ${child.at(-1) === 2 ? 'nothing' : 'a placeholder'} there, whichever spawn it is`, async t => {
    const { stdout, stderr } = await start(t, {
      // The command of a busy call site is judged from a cache after a hundred spawns.
      body: `
        leak.open(__filename, 40);
        const seen = new Set();
        const spawnAgain = () => seen.add(JSON.stringify(${call}));
        for (let i = 0; i < 103; i++) spawnAgain();
        answer([...seen].map(JSON.parse));`,
    });
    t.deepEqual(JSON.parse(stdout), [child], stderr);
  });
}

test('a busy command is told of a stray once: that child alone has a placeholder', async t => {
  const { stdout } = await start(t, {
    body: `
      leak.open(__filename, 40);
      const list = args => listed({}, args);
      const each = [...Array(120).fill([]), ['--log-fd', '40'], []].map(args => JSON.stringify(list(args)));
      answer([...new Set(each.slice(0, 120)), ...each.slice(120)].map(JSON.parse));`,
  });
  t.deepEqual(JSON.parse(stdout), [CLOSED, COVERED, CLOSED]);
});

test('the streams and the output of a child do not show the slots that were added', async t => {
  const { stdout } = await start(t, {
    body: `
      leak.open(__filename, 40);
      const { output } = cp.spawnSync(LIST, ['--log-fd', '40']);
      const child = cp.spawn(LIST, ['--log-fd', '40']);
      let error;
      try { cp.execSync('exit 3 # /dev/fd/40', { stdio: 'pipe' }); } catch (caught) { error = caught; }
      answer([output.length, child.stdio.length, error.status, error.output.length]);`,
  });
  t.deepEqual(JSON.parse(stdout), [3, 3, 3, 3]);
});

test('process.execve() puts a placeholder over a stray that the new program is told of', async t => {
  const { stdout, stderr } = await start(t, {
    body: `
      leak.open(__filename, 40);
      leak.open(__filename, 41);
      if (process.execve === undefined) answer('no execve');
      else process.execve(LIST, ['list', '--log-fd=40'], {});`,
  });
  const result = JSON.parse(stdout);
  if (result === 'no execve') t.log('this Node has no process.execve()');
  else t.deepEqual(result, COVERED, stderr);
  t.pass();
});

test('a process.execve() that is refused leaves the stray what it was', async t => {
  const { stdout, stderr } = await start(t, {
    body: `
      leak.open(__filename, 40);
      if (process.execve === undefined) answer(fs.readlinkSync('/proc/self/fd/40') === __filename);
      else {
        try { process.execve(LIST, ['list', '--log-fd=40', 5], {}); } catch {}
        answer(fs.readlinkSync('/proc/self/fd/40') === __filename);
      }`,
  });
  t.is(stdout, 'true', stderr);
});

// ---------------------------------------------------------------------------------------------
// The placeholder itself
// ---------------------------------------------------------------------------------------------

test('a Node child under closefds knows the placeholder: it reports no stray, and its children have none', async t => {
  const inner = `const { spawnSync } = require('node:child_process');
    const stdio = ['ignore', 'inherit', 'inherit'];
    spawnSync(${JSON.stringify(tool('list-all-fds'))}, { stdio });`;
  const { stdout, stderr } = await start(t, {
    // 20 lies behind a hole, so that Node itself does not set close-on-exec.
    body: `
      const stdio = ['ignore', 'inherit', 'inherit'];
      stdio[20] = fs.openSync(__filename);
      for (let i = 3; i < 20; i++) stdio[i] = 'ignore';
      cp.spawnSync(process.execPath, ['-r', process.execArgv[1], 'inner.js'], { stdio });`,
    files: { 'inner.js': inner },
  });
  t.deepEqual(JSON.parse(stdout), [0, 1, 2]);
  t.deepEqual(stderr.match(/\[CLOSEFDS_\w+\]/g), ['[CLOSEFDS_DESIGNATED]'], stderr);
});

test('where the program closes the placeholder by number, the next denial opens another', async t => {
  const { stdout } = await start(t, {
    body: `
      const stdio = ['ignore', 'pipe', 'inherit', 'pipe'];
      const first = listed({ stdio });
      for (let fd = 3; fd < 100; fd++) {
        try { if (fs.readlinkSync('/proc/self/fd/' + fd) === '/proc/self') fs.closeSync(fd); } catch {}
      }
      const secret = fs.openSync(__filename);
      answer([first, listed({ stdio })]);`,
  });
  const child = [0, 1, 2, '3 placeholder'];
  t.deepEqual(JSON.parse(stdout), [child, child]);
});

test('a thousand denials open one placeholder in the parent', async t => {
  const { stdout } = await start(t, {
    body: `
      const stdio = ['ignore', 'ignore', 'ignore', 'pipe'];
      const count = () => fs.readdirSync('/proc/self/fd').length;
      cp.spawnSync('true', { stdio });
      const before = count();
      for (let i = 0; i < 1000; i++) cp.spawnSync('/nonexistent', { stdio });
      answer(count() - before);`,
  });
  t.is(stdout, '0');
});
