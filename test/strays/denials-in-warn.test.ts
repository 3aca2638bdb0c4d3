// In `warn`, a rule that denies a stray changes nothing but the children of the calls that it matches: other threads
// start processes at the same time, and the process's flags stay as they are.
//
// Each program has the strays 40 and 50. A rule denies FD 40 to the calls of denied.js.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MAKERS } from '../support/hostile-environments';
import { fixture, temporaryFolder, write } from '../support/programs';
import { LEAK, ROOT, run, tool } from '../support/run';

const LIST = tool('list-all-fds');
const RULE = { caller: '.', callSite: 'denied.js', kinds: ['stray'], fds: [40], effect: 'deny' };
/** The same twice: the call site is what the rule tells apart. */
const CALLS = `
  const { spawnSync } = require('node:child_process');
  exports.sync = (start, ...args) => start(...args);
  exports.async = exports.sync;
  exports.list = options => String(spawnSync(${JSON.stringify(LIST)}, options).stdout).trim();
`;
const PRELUDE = fixture('two-strays.js');

const BOTH = '[0,1,2,40,50]';
const CLOSED = '[0,1,2,50]';
const COVERED = '[0,1,2,"40 placeholder",50]';
/** What closes FD 40: before the first spawn the guard does not know whether a handler runs in the child. */
const DENIED: Readonly<Record<string, readonly [first: string, later: string]>> = {
  fork: [COVERED, CLOSED],
  'no atfork': [COVERED, COVERED],
};

