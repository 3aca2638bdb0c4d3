// closefds audit, run for real: it finds out what became of FDs, and the application does not notice.

import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import test, { type ExecutionContext } from 'ava';
import type { ReportRecord } from '../../src/findings/record';
import { temporaryFolder, write } from '../support/programs';
import { LIST_FDS, ROOT, type RunOptions, type RunResult, runCommand, tool } from '../support/run';
import { whyNoTrace } from '../support/trace';

const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');
const missing = whyNoTrace();

const schema = JSON.parse(readFileSync(path.join(ROOT, 'finding.schema.json'), 'utf8'));
const isValid = new Ajv2020({ formats: { 'date-time': true } }).compile(schema);

interface Audited extends RunResult {
  readonly records: readonly ReportRecord[];
}

/** Runs a program, CommonJS, under the audit; `bare` is the same without it. */
async function audit(
  t: ExecutionContext,
  program: string,
  {
    bare = false,
    options = [],
    ...rest
  }: Pick<RunOptions, 'env' | 'through'> & { bare?: boolean; options?: string[] } = {},
): Promise<Audited> {
  const folder = temporaryFolder(t);
  const file = write(folder, { 'app.js': program, 'package.json': '{"name":"app"}', given: 'text' });
  const output = path.join(folder, 'findings.ndjson');
  const how = bare ? ['run', '--mode', 'warn'] : ['audit', '--report', output, ...options];
  const command = [...(rest.through ?? []), process.execPath, CLI, ...how, '--', process.execPath, file];
  // So that other users reach it, as they do /tmp.
  chmodSync(folder, 0o755);
  const result = await runCommand(command, {
    cwd: folder,
    env: { NODE_NO_WARNINGS: '1', LIST_FDS, DO_FDS: tool('do-fds'), TMPDIR: folder, ...rest.env },
  });
  const text = existsSync(output) ? readFileSync(output, 'utf8') : '';
  const lines = text.split('\n').filter(Boolean);
  for (const line of lines) t.true(isValid(JSON.parse(line)), `${line}\n${JSON.stringify(isValid.errors)}`);
  return { ...result, records: lines.map(line => JSON.parse(line) as ReportRecord) };
}

