// What the deep guard cannot cover is counted and told, and the program runs.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type DeepRun, makeAll, runMakeAll, STRAY } from '../support/deep';
import { temporaryFolder, write } from '../support/programs';
import { REGISTER, tool } from '../support/run';

const PARTIAL = 'CLOSEFDS_DEEP_PARTIAL';

/** Another tool that replaces the imports of `name` in objects whose path ends with `object`. */
function patcher(t: ExecutionContext, object: string, name: string): string {
  const folder = temporaryFolder(t);
  const load = `require(${JSON.stringify(tool('native-lazy.node'))});`;
  const patch = `require(${JSON.stringify(tool('patcher.node'))}).patch(${JSON.stringify(object)}, '${name}')`;
  write(folder, { 'patch.js': `${load}\nif (${patch} === 0) throw new Error('no import of ${name}');` });
  return path.join(folder, 'patch.js');
}

async function partial(t: ExecutionContext, given: DeepRun) {
  const report = path.join(temporaryFolder(t), 'report');
  const made = await makeAll(t, { ...given, env: { CLOSEFDS_REPORT: report, ...given.env } });
  const records = readFileSync(report, 'utf8').trim().split('\n');
  const told = records
    .map(record => JSON.parse(record) as { code: string; what?: string; count: number })
    .filter(({ code }) => code === PARTIAL)
    .map(({ what }) => what);
  return { made, told };
}

for (const { when, order } of [
  { when: 'before closefds', order: (file: string) => ['--require', file, '--require', REGISTER] },
  { when: 'after closefds', order: (file: string) => ['--require', REGISTER, '--require', file] },
])
  test(`an import that another tool replaced ${when} is left, and told once`, async t => {
    const nodeArgs = order(patcher(t, 'native-lazy.node', 'system'));
    const { made, told } = await partial(t, { nodeArgs, ways: ['system', 'popen', 'vfork and execve'] });
    t.deepEqual(made, {
      system: { status: 0, fds: [STRAY] },
      popen: { status: 0, fds: [] },
      'vfork and execve': { status: 0, fds: [] },
    });
    t.is(told.length, 1);
    t.regex(String(told[0]), /^\d imports belong to another tool that replaces them$/);
  });

test("if Node's own fork() belongs to another tool, a process does not start in strict", async t => {
  const nodeArgs = ['--require', patcher(t, '', 'fork'), '--require', REGISTER];
  const strict = await runMakeAll(t, { nodeArgs, ways: ['system'], env: { CLOSEFDS_MODE: 'strict' } });
  t.deepEqual([strict.code, strict.stdout], [1, '']);
  t.is(
    strict.stderr,
    'closefds: the deep guard cannot hold in mode "strict": the calls of Node itself could not be covered ' +
      '(1 imports belong to another tool that replaces them)\n' +
      'The process was not started; see docs/dev/how-it-works.md in the package.\n',
  );
  const { made, told } = await partial(t, { nodeArgs, ways: ['system'] });
  t.deepEqual(made, { system: { status: 0, fds: [] } });
  t.deepEqual(told, ['1 imports belong to another tool that replaces them']);
});

test('in strict, a process whose own calls are covered starts', async t => {
  const made = await makeAll(t, { ways: ['system'], env: { CLOSEFDS_MODE: 'strict' } });
  t.deepEqual(made, { system: { status: 0, fds: [] } });
});

test('without the addon, deep is told as missing, and strict does not start', async t => {
  const flags = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-child-process'];
  const major = Number(process.versions.node.split('.')[0]);
  const nodeArgs = [
    ...(major < 24 ? ['--experimental-permission', ...flags.slice(1)] : flags),
    '--require',
    REGISTER,
  ];
  const strict = await runMakeAll(t, { nodeArgs, env: { CLOSEFDS_MODE: 'strict' } });
  t.is(strict.code, 1, strict.stderr);
});

for (const { title, through } of [
  { title: 'close_range() is forbidden', through: [tool('deny'), 'close_range=EPERM'] },
  { title: 'close_range() is unknown', through: [tool('deny'), 'close_range=ENOSYS'] },
])
  test(`where ${title}, no process gets a stray either`, async t => {
    const ways = ['system', 'popen', 'posix_spawn with actions', 'vfork and execve', 'clone'];
    const made = await makeAll(t, { through, ways });
    t.deepEqual(made, Object.fromEntries(ways.map(way => [way, { status: 0, fds: [] }])));
  });