async function runWarn(
  t: ExecutionContext,
  maker: string,
  app: string,
  options: { args?: readonly string[]; files?: Readonly<Record<string, string>> } = {},
) {
  const script = write(temporaryFolder(t), {
    'app.js': app,
    'denied.js': CALLS,
    'allowed.js': CALLS,
    'package.json': '{"name": "app"}',
    'closefds.json': JSON.stringify({ rules: [RULE] }),
    ...options.files,
  });
  const result = await run(script, {
    through: MAKERS[maker] ?? [],
    env: { LEAK, CLOSEFDS_MODE: 'warn', NODE_NO_WARNINGS: '1' },
    args: options.args ?? [],
  });
  t.is(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
}

for (const [maker, [first, later] = []] of Object.entries(DENIED)) {
  test(`${maker}: four threads start processes at once, and each child gets what its own call may pass`, async t => {
    const app = readFileSync(path.join(ROOT, 'test', 'fixtures', 'denials-in-threads.js'), 'utf8');
    const answer = await runWarn(t, maker, app, { args: [LEAK, LIST, '4', '25'] });
    t.deepEqual(answer, { denied: 0, allowed: 0, examples: [], flags: [0, 0] });
  });

  test(`${maker}: the parent's flags are the same before, during and after a denied call`, async t => {
    const app = `${PRELUDE}
      const during = [];
      const fds = [1, 2].map(() => denied.list(late(() => void during.push(flags()))));
      answer({ fds, during, after: flags() });
    `;
    const [during, after] = [
      [
        [0, 0],
        [0, 0],
      ],
      [0, 0],
    ];
    t.deepEqual(await runWarn(t, maker, app), { fds: [first, later], during, after });
  });

  test(`${maker}: calls inside calls are denied what their own rule denies`, async t => {
    const app = `${PRELUDE}
      allowed.list();
      const inner = [];
      const outer = [
        denied.list(late(() => void inner.push(allowed.list()))),
        allowed.list(late(() => void inner.push(denied.list()))),
        denied.list(late(() => void inner.push(denied.list()))),
      ];
      answer({ outer, inner, flags: flags() });
    `;
    const answer = await runWarn(t, maker, app);
    // The first call is not denied anything, so the guard does not follow it and learns nothing about forks.
    const outer = [first, BOTH, later];
    t.deepEqual(answer, { outer, inner: [BOTH, later, later], flags: [0, 0] });
  });

  test(`${maker}: a file that took the number of a denied stray passes as without closefds`, async t => {
    const swap = `leak.close(40); leak.open(__filename + '.other', 40);`;
    const app = `${PRELUDE}
      denied.list();
      answer({ other: denied.list(late(() => { ${swap} })), flags: flags() });
    `;
    // Without a handler, the placeholder was put over the number when the call was judged.
    const other = maker === 'fork' ? BOTH : COVERED;
    t.deepEqual(await runWarn(t, maker, app), { other, flags: [0, 0] });
  });
}

test('no atfork: a denied stray that cannot be covered is reported', async t => {
  const script = write(temporaryFolder(t), {
    'app.js': `${PRELUDE}
      const { spawnSync } = require('node:child_process');
      const held = [];
      leak.limit(100);
      try { for (;;) held.push(fs.openSync('/dev/null')); } catch {}
      denied.sync(spawnSync, 'true');
    `,
    'denied.js': CALLS,
    'allowed.js': CALLS,
    'package.json': '{"name": "app"}',
    'closefds.json': JSON.stringify({ rules: [RULE] }),
  });
  const { stderr } = await run(script, {
    through: MAKERS['no atfork'] ?? [],
    env: { LEAK, CLOSEFDS_MODE: 'warn' },
  });
  t.regex(stderr, /\[CLOSEFDS_UNGUARDED\]/);
});

/** A package that makes processes natively, as node-pty does. */
const pty = (way: string) => ({
  'node_modules/node-pty/index.js': `
    const { run, mark } = require(${JSON.stringify(LEAK)});
    for (const fd of [0, 1, 2]) mark(fd, false);
    exports.spawn = file => run('${way}', file);
  `,
  'node_modules/node-pty/package.json': '{"name": "node-pty", "version": "1.1.0"}',
});

for (const { way, fds, isReported } of [
  { way: 'fork', fds: CLOSED, isReported: false },
  { way: 'posix_spawn', fds: BOTH, isReported: true },
]) {
  test(`a package that makes processes by ${way}(): ${isReported ? 'a denial that fails is reported' : 'a stray is denied'}`, async t => {
    const script = write(temporaryFolder(t), {
      'app.js': `${PRELUDE} denied.sync(require('node-pty').spawn, ${JSON.stringify(LIST)});`,
      'denied.js': CALLS,
      'allowed.js': CALLS,
      'package.json': '{"name": "app"}',
      'closefds.json': JSON.stringify({ rules: [RULE] }),
      ...pty(way),
    });
    const { stdout, stderr } = await run(script, { env: { LEAK, CLOSEFDS_MODE: 'warn' } });
    t.is(stdout.trim(), fds, stderr);
    t.is(
      /\[CLOSEFDS_UNGUARDED\].*spawn\(\) made a process without fork\(\)/.test(stderr),
      isReported,
      stderr,
    );
  });
}

test('process.execve() is denied the stray, and a call that fails leaves the flags as they were', async t => {
  const app = `${PRELUDE}
    if (process.execve === undefined) answer('absent');
    else {
      const bad = () => { try { denied.sync(process.execve, '/bin/true', ['true'], 7); } catch {} };
      bad.call();
      fs.writeSync(2, JSON.stringify(flags()));
      denied.sync(process.execve.bind(process), ${JSON.stringify(LIST)}, ['list']);
    }
  `;
  const script = write(temporaryFolder(t), {
    'app.js': app,
    'denied.js': CALLS,
    'allowed.js': CALLS,
    'package.json': '{"name": "app"}',
    'closefds.json': JSON.stringify({ rules: [RULE] }),
  });
  const { stdout, stderr } = await run(script, {
    env: { LEAK, CLOSEFDS_MODE: 'warn', NODE_NO_WARNINGS: '1' },
  });
  if (stdout === '"absent"') t.is(stderr, '');
  else t.deepEqual([stdout.trim(), stderr], [CLOSED, '[0,0]']);
});