/** `FD verdict of the program, or of the one that used it` */
function tell(records: readonly ReportRecord[]): string[] {
  return records
    .map(({ childFd, used, use, count }) => {
      const name = (use?.heirs?.[0]?.program ?? use?.program ?? '').replace(/.*\//, '');
      const inherited = use?.verdict === 'inherited on' ? ` (${use.heirs?.at(-1)?.verdict})` : '';
      return `${childFd} ${use?.verdict}${inherited} by ${name}, used: ${used}, ${count}`;
    })
    .sort();
}

const START = `
const cp = require('node:child_process');
const fs = require('node:fs');
const fd = fs.openSync('given', 'r+');
const { DO_FDS, LIST_FDS } = process.env;
`;

async function traces(t: ExecutionContext): Promise<boolean> {
  const why = await missing;
  if (why === undefined) return true;
  t.log(`skipped: ${why}`);
  t.pass();
  return false;
}

// ---------------------------------------------------------------------------------------------
// What it finds
// ---------------------------------------------------------------------------------------------

for (const { title, program, expected } of [
  {
    title: 'asynchronous spawns, in the order of all',
    program: `cp.spawn(DO_FDS, ['read:3'], { stdio: [0, 1, 2, fd] });
     cp.spawn(DO_FDS, ['fstat:4'], { stdio: [0, 1, 2, 'ignore', fd] });`,
    expected: ['3 used by do-fds, used: true, 1', '4 probed by do-fds, used: false, 1'],
  },
  {
    title: 'each synchronous way',
    program: `cp.spawnSync(DO_FDS, ['read:3'], { stdio: [0, 1, 2, fd] });
     cp.execFileSync(DO_FDS, ['close:3'], { stdio: [0, 1, 2, fd] });
     cp.execSync(DO_FDS + ' flock:5', { stdio: [0, 1, 2, 'ignore', 'ignore', fd] });`,
    expected: [
      '3 closed unused by do-fds, used: false, 1',
      '3 used by do-fds, used: true, 1',
      '5 used by do-fds, used: true, 1',
    ],
  },
  {
    title: 'what is alike is one record',
    program: `for (let i = 0; i < 3; i++) cp.spawnSync(DO_FDS, i === 2 ? ['read:3'] : [], { stdio: [0, 1, 2, fd] });`,
    expected: ['3 never touched by do-fds, used: false, 2', '3 used by do-fds, used: true, 1'],
  },
  {
    title: 'a new pipe',
    program: `cp.spawn('sh', ['-c', 'cat <&3 >/dev/null'], { stdio: [0, 1, 2, 'pipe'] }).stdio[3].end('x');`,
    expected: ['3 used by cat, used: true, 1'],
  },
  {
    title: 'a Node child with a message channel',
    program: `if (process.send) { process.send('x'); process.disconnect(); }
     else cp.fork(__filename);`,
    expected: ['3 used by node, used: true, 1'],
  },
  {
    title: 'a program that Node starts below one that is traced',
    program: `if (process.argv[2]) cp.spawnSync(DO_FDS, ['read:7'], { stdio: [0, 1, 2, 'ignore', 'ignore', 'ignore', 'ignore', 3] });
     else cp.spawnSync(process.execPath, [__filename, 'x'], { stdio: [0, 1, 2, fd] });`,
    expected: ['3 used by do-fds, used: true, 1', '7 used by do-fds, used: true, 1'],
  },
  {
    title: 'process.execve() and what cannot be executed',
    program: `fs.writeFileSync('script', 'cat <&3 >/dev/null', { mode: 0o755 });
     cp.spawnSync('./script', { stdio: [0, 1, 2, fd] });
     cp.spawnSync('./missing', { stdio: [0, 1, 2, fd] });`,
    expected: ['3 unknown by , used: likely, 1'],
  },
  {
    title: 'what strays to a shell and its program',
    program: `cp.execSync('ls / >/dev/null; true', { stdio: [0, 1, 2, fd] });`,
    expected: ['3 inherited on (never touched) by ls, used: false, 1'],
  },
] as const) {
  test(`${title}`, async t => {
    if (!(await traces(t))) return;
    const { records, code, stderr } = await audit(t, START + program);
    t.deepEqual([tell(records), code], [[...expected], 0], stderr);
  });
}

test('strays, one held by a daemon that never touches it', async t => {
  if (!(await traces(t))) return;
  const folder = temporaryFolder(t);
  const pid = path.join(folder, 'pid');
  const program = `
    const daemon = require('node:child_process').spawn('sleep', ['100'], { stdio: 'ignore', detached: true });
    daemon.unref();
    require('node:fs').writeFileSync(${JSON.stringify(pid)}, String(daemon.pid));`;
  const through = ['bash', '-c', 'exec 200>"$0"; flock 200; exec "$@"', path.join(folder, 'lock')];
  const { records, stderr } = await audit(t, program, { through });
  process.kill(Number(readFileSync(pid, 'utf8')));
  t.deepEqual(tell(records), ['200 never touched by sleep, used: false, 1']);
  t.like(records[0], { code: 'CLOSEFDS_STRAY', atStart: true, type: 'file', use: { running: true } });
  t.regex(
    stderr,
    /^not used:\n {2}stray FD 200 .* never touched by \S*sleep.*, held for .* and still open$/m,
  );
});

test('what it finds makes rules for what was used, and for nothing else', async t => {
  if (!(await traces(t))) return;
  const program = `${START}
    cp.spawnSync('cat', { stdio: ['ignore', 'ignore', 2, fd] });
    cp.spawnSync('head', ['-c', '1', '/dev/fd/4'], { stdio: ['ignore', 'ignore', 2, 'ignore', fd] });`;
  const { records } = await audit(t, program);
  const folder = temporaryFolder(t);
  const file = write(folder, {
    'findings.ndjson': records.map(record => JSON.stringify(record)).join('\n'),
    'package.json': '{"name":"app"}',
  });
  const { stdout } = await runCommand([process.execPath, CLI, 'learn', '--format', 'json', file], {
    cwd: folder,
  });
  const { rules } = JSON.parse(stdout) as { rules: { fds: number[]; command: string; reason: string }[] };
  t.deepEqual(
    rules.map(({ fds, command }) => [fds, command]),
    [[[4], 'head']],
  );
  t.regex(rules[0]?.reason ?? '', /^a child used it \(\S*\/head.*\), announced by "\/dev\/fd\/4": 1 spawn, /);
});

test('in mode enforce it looks at what is allowed, and the rest is closed as ever', async t => {
  if (!(await traces(t))) return;
  const program = `${START}
    if (process.send) process.disconnect();
    else {
      cp.fork(__filename);
      cp.spawnSync(LIST_FDS, ['1', '300'], { stdio: [0, 1, 2, fd] });
    }`;
  const { stdout, records } = await audit(t, program, { options: ['--mode', 'enforce'] });
  t.deepEqual([stdout, tell(records)], ['[0,1,2]\n', ['3 used by node, used: true, 1']]);
  t.like(records[0], { kind: 'ipc', mode: 'enforce', effect: 'allow' });
});

test('in a worker thread', async t => {
  if (!(await traces(t))) return;
  const program = `${START}
    const { Worker, isMainThread } = require('node:worker_threads');
    if (isMainThread) new Worker(__filename);
    else cp.spawnSync(DO_FDS, ['read:3'], { stdio: [0, 1, 2, fd] });`;
  const { records } = await audit(t, program);
  t.deepEqual(tell(records), ['3 used by do-fds, used: true, 1']);
  t.is(records[0]?.thread, 1);
});

// ---------------------------------------------------------------------------------------------
// What the application sees
// ---------------------------------------------------------------------------------------------

/** Each prints what it sees; the audited output has to be that of the program alone. */
const SIGHTS: readonly { readonly title: string; readonly program: string }[] = [
  {
    title: 'pid, parent, group, session and FDs of the child',
    program: `const child = cp.spawn('sh', ['-c', 'cut -d" " -f1,4,5,6 /proc/$$/stat; $LIST_FDS 1 300'], { stdio: [0, 'pipe', 2, fd] });
     let text = '';
     child.stdout.on('data', data => { text += data; });
     child.on('close', () => {
       const [pid, parent, group, session, ...rest] = text.split(/\\s+/);
       const [own] = fs.readFileSync('/proc/self/stat', 'utf8').split(' ').slice(4);
       console.log(pid === String(child.pid), parent === String(process.pid), group === own, session === pid, rest);
     });`,
  },
  {
    title: 'detached',
    program: `const child = cp.spawn('sh', ['-c', 'cut -d" " -f1,5,6 /proc/$$/stat'], { detached: true, stdio: [0, 'pipe', 2, fd] });
     child.stdout.on('data', data => console.log(String(data).split(/\\s+/).map(value => value === String(child.pid))));`,
  },
  {
    title: 'environment, arguments, folder and names',
    program: `const env = { PATH: process.env.PATH, A: 'b c', LD_LIBRARY_PATH: '/nonexistent', LIST: 'x' };
     const child = cp.spawn('sh', ['-c', 'env; pwd; echo "$0" "$@"; tr "\\\\0" "\\\\n" </proc/$$/cmdline', 'name', '-o', '--'], { env, cwd: '/', stdio: [0, 1, 2, fd] });
     child.on('exit', () => console.log(child.spawnfile, child.spawnargs));`,
  },
  {
    title: 'LD_PRELOAD of its own',
    program: `cp.spawn('env', { env: { A: '1', LD_PRELOAD: '', PATH: process.env.PATH, B: '2' }, stdio: [0, 1, 2, fd] });`,
  },
  {
    title: 'argv0',
    program: `cp.spawnSync('sh', ['-c', 'tr "\\\\0" " " </proc/$$/cmdline'], { argv0: 'other', stdio: [0, 1, 2, fd] });`,
  },
  {
    title: 'exit codes',
    program: `cp.spawn('sh', ['-c', 'exit 7'], { stdio: [0, 1, 2, fd] }).on('close', (...end) => console.log(end));`,
  },
  {
    title: 'signals',
    program: `const ends = [];
     process.on('exit', () => console.log(ends.sort()));
     for (const signal of ['SIGTERM', 'SIGKILL', 'SIGABRT'])
       cp.spawn('sleep', ['60'], { stdio: [0, 1, 2, fd] }).on('exit', (...end) => ends.push(end.join())).on('spawn', function () { setTimeout(() => this.kill(signal), 300); });`,
  },
  {
    title: 'a child that handles signals and is stopped for a while',
    program: `const child = cp.spawn('sh', ['-c', 'trap "echo usr1; exit 3" USR1; echo ready; while :; do sleep 0.05; done'], { stdio: [0, 'pipe', 2, fd] });
     child.stdout.once('data', () => {
       child.kill('SIGSTOP');
       setTimeout(() => { child.kill('SIGCONT'); child.kill('SIGUSR1'); child.stdout.on('data', data => console.log(String(data))); }, 200);
     });
     child.on('exit', (...end) => console.log(end));`,
  },
  {
    title: 'errors',
    program: `fs.writeFileSync('plain', '');
     fs.writeFileSync('noInterpreter', '#!/nonexistent\\n', { mode: 0o755 });
     fs.mkdirSync('folder');
     const stdio = [0, 1, 2, fd];
     for (const file of ['missing', './plain', './noInterpreter', './folder', '', './plain/x'])
       try {
         cp.spawn(file, ['a'], { stdio }).on('error', error => console.log(file, { ...error }, error.message)).on('spawn', () => console.log('spawned', file));
       } catch (error) { console.log(file, error.message); }
     console.log({ ...cp.spawnSync('missing', { stdio }).error });
     console.log({ ...cp.spawnSync('ls', { stdio, cwd: '/nonexistent' }).error });
     try { cp.execFileSync('missing', { stdio }); } catch (error) { console.log({ ...error, error: 0 }, error.message); }
     cp.spawn('sh', { stdio, cwd: '/nonexistent' }).on('error', error => console.log({ ...error }));`,
  },
  {
    title: 'files without a first line, and PATH of the child',
    program: `fs.mkdirSync('bin');
     fs.writeFileSync('bin/tool', 'echo a shell runs me', { mode: 0o755 });
     fs.writeFileSync('bin/other', '#!/bin/sh\\necho "$0" runs', { mode: 0o755 });
     const env = { PATH: 'nowhere::bin:/bin:/usr/bin' };
     cp.spawnSync('tool', { env, stdio: [0, 1, 2, fd] });
     cp.spawnSync('other', { env, stdio: [0, 1, 2, fd] });`,
  },
  {
    title: 'a pipe that the child closes while it goes on',
    program: `const child = cp.spawn('sh', ['-c', 'exec 3>&-; cat'], { stdio: ['pipe', 1, 2, 'pipe'] });
     child.stdio[3].resume().on('end', () => { console.log('end'); child.stdin.end(); });
     child.on('close', () => console.log('close'));`,
  },
  {
    title: 'stderr that ends while a grandchild goes on',
    program: `const child = cp.spawn('sh', ['-c', 'sleep 3 >/dev/null 2>&1 3>&- & echo $!'], { stdio: ['ignore', 'pipe', 'pipe', fd] });
     let pid = 0;
     child.stdout.on('data', data => { pid = Number(data); });
     child.stderr.resume();
     child.on('close', () => { process.kill(pid, 0); process.kill(pid); console.log('closed before it ended'); });`,
  },
  {
    title: 'a lock that the child lets go of',
    program: `const child = cp.spawn('sh', ['-c', 'flock -n 3 && exec 3>&- && echo x && cat'], { stdio: ['pipe', 'pipe', 2, fd] });
     child.stdout.once('data', () => {
       fs.closeSync(fd);
       console.log(cp.spawnSync('flock', ['-n', 'given', 'true']).status);
       child.stdin.end();
     });`,
  },
  {
    title: 'messages, and a channel that the child closes',
    program: `if (process.send) { process.send({ env: Object.keys(process.env).filter(name => /PRELOAD|CHANNEL/.test(name)) }); process.disconnect(); setTimeout(() => console.log('child ends'), 500); }
     else cp.fork(__filename).on('message', message => console.log(message)).on('disconnect', () => console.log('disconnected'));`,
  },
  {
    title: 'a timeout, and results with output',
    program: `const { error, ...rest } = cp.spawnSync('sh', ['-c', 'echo out; echo err >&2; sleep 60'], { timeout: 5000, killSignal: 'SIGKILL', stdio: [0, 'pipe', 'pipe', fd], encoding: 'utf8' });
     console.log(error.code, error.spawnargs, { ...rest, pid: 0 });
     console.log(cp.execSync('cat', { input: 'abc', stdio: ['pipe', 'pipe', 2, fd] }).toString());`,
  },
  {
    title: 'somebody else reads options and the handle',
    program: `const options = Object.freeze({ stdio: [0, 1, 2, fd], shell: true });
     const child = cp.spawn('true', options);
     console.log(options, Object.keys(child._handle), child.spawnargs);`,
  },
  {
    title: 'another user',
    program: `if (process.getuid() !== 0) console.log('only root can');
     else cp.spawnSync('sh', ['-c', 'id -u; id -g; cat <&3'], { uid: 65534, gid: 65534, stdio: [0, 1, 2, fd] });`,
  },
  {
    title: 'a process that gave up its rights',
    program: `if (process.getuid() === 0) { fs.chmodSync('.', 0o755); process.setgid(65534); process.setuid(65534); }
     cp.spawnSync('sh', ['-c', 'cat <&3'], { stdio: [0, 1, 2, fd] });`,
  },
];

for (const { title, program } of SIGHTS) {
  test(`the application sees no difference: ${title}`, async t => {
    if (!(await traces(t))) return;
    // c8's folder is closed to other users, and Node says so.
    const env: Record<string, string> = program.includes('setuid') ? { NODE_V8_COVERAGE: '' } : {};
    const alone = await audit(t, START + program, { bare: true, env });
    const audited = await audit(t, START + program, { env });
    const { code, signal, stdout, stderr } = audited;
    const [own] = stderr.split(/^closefds audit: /m);
    t.deepEqual([stdout, own, code, signal], [alone.stdout, alone.stderr, alone.code, alone.signal]);
    t.not(audited.records.length + stdout.length, 0);
  });
}

test('another user, who cannot get at the temporary folder', async t => {
  if (!(await traces(t))) return;
  if (process.getuid?.() !== 0) {
    t.log('skipped: only root can start programs as another user');
    t.pass();
    return;
  }
  const TMPDIR = temporaryFolder(t);
  const program = `${START} cp.spawnSync('cat', { uid: 65534, stdio: [fd, 1, 2, fd] });`;
  const { stdout, stderr, records } = await audit(t, program, { env: { TMPDIR } });
  t.deepEqual([stdout, tell(records)], ['text', ['3 unknown by , used: likely, 1']]);
  t.regex(records[0]?.use?.reason ?? '', /^it runs as another user/);
  t.regex(
    stderr,
    /likely used, to review:\n.*: the offset of the file moved while a synchronous child had it; .*; not proved, since it runs as another user/,
  );
});

for (const { title, program, end } of [
  { title: 'an exit code', program: 'process.exitCode = 5', end: { code: 5, signal: null } },
  {
    title: 'a signal',
    program: 'process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 5000)',
    end: { code: null, signal: 'SIGTERM' },
  },
] as const) {
  test(`ends as the command does: ${title}`, async t => {
    t.like(await audit(t, program), end);
  });
}

test('a result that cannot be written is told, and the end is that of the command', async t => {
  const program = `${START} fs.unlinkSync('findings.ndjson'); fs.mkdirSync('findings.ndjson'); process.exitCode = 3;`;
  const folder = temporaryFolder(t);
  const file = write(folder, { 'app.js': program, given: '' });
  const command = [process.execPath, CLI, 'audit', '--report', 'findings.ndjson', process.execPath, file];
  const { code, stderr } = await runCommand(command, { cwd: folder });
  t.is(code, 3);
  t.regex(stderr, /^closefds audit: the result is lost: EISDIR/m);
});

test('leaves nothing behind', async t => {
  const folder = temporaryFolder(t);
  await audit(t, `${START} cp.spawnSync('true', { stdio: [0, 1, 2, fd] });`, { env: { TMPDIR: folder } });
  t.deepEqual(readdirSync(folder), []);
});

// ---------------------------------------------------------------------------------------------
// Where nothing can be traced
// ---------------------------------------------------------------------------------------------

const USES = `${START} cp.spawnSync('cat', { stdio: [0, 1, 2, fd, fd] }); cp.spawnSync('sh', ['-c', 'cat <&3'], { stdio: [0, 1, 2, fd] });`;

for (const { title, strace, says } of [
  { title: 'no strace', strace: undefined, says: /strace was not found in PATH; install strace/ },
  {
    title: 'no permission',
    strace: 'echo "strace: ptrace(PTRACE_SEIZE, 1): Operation not permitted" >&2; exit 1',
    says: /strace may not trace here \(.*Operation not permitted.*\); allow it: in a container with --cap-add=SYS_PTRACE/,
  },
  {
    title: 'an old strace',
    strace: 'echo "strace: unrecognized option \'--seccomp-bpf\'" >&2; exit 1',
    says: /this strace is too old/,
  },
  {
    title: 'a strace of another kind',
    strace: 'for last; do :; done; exec sh -c "$last"',
    says: /does not take part|wrote no trace/,
  },
] as const) {
  test(`${title}: a message, and the application runs all the same`, async t => {
    const folder = temporaryFolder(t);
    const file = write(folder, { strace: `#!/bin/sh\n${strace ?? ''}\n` });
    chmodSync(file, strace === undefined ? 0o644 : 0o755);
    const PATH = `${folder}:${strace === undefined ? '' : process.env.PATH}`;
    // Without strace, but with cat and sh.
    const shell = write(folder, { sh: '', cat: '' });
    if (strace === undefined) {
      const { rmSync, symlinkSync } = await import('node:fs');
      for (const name of ['sh', 'cat']) {
        rmSync(path.join(path.dirname(shell), name));
        symlinkSync(`/bin/${name}`, path.join(folder, name));
      }
    }
    const { code, stdout, stderr, records } = await audit(t, USES, { env: { PATH } });
    t.deepEqual([code, stdout], [0, 'text']);
    t.regex(stderr, says);
    // What file offsets tell is told all the same.
    t.deepEqual(tell(records), [
      '3 unknown by , used: likely, 1',
      '3 unknown by , used: unknown, 1',
      '4 unknown by , used: unknown, 1',
    ]);
    t.regex(records[0]?.use?.reason ?? '', says);
  });
}

test('tracing is forbidden by seccomp, as containers do: a message, and the application runs all the same', async t => {
  if (!(await traces(t))) return;
  const { code, stdout, stderr, records } = await audit(t, USES, { through: [tool('deny'), 'ptrace=EPERM'] });
  t.deepEqual([code, stdout], [0, 'text']);
  t.regex(stderr, /strace may not trace here \(.*\); allow it: in a container with --cap-add=SYS_PTRACE/);
  t.deepEqual(tell(records), [
    '3 unknown by , used: likely, 1',
    '3 unknown by , used: unknown, 1',
    '4 unknown by , used: unknown, 1',
  ]);
});

test('a filter that forbids tracing, added below the audit', async t => {
  if (!(await traces(t))) return;
  const program = `
    const cp = require('node:child_process');
    if (process.argv[2]) cp.spawnSync('cat', { stdio: [fs.openSync('given'), 1, 2, fs.openSync('given')] });
    else cp.spawnSync(${JSON.stringify(tool('deny'))}, ['ptrace=EPERM', process.execPath, __filename, 'x'], { stdio: 'inherit' });`;
  const { stdout, records } = await audit(t, `const fs = require('node:fs');${program}`);
  t.deepEqual([stdout, tell(records)], ['text', ['3 unknown by , used: unknown, 1']]);
  t.is(records[0]?.use?.reason, 'it is under a seccomp filter that tracing was not tried with');
});

test('a process that may not read the audit says so, and goes on', async t => {
  if (!(await traces(t))) return;
  const program = `${START}
    const own = require.resolve(${JSON.stringify(path.join(ROOT, 'dist', 'src', 'audit', 'auditor.js'))});
    require.cache[own] = { get exports() { throw new Error('not allowed'); } };
    process.stdout.write(cp.execFileSync('cat', { stdio: [fd, 'pipe', 2, fd] }));`;
  const { code, stdout, stderr } = await audit(t, program, { env: { NODE_NO_WARNINGS: '' } });
  t.deepEqual([code, stdout], [0, 'text']);
  t.regex(stderr, /\[CLOSEFDS_INTERNAL_ERROR\] ClosefdsWarning: this process is not audited: not allowed/);
});

test('without an audit, none of it is loaded', t => {
  for (const name of readdirSync(path.join(ROOT, 'dist', 'register')).filter(file => file.endsWith('.js')))
    t.notRegex(readFileSync(path.join(ROOT, 'dist', 'register', name), 'utf8'), /strace/);
});

test('a wrong call', async t => {
  const call = (...args: string[]) => runCommand([process.execPath, CLI, 'audit', ...args]);
  for (const { args, says } of [
    { args: [], says: /expected a COMMAND to run, found none/ },
    {
      args: ['--mode', 'off', '--', 'true'],
      says: /expected one of warn, enforce, strict after --mode, found "off"/,
    },
    { args: ['--frequency', '1'], says: /expected --report, --mode or --config, found "--frequency"/ },
    {
      args: ['--report', '/nonexistent/x', '--', 'true'],
      says: /expected a file that can be written after --report/,
    },
    { args: ['-o', 'x', '--', 'true'], says: /expected --report, --mode or --config, found "-o"/ },
    { args: ['--report'], says: /expected a value after --report, found none/ },
  ] as const) {
    const { code, stderr } = await call(...args);
    t.is(code, 2);
    t.regex(stderr, says);
  }
});
