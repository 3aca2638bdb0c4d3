// A spawn that user code makes while another is under way is judged by its own rules, and inherits nothing from it.

import test, { type ExecutionContext } from 'ava';
import { fixture, temporaryFolder, write } from '../support/programs';
import { LEAK, LIST_FDS, REGISTER, type RunResult, run, tool } from '../support/run';

/** The outer call keeps a stray, FD 40, and passes FD 3; the inner one passes FD 4, which a rule denies. */
const RULES = [
  {
    caller: '.',
    kinds: ['stray'],
    command: 'list-fds',
    callSite: '**/app.js',
    effect: 'allow',
    reason: 'test',
  },
  { caller: '.', fds: [3], effect: 'allow', reason: 'test' },
  { caller: '.', fds: [4], effect: 'deny' },
];

const PRELUDE = fixture('spawn-within-spawn.js');

interface Case {
  readonly name: string;
  readonly body: string;
  /** Whether a Node that has no such way in starts no inner process. */
  readonly isRecent?: boolean;
  readonly outer?: readonly number[];
}

const OUTER = [0, 1, 2, 3, 40];

const WAYS_IN: readonly Case[] = [
  {
    name: 'a patched stderr.write() during execSync()',
    body: `
      const { write } = process.stderr;
      process.stderr.write = text => { inside(); seen.outer = JSON.parse(text); return true; };
      cp.execFileSync(LIST, ['2']);
      process.stderr.write = write;
      answer();`,
    outer: [0, 1, 2, 40],
  },
  {
    name: 'a getter of spawnSync()',
    body: `
      const options = { stdio: OUTER, get cwd() { inside(); return undefined; } };
      seen.outer = JSON.parse(cp.spawnSync(LIST, [], options).stdout);
      answer();`,
  },
  {
    name: 'a getter that ChildProcess.spawn() reads late',
    body: `
      const child = new cp.ChildProcess();
      const options = { file: LIST, args: [LIST], envPairs: [], stdio: OUTER, get cwd() { inside(); return undefined; } };
      child.spawn(options);
      collect(child);`,
  },
  {
    name: 'a subscriber of the channel of new processes',
    isRecent: true,
    body: `
      dc.subscribe('child_process', inside);
      seen.outer = undefined;
      collect(cp.spawn(LIST, [], { stdio: OUTER }));
      `,
  },
  {
    name: 'subscribers of tracing:child_process.spawn',
    isRecent: true,
    body: `
      dc.subscribe('tracing:child_process.spawn:start', inside);
      dc.subscribe('tracing:child_process.spawn:end', inside);
      collect(cp.spawn(LIST, [], { stdio: OUTER }));
      `,
  },
  {
    name: 'an override of process.emitWarning()',
    body: `
      const { emitWarning } = process;
      process.emitWarning = function (...args) { inside(); return Reflect.apply(emitWarning, this, args); };
      seen.outer = JSON.parse(cp.spawnSync(LIST, [], { stdio: OUTER, shell: false, get argv0() { process.emitWarning('x'); } }).stdout);
      answer();`,
  },
  {
    name: `a getter, where the program has process.binding('spawn_sync')`,
    body: `
      process.binding('spawn_sync');
      const options = { stdio: OUTER, get cwd() { inside(); return undefined; } };
      seen.outer = JSON.parse(cp.spawnSync(LIST, [], options).stdout);
      answer();`,
  },
  {
    name: `a getter that calls process.binding('spawn_sync') itself`,
    body: `
      const { spawn } = process.binding('spawn_sync');
      const FORMS = [{ type: 'ignore' }, { type: 'pipe', readable: false, writable: true }, { type: 'fd', fd: 2 },
        { type: 'ignore' }, { type: 'fd', fd: secret }];
      const raw = () => spawnInside(() => {
        const file = ${JSON.stringify(tool('list-all-fds'))};
        const { output, error } = spawn({ file, args: [file], envPairs: [], stdio: FORMS });
        return JSON.parse(String(output[1]));
      });
      const options = { stdio: OUTER, get cwd() { raw(); return undefined; } };
      seen.outer = JSON.parse(cp.spawnSync(LIST, [], options).stdout);
      answer();`,
  },
  {
    name: 'a getter of execFile() that starts another process first',
    body: `
      const { withFds } = require(${JSON.stringify(REGISTER.replace(/register.index\.js$/, 'src/index.js'))});
      const marked = withFds({}, { 5: secret });
      const options = { ...marked, get cwd() { inside(); return undefined; } };
      options[Symbol.for('closefds.withFds')] = marked[Symbol.for('closefds.withFds')];
      cp.execFile(LIST, [], options, (error, stdout) => { seen.outer = JSON.parse(stdout); answer(); });`,
    outer: [0, 1, 2, 5, 40],
  },
];

async function observe(t: ExecutionContext, body: string, mode: string): Promise<RunResult> {
  const script = write(temporaryFolder(t), {
    'app.js': PRELUDE + body,
    'package.json': '{"name": "app"}',
    'closefds.json': JSON.stringify({ mode, rules: RULES }),
  });
  return run(script, { env: { LEAK, LIST: LIST_FDS, LIST_ALL: tool('list-all-fds') } });
}

for (const { name, body, outer = OUTER, isRecent } of WAYS_IN) {
  test(`${name}: the inner spawn is judged by its own rules, and the outer one keeps its FDs`, async t => {
    const { stdout, stderr } = await observe(t, body, 'enforce');
    const { inner, outer: outerChild } = JSON.parse(stdout);
    t.deepEqual(outerChild, outer, stderr);
    if (isRecent && inner.length === 0) return void t.log('this Node has no such channel');
    t.deepEqual([...new Set(inner.map(String))], ['0,1,2,4 placeholder'], stderr);
    t.regex(stderr, /designated FD 4 .* was closed/);
  });

  test(`${name}: strict refuses the inner spawn`, async t => {
    const { stdout, stderr } = await observe(t, body, 'strict');
    const { inner } = JSON.parse(stdout);
    if (isRecent && inner.length === 0) return void t.pass();
    t.deepEqual([...new Set(inner)], ['ERR_CLOSEFDS_DENIED'], stderr);
  });
}

test('bare, the same inner spawns pass everything', async t => {
  const { stdout } = await observe(t, WAYS_IN[1]?.body ?? '', 'off');
  const { inner, outer } = JSON.parse(stdout);
  // Node 18 reads the getter twice.
  t.deepEqual([[...new Set(inner.map(String))], outer], [['0,1,2,4,40'], OUTER]);
});

test('a handle that the program spawns by itself within a call is judged', async t => {
  const body = fixture('raw-handle-within-spawn.js');
  const { stdout, stderr } = await observe(t, body, 'enforce');
  t.deepEqual(JSON.parse(stdout), [0, 1, 2, '4 placeholder'], stderr);
});

test('a call and its own lower layers are judged and counted once', async t => {
  const body = `
    process.binding('spawn_sync');
    process.binding('process_wrap');
    cp.execFileSync('true', { stdio: INNER });
    cp.spawnSync('true', { stdio: INNER });
    cp.spawn('true', { stdio: INNER });`;
  const { stderr } = await observe(t, body, 'enforce');
  t.is(stderr.match(/designated FD 4/g)?.length, 3, stderr);
  t.false(stderr.includes('process.binding'), stderr);
});
