// The stray guard in worlds that are worse than usual. Each row asserts the set of a child's FDs.
//
// The larger ones are in hostile-environments.slow.ts, run by `npm run verify:hostile`.

import { chmodSync, cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import anyTest, { type ExecutionContext } from 'ava';
import {
  answerOf,
  assertClosing,
  FOUR_WORLDS,
  isPossible,
  KILLING_WORLDS,
  MAKERS,
  mounting,
  PRELUDE,
  WORLDS,
  type World,
  withLimit,
  worldNamed,
} from './support/hostile-environments';
import { fixture, temporaryFolder, write } from './support/programs';
import { withoutAddon } from './support/routes';
import { inheriting, LEAK, LIST_FDS, REGISTER, ROOT, run, tool } from './support/run';
import { strayNumbers } from './support/warnings';

// Each starts several processes; all at once they would only wait for each other.
const test = anyTest.serial;

// ---------------------------------------------------------------------------------------------
// Every world
// ---------------------------------------------------------------------------------------------

for (const world of [...WORLDS, ...KILLING_WORLDS]) {
  test(`${world.name}: a child has stdio only`, t => assertClosing(t, world, 'fork'));
}

for (const name of ['plain', 'close_range: EPERM', "close_range: EPERM, pselect6 as gVisor's"]) {
  test(`${name}, no atfork: a child has stdio only`, t => assertClosing(t, worldNamed(name), 'no atfork'));
}

// ---------------------------------------------------------------------------------------------
// Filters that kill
// ---------------------------------------------------------------------------------------------

for (const { name, through } of KILLING_WORLDS) {
  test(`${name}: bare Node lives, and so does a program that starts no process`, async t => {
    if (!(await isPossible(t, through))) return;
    const folder = temporaryFolder(t);
    const script = write(folder, { 'app.js': "require('node:child_process').spawnSync('true').status" });
    const bare = await run(script, { through, nodeArgs: [] });
    t.deepEqual([bare.code, bare.signal], [0, null], bare.stderr);
    const idle = await run(write(folder, { 'idle.js': "console.log('lives')" }), { through });
    t.deepEqual([idle.stdout, idle.signal, idle.stderr], ['lives\n', null, '']);
  });
}

test('a filter that kills for fork(): the guard creates no process at start', async t => {
  const folder = temporaryFolder(t);
  const script = write(folder, { 'app.js': "console.log('lives')" });
  // close_range: the guard has to know before it calls it.
  const through = [tool('deny'), 'clone=KILL,close_range=KILL'];
  const bare = await run(script, { through, nodeArgs: [] });
  const guarded = await run(script, { through });
  t.deepEqual([bare.stdout, guarded.stdout], ['lives\n', 'lives\n']);
});

test('a filter that kills for all of them: a kept stray arrives, in workers too', async t => {
  const { through } = KILLING_WORLDS.find(({ name }) => name.endsWith('all of them')) as World;
  const { answer } = await answerOf(
    t,
    `
      const { Worker, isMainThread, parentPort } = require('node:worker_threads');
      if (isMainThread) {
        for (const fd of [40, 50, 300]) leak.open(process.argv[2], fd);
        const here = listed();
        new Worker(__filename, { argv: process.argv.slice(2) }).on('message', there => answer({ here, there }));
      } else {
        parentPort.postMessage([listed(), listed()]);
      }
    `,
    { through },
    {
      'package.json': '{"name": "app"}',
      'closefds.json': JSON.stringify({
        rules: [{ kinds: ['stray'], fds: [50], effect: 'allow', reason: 'test' }],
      }),
    },
  );
  const expected = [0, 1, 2, 50];
  t.deepEqual(answer, { here: expected, there: [expected, expected] });
});

test('a filter that kills for close_range and getdents64: the fallback guard lists strays without them', async t => {
  const { answer, stderr } = await answerOf(t, 'leak.open(process.argv[2], 40); answer(listed());', {
    through: [tool('deny'), 'close_range=KILL,getdents64=KILL'],
    nodeArgs: ['--require', withoutAddon()],
  });
  // A placeholder covers FD 40.
  t.deepEqual(answer, [0, 1, 2]);
  t.true(stderr.includes('CLOSEFDS_STAND_IN'), stderr);
  t.deepEqual(strayNumbers(stderr), [40]);
});

// ---------------------------------------------------------------------------------------------
// Sizes and limits
// ---------------------------------------------------------------------------------------------

for (const { name, through } of FOUR_WORLDS) {
  for (const [maker, prefix] of Object.entries(MAKERS)) {
    test(`C4 ${name}, ${maker}: the rlimit is no bound`, async t => {
      if (!(await isPossible(t, through))) return;
      const { answer } = await answerOf(
        t,
        `
          for (let i = 0; i < 40; i++) leak.open(process.argv[2], 100 + 97 * i);
          for (let fd = 100; fd < 2000; fd++) leak.close(fd);
          leak.limit(60);
          answer(listed());
        `,
        { through: [...withLimit(5000), ...through, ...prefix] },
      );
      t.deepEqual(answer, [0, 1, 2]);
    });
  }

  test(`${name}: no FD is left when the process is made`, async t => {
    if (!(await isPossible(t, through))) return;
    const { answer } = await answerOf(t, fixture('spawn-without-fds.js'), { through });
    t.deepEqual(answer, { none: 'EMFILE', two: 0, fds: [0, 1, 2], later: [0, 1, 2], spawning: 'fork' });
  });
}

for (const { name, through } of FOUR_WORLDS) {
  test(`${name}: the system has too many open files`, async t => {
    if (!(await isPossible(t, through))) return;
    const { answer } = await answerOf(
      t,
      `
        leak.open(process.argv[2], 40);
        const out = fs.openSync(process.argv[2] + '.list', 'w+');
        listed();
        leak.full();
        // libuv cannot make its channels. Without any it can, and marking by /proc fails in the child.
        const failed = childProcess.spawnSync(LIST, [], { stdio: 'pipe' }).error.code;
        childProcess.spawnSync(LIST, [], { stdio: ['inherit', out, 'inherit'] });
        const text = Buffer.alloc(100);
        answer({ failed, fds: JSON.parse(text.toString('utf8', 0, fs.readSync(out, text, 0, 100, 0))) });
      `,
      { through },
    );
    t.deepEqual(answer, { failed: 'ENFILE', fds: [0, 1, 2] });
  });
}

test('a synchronous spawn that fails for lack of FDs says nothing about how processes are made', async t => {
  const { answer } = await answerOf(
    t,
    `
      const held = [];
      leak.limit(100);
      try { for (;;) held.push(fs.openSync('/dev/zero')); } catch {}
      const { code } = childProcess.spawnSync(LIST).error;
      const before = guard.spawning();
      for (const fd of held) fs.closeSync(fd);
      answer({ code, before, fds: listed(), after: guard.spawning() });
    `,
  );
  t.deepEqual(answer, { code: 'EMFILE', before: 'unknown', fds: [0, 1, 2], after: 'fork' });
});

for (const [maker, prefix] of Object.entries(MAKERS)) {
  test(`C10 ${maker}: each subset of the parent's stdio closed`, async t => {
    const closings = ['', '0<&-', '1>&-', '2>&-', '0<&- 1>&-', '0<&- 2>&-', '1>&- 2>&-', '0<&- 1>&- 2>&-'];
    for (const closing of closings) {
      const folder = temporaryFolder(t);
      const app = write(folder, {
        'app.js': `${PRELUDE}
          leak.open(process.argv[2], 40);
          const { stdout } = childProcess.spawnSync('sh', ['-c', LIST + '; echo err >&2'], { stdio: 'pipe' });
          const { stderr } = childProcess.spawnSync('sh', ['-c', LIST + ' >&2'], { stdio: 'pipe' });
          fs.writeFileSync(process.argv[3], JSON.stringify([String(stdout), String(stderr)]));
        `,
      });
      const through = ['bash', '-c', `exec "$@" ${closing}`, 'sh', ...prefix];
      await run(app, { through, args: [`${folder}/file`, `${folder}/answer`] });
      const answer = JSON.parse(readFileSync(`${folder}/answer`, 'utf8'));
      t.deepEqual(answer, ['[0,1,2]\n', '[0,1,2]\n'], closing);
    }
  });
}

// ---------------------------------------------------------------------------------------------
// Rights, roots, file systems
// ---------------------------------------------------------------------------------------------

test('a chroot without /proc and /dev', async t => {
  if (!(await isPossible(t, mounting('true')))) return;
  const folder = temporaryFolder(t);
  const script = write(folder, {
    'app.js': `${PRELUDE} leak.open('/file', 40); answer(listed());`,
    'root/x': '',
  });
  const enter = mounting(`
    mount -t tmpfs none "$ROOT"
    for folder in /usr /bin /lib /lib64 "$PACKAGE" "$(dirname "$NODE")"; do
      [ -d "$folder" ] || continue
      mkdir -p "$ROOT$folder" && mount --rbind "$folder" "$ROOT$folder"
    done
    cp "$APP" "$ROOT/app.js"
  `);
  const root = path.join(folder, 'root');
  const result = await run('/app.js', {
    through: [...enter, 'chroot', root],
    env: { APP: script, ROOT: root, PACKAGE: ROOT, NODE: process.execPath, NODE_V8_COVERAGE: '' },
  });
  t.is(result.code, 0, result.stderr);
  t.deepEqual(JSON.parse(result.stdout), [0, 1, 2]);
  t.deepEqual(strayNumbers(result.stderr), [40]);
});

test('a read-only file system', async t => {
  const folder = temporaryFolder(t);
  const remount = mounting(`
    for mount in / "$(df --output=target "$HOLD" | tail -1)"; do mount -o remount,bind,ro "$mount"; done
    if touch "$HOLD" 2>/dev/null; then echo "still writable" >&2; exit 1; fi
  `);
  write(folder, { held: '' });
  const held = path.join(folder, 'held');
  const through = [...inheriting(200, held), 'env', `HOLD=${held}`, ...remount];
  if (!(await isPossible(t, through))) return;
  const { answer, stderr } = await answerOf(t, 'leak.open("/dev/zero", 40); answer(listed());', {
    through,
    // c8 cannot write its reports there.
    env: { NODE_V8_COVERAGE: '' },
  });
  t.deepEqual(answer, [0, 1, 2]);
  t.deepEqual(strayNumbers(stderr), [40, 200]);
});

const AS_NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

test('a user without rights', async t => {
  const canRead = [...AS_NOBODY, 'bash', '-c', `test -r ${REGISTER} -a -x ${LIST_FDS} && "$@"`, 'sh'];
  if (!(await isPossible(t, canRead))) return;
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const script = write(folder, { 'app.js': `${PRELUDE} leak.open('/dev/zero', 40); answer(listed());` });
  const held = write(folder, { held: '' });
  const result = await run(script, {
    through: [...inheriting(200, held), ...AS_NOBODY],
    env: { NODE_V8_COVERAGE: '' },
  });
  t.is(result.code, 0, result.stderr);
  t.deepEqual(JSON.parse(result.stdout), [0, 1, 2]);
  t.deepEqual(strayNumbers(result.stderr), [40, 200]);
});

test('a child with another uid', async t => {
  if (!(await isPossible(t, AS_NOBODY))) return;
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  cpSync(LIST_FDS, path.join(folder, 'list'));
  const { answer } = await answerOf(
    t,
    `
      leak.open(process.argv[2], 40);
      const options = { uid: 65534, gid: 65534, cwd: '/' };
      answer(JSON.parse(childProcess.execFileSync(${JSON.stringify(path.join(folder, 'list'))}, options)));
    `,
  );
  t.deepEqual(answer, [0, 1, 2]);
});

// ---------------------------------------------------------------------------------------------
// An addon that does not load
// ---------------------------------------------------------------------------------------------

const ADDON = path.join(ROOT, 'prebuilds', `${process.platform}-${process.arch}`, 'closefds.glibc.node');

/** Of native/build.mjs: the first thing that a file which is cut off lacks. */
const TRAILER = '\nclosefds\n';

const BROKEN: Readonly<Record<string, (addon: Buffer) => string | Buffer>> = {
  'a text file': () => 'not a library\n',
  'an empty file': () => '',
  'a library cut off within its header': addon => addon.subarray(0, 60),
  // The C library would map it, and reading beyond its end is a SIGBUS.
  'a library cut off behind its header': addon => addon.subarray(0, 5000),
  "a library without its linker's last byte": addon => addon.subarray(0, -TRAILER.length - 1),
  // e_machine of elf(5): 8 is EM_MIPS.
  'a library of another architecture': addon => Buffer.from(addon).fill(8, 18, 19).fill(0, 19, 20),
};

for (const [what, breakIt] of Object.entries(BROKEN)) {
  test(`the addon is ${what}: strays are covered, and one finding says so`, async t => {
    const { answer, stderr } = await withAddon(t, breakIt(readFileSync(ADDON)));
    t.is(answer, '[0,1,2]\n/proc/self\n');
    t.is(stderr.match(/\[CLOSEFDS_STAND_IN\]/g)?.length, 1);
  });
}

test('the addon was stripped of what the build writes below it: it does as well', async t => {
  const whole = readFileSync(ADDON);
  // A sanitizer's build has none to begin with.
  const size = whole.length - (whole.toString('latin1').endsWith(TRAILER) ? TRAILER.length : 0);
  const { answer, stderr } = await withAddon(t, whole.subarray(0, size));
  // The arguments of that child name FD 40.
  t.is(answer, '[0,1,2]\n/proc/self\n');
  t.false(stderr.includes('CLOSEFDS_STAND_IN'), stderr);
});

/** What a child lists of itself, and its FD 40. */
async function withAddon(t: ExecutionContext, content: string | Buffer): ReturnType<typeof answerOf> {
  const folder = temporaryFolder(t);
  const copy = path.join(folder, 'closefds');
  for (const part of ['dist/src', 'dist/register', 'dist/compat', 'package.json'])
    cpSync(path.join(ROOT, part), path.join(copy, part), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  const addon = path.join(copy, path.relative(ROOT, ADDON));
  write(path.dirname(addon), { [path.basename(addon)]: '' });
  writeFileSync(addon, content);

  return answerOf(
    t,
    `
        leak.open(process.argv[2], 40);
        answer(String(childProcess.execFileSync('sh', ['-c', LIST + '; readlink /proc/self/fd/40 || :'])));
      `,
    { nodeArgs: ['--require', path.join(copy, 'dist', 'register', 'index.js')] },
  );
}

const LOST_PROC = `
  leak.open(process.argv[2], 40);
  const first = listed();
  leak.full();
  try { answer([first, String(childProcess.spawnSync(LIST, [], { stdio: 'pipe' }).error?.code)]); }
  catch ({ code }) { answer([first, code]); }
`;

for (const { mode, outcome } of [
  { mode: 'enforce', outcome: 'ENFILE' },
  { mode: 'strict', outcome: 'ERR_CLOSEFDS_DENIED' },
] as const) {
  test(`the fallback guard cannot list any more: ${mode}`, async t => {
    const rule = { kinds: ['stray'], effect: 'allow', reason: 'test' };
    const { answer, stderr } = await answerOf(
      t,
      LOST_PROC,
      { nodeArgs: ['--require', withoutAddon()], env: { CLOSEFDS_MODE: mode } },
      { 'package.json': '{"name": "app"}', 'closefds.json': JSON.stringify({ rules: [rule] }) },
    );
    t.deepEqual(answer, [[0, 1, 2, 40], outcome]);
    t.deepEqual(stderr.match(/CLOSEFDS_UNGUARDED/g)?.length ?? 0, mode === 'strict' ? 0 : 1);
  });
}

// ---------------------------------------------------------------------------------------------
// Flags of what is designated
// ---------------------------------------------------------------------------------------------

const ALLOW_FDS = JSON.stringify({
  rules: [{ caller: '.', kinds: ['fd'], effect: 'allow', reason: 'test' }],
});
const APP = { 'package.json': '{"name": "app"}', 'closefds.json': ALLOW_FDS };

for (const [maker, prefix] of Object.entries(MAKERS)) {
  test(`C7 ${maker}: designated FDs arrive, marked or not, and keep their flags in the parent`, async t => {
    const { answer } = await answerOf(
      t,
      `
        const open = leak.open(process.argv[2], 40), marked = leak.open(process.argv[2], 50);
        leak.mark(marked, true);
        const flags = () => [leak.flags(open), leak.flags(marked)];
        const stdio = ['pipe', 'pipe', 'inherit', open, marked];
        // The first spawn does not know yet how processes are made; the second does.
        const results = [];
        for (let i = 0; i < 2; i++) {
          results.push(JSON.parse(childProcess.execFileSync(LIST, { stdio })), flags());
        }
        const child = childProcess.spawn(LIST, { stdio });
        results.push(flags());
        child.stdout.on('data', text => answer([...results, JSON.parse(text)]));
      `,
      { through: prefix },
      APP,
    );
    const before = [0, 1];
    t.deepEqual(answer, [[0, 1, 2, 3, 4], before, [0, 1, 2, 3, 4], before, before, [0, 1, 2, 3, 4]]);
  });

  test(`${maker}: flags come back when a worker ends within a spawn`, async t => {
    const { answer } = await answerOf(t, fixture('end-worker-within-spawn.js'), { through: prefix }, APP);
    t.is(answer, 0);
  });
}

const DENY_ONE_FILE = JSON.stringify({
  rules: [{ caller: '.', callSite: 'denied.js', kinds: ['stray'], fds: [40], effect: 'deny' }],
});

for (const [maker, prefix] of Object.entries(MAKERS)) {
  test(`${maker}: in warn, a stray denied to one caller still goes to the next`, async t => {
    const { answer } = await answerOf(
      t,
      `
        leak.open(process.argv[2], 40), leak.open(process.argv[2], 50);
        const denied = require('./denied.js');
        const flags = () => [leak.flags(40), leak.flags(50)];
        const rounds = [];
        for (let i = 0; i < 2; i++) rounds.push(denied(LIST), flags(), listed(), flags());
        answer(rounds);
      `,
      { through: prefix, env: { CLOSEFDS_MODE: 'warn' } },
      {
        'denied.js': "module.exports = list => JSON.parse(require('node:child_process').execFileSync(list));",
        'package.json': '{"name": "app"}',
        'closefds.json': DENY_ONE_FILE,
      },
    );
    const round = [
      [0, 1, 2, 50],
      [0, 0],
      [0, 1, 2, 40, 50],
      [0, 0],
    ];
    t.deepEqual(answer, [...round, ...round]);
  });
}

test('a source that was closed during a spawn: the next file of that number keeps its flag', async t => {
  const { answer } = await answerOf(t, fixture('replace-fd-within-spawn.js'), { env: { LEAK } }, APP);
  t.is(answer, 1);
});

// ---------------------------------------------------------------------------------------------
// Races
// ---------------------------------------------------------------------------------------------

// Without atfork handlers some do leak; `npm run verify:race` measures how many.
test('C9 300 spawns on three threads while native threads open FDs: none leaks', async t => {
  const { stdout } = await run(path.join(ROOT, 'test', 'fixtures', 'race.js'), {
    args: ['300', '2', LEAK, LIST_FDS],
    env: { NODE_NO_WARNINGS: '1' },
  });
  const { opened, ...counts } = JSON.parse(stdout);
  t.deepEqual(counts, { spawns: 300, leaked: 0 });
  t.true(opened > 1000, `${opened} rounds of opening are no race`);
});

for (const [maker, prefix] of Object.entries(MAKERS)) {
  test(`N5 ${maker}: 20 rounds of 10 spawns racing 250 native forks end`, async t => {
    const { answer } = await answerOf(
      t,
      `
        const { once } = require('node:events');
        (async () => {
          const codes = new Set();
          for (let round = 0; round < 20; round++) {
            leak.forkers(2, 125);
            const children = Array.from({ length: 10 }, () => childProcess.spawn('true'));
            const closed = await Promise.all(children.map(child => once(child, 'close')));
            for (const [code] of closed) codes.add(code);
            if (leak.join() !== 250) codes.add('forks');
          }
          answer([...codes]);
        })();
      `,
      { through: prefix },
    );
    t.deepEqual(answer, [0]);
  });
}

// ---------------------------------------------------------------------------------------------
// Processes that native code makes
// ---------------------------------------------------------------------------------------------

for (const way of ['fork', 'vfork', 'posix_spawn', 'system', 'popen']) {
  test(`N3 a child made by ${way} in an addon has nothing that was inherited`, async t => {
    const folder = temporaryFolder(t);
    // Node marks its own stdio at start, so that such children have none.
    const program = `${PRELUDE} for (const fd of [0, 1, 2]) leak.mark(fd, false); leak.run('${way}', LIST);`;
    const result = await run(write(folder, { 'app.js': program }), {
      through: inheriting(200, `${folder}/inherited`),
    });
    t.is(result.code, 0, result.stderr);
    t.deepEqual(JSON.parse(result.stdout), [0, 1, 2]);
  });
}
