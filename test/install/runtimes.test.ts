// Bun and Deno with the same preload: what docs/limits.md says of them.

import path from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { command } from '../support/installs';
import { temporaryFolder, write } from '../support/programs';
import { inheriting, LIST_FDS, REGISTER, ROOT, type RunResult, runCommand } from '../support/run';

interface Runtime {
  readonly version: string;
  readonly binary: string;
}

const test = anyTest as TestFn<Record<string, Runtime>>;

test.before(async t => {
  const listed = await command(ROOT, process.execPath, [
    path.join('scripts', 'verify', 'fetch-runtimes.mjs'),
  ]);
  for (const line of listed.split('\n')) {
    const [name = '', version = '', binary = ''] = line.split('\t');
    t.context[name] = { version, binary };
  }
});

const GUARDED = `
  const { execFile, spawn, spawnSync } = require('node:child_process');
  const list = ['1', '1000'];
  console.log('spawnSync', String(spawnSync(process.argv[2], list).stdout).trim());
  execFile(process.argv[2], list, (error, stdout) => {
    console.log('execFile', stdout.trim());
    const child = spawn(process.argv[2], list, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
    child.stdout.on('data', data => console.log('spawn', String(data).trim()));
  });
`;

/** The runtime's own ways, which no hook of ours sees. */
const OWN = {
  bun: `
    const own = Bun.spawn([process.argv[2], '1', '1000'], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
    new Response(own.stdout).text().then(text => console.log('own', text.trim()));`,
  deno: `
    const own = new Deno.Command(process.argv[2], { args: ['1', '1000'] }).outputSync();
    console.log('own', new TextDecoder().decode(own.stdout).trim());`,
};

async function start(
  t: ExecutionContext<Record<string, Runtime>>,
  name: string,
  args: readonly string[],
  program: string,
  { mode = 'enforce' } = {},
): Promise<RunResult & { readonly lines: readonly string[]; readonly codes: readonly string[] }> {
  const file = write(temporaryFolder(t), { 'program.cjs': program });
  const { binary = '' } = t.context[name] ?? {};
  const result = await runCommand([...inheriting(200, '/dev/null'), binary, ...args, file, LIST_FDS], {
    env: { CLOSEFDS_MODE: mode, NO_COLOR: '1' },
  });
  const codes = [...result.stderr.matchAll(/\[(CLOSEFDS_\w+)\]/g)].map(([, code = '']) => code);
  return { ...result, lines: result.stdout.trim().split('\n'), codes };
}

const BUN = ['--preload', REGISTER];
const DENO = ['run', '--allow-all', '--require', REGISTER];

for (const { title, name, args, mode, expected } of [
  {
    title: 'Bun closes strays by itself',
    name: 'bun',
    args: [],
    mode: 'off',
    expected: ['[0,1,2]', '[0,1,2]', '[0,1,2,3]'],
  },
  {
    title: 'Bun, enforce: designated FDs are judged',
    name: 'bun',
    args: BUN,
    mode: 'enforce',
    expected: ['[0,1,2]', '[0,1,2]', '[0,1,2]'],
  },
  {
    title: 'Bun, warn: they pass',
    name: 'bun',
    args: BUN,
    mode: 'warn',
    expected: ['[0,1,2]', '[0,1,2]', '[0,1,2,3]'],
  },
  {
    title: 'Deno passes strays',
    name: 'deno',
    args: ['run', '-A'],
    mode: 'off',
    expected: ['[0,1,2,200]', '[0,1,2,200]', '[0,1,2,3,200]'],
  },
  {
    title: 'Deno, enforce: strays and designated FDs are',
    name: 'deno',
    args: DENO,
    mode: 'enforce',
    expected: ['[0,1,2]', '[0,1,2]', '[0,1,2]'],
  },
  {
    title: 'Deno, warn: they pass',
    name: 'deno',
    args: DENO,
    mode: 'warn',
    expected: ['[0,1,2,200]', '[0,1,2,200]', '[0,1,2,3,200]'],
  },
] as const) {
  test(title, async t => {
    const { lines, codes, stderr, code } = await start(t, name, args, GUARDED, { mode });
    const routes = ['spawnSync', 'execFile', 'spawn'];
    t.deepEqual(
      lines,
      expected.map((fds, index) => `${routes[index]} ${fds}`),
      stderr,
    );
    t.is(code, 0);
    t.is(codes.filter(each => each === 'CLOSEFDS_RUNTIME').length, mode === 'off' ? 0 : 1, stderr);
    t.false(codes.includes('CLOSEFDS_INTERNAL_ERROR'), stderr);
  });
}

test('Bun.spawn() is not judged', async t => {
  const { lines } = await start(t, 'bun', BUN, OWN.bun);
  t.deepEqual(lines, ['own [0,1,2,3]']);
});

test('Deno.Command gets nothing that was inherited', async t => {
  const { lines } = await start(t, 'deno', DENO, OWN.deno);
  t.deepEqual(lines, ['own [0,1,2]']);
});

test('Deno.Command without closefds does', async t => {
  const { lines } = await start(t, 'deno', ['run', '-A'], OWN.deno);
  t.deepEqual(lines, ['own [0,1,2,200]']);
});

test('the message names the runtime and its version', async t => {
  for (const { name, title, args } of [
    { name: 'bun', title: 'Bun', args: BUN },
    { name: 'deno', title: 'Deno', args: DENO },
  ] as const) {
    const { stderr } = await start(t, name, args, '');
    t.true(stderr.includes(`this is ${title} ${t.context[name]?.version}`), stderr);
  }
});

for (const { name, title, args } of [
  { name: 'bun', title: 'Bun', args: [] },
  { name: 'deno', title: 'Deno', args: ['run', '--allow-all'] },
] as const) {
  test(`doctor says that it runs in ${title}, and that its test proves nothing there`, async t => {
    const { binary = '', version } = t.context[name] ?? {};
    const main = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');
    const { stdout, stderr, code } = await runCommand([binary, ...args, main, 'doctor']);
    t.is(code, 0, stderr);
    t.true(stdout.includes(`this is ${title} ${version}`), stdout);
    t.regex(stdout, /^ {2}without +the stray was closed, too: so this test says nothing about closefds$/m);
  });
}

for (const { missing, given } of [
  { missing: 'read', given: [] },
  { missing: 'read', given: ['--allow-env'] },
  { missing: 'env', given: ['--allow-read'] },
] as const) {
  test(`Deno with ${given.join() || 'no permission'} does not start, and says what is missing`, async t => {
    const args = ['run', ...given, '--require', REGISTER];
    const { code, stderr } = await start(t, 'deno', args, GUARDED);
    t.is(code, 1);
    const [first, second] = stderr.split('\n');
    t.regex(first ?? '', new RegExp(`^closefds: Requires ${missing} access\\b.*--allow-${missing} flag$`));
    t.regex(second ?? '', /^The process was not started/);
  });
}

test('Deno without --allow-ffi: strays pass, and a finding says so', async t => {
  const args = ['run', '--allow-env', '--allow-read', '--allow-run', '--require', REGISTER];
  const { lines, codes } = await start(t, 'deno', args, GUARDED);
  // FD 3 is denied: Deno has no O_PATH, so the placeholder is the null device.
  t.deepEqual(lines, ['spawnSync [0,1,2,200]', 'execFile [0,1,2,200]', 'spawn [0,1,2,3,200]']);
  t.true(codes.includes('CLOSEFDS_UNGUARDED'));
});

// ---------------------------------------------------------------------------------------------
// "Elsewhere" in README.md: strays at 4, between slots, and at 200
// ---------------------------------------------------------------------------------------------

const SLOTS = `
  const stdio = ['ignore', 'pipe', 'inherit', 'ignore', 'ignore', 'pipe'];
  console.log(String(require('node:child_process').spawnSync(process.argv[2], ['1', '1000'], { stdio }).stdout).trim());
`;

const PYTHON = `
import subprocess, sys
for options in {}, {'close_fds': False}, {'pass_fds': [200]}:
    print(subprocess.run([sys.argv[1], '1', '1000'], stdout=subprocess.PIPE, **options).stdout.decode().strip())
`;

/** Node itself marks an inherited 4, but not one behind a gap. */
for (const { name, args, fds } of [
  { name: 'node', args: [], fds: '[0,1,2,5,200]' },
  { name: 'bun', args: [], fds: '[0,1,2,5]' },
  { name: 'deno', args: ['run', '-A'], fds: '[0,1,2,4,5,200]' },
] as const) {
  test(`elsewhere: ${name}`, async t => {
    const file = write(temporaryFolder(t), { 'program.cjs': SLOTS });
    const binary = t.context[name]?.binary ?? process.execPath;
    const through = [...inheriting(4, '/dev/null'), ...inheriting(200, '/dev/null')];
    const { stdout, stderr } = await runCommand([...through, binary, ...args, file, LIST_FDS]);
    t.is(stdout.trim(), fds, stderr);
  });
}

test('elsewhere: Python', async t => {
  const through = [...inheriting(4, '/dev/null'), ...inheriting(200, '/dev/null')];
  const { stdout, stderr } = await runCommand([...through, 'python3', '-c', PYTHON, LIST_FDS]);
  if (/not found|No such file/.test(stderr)) t.log('Python is not measured: python3 is not installed');
  else t.deepEqual(stdout.trim().split('\n'), ['[0,1,2]', '[0,1,2,4,200]', '[0,1,2,200]'], stderr);
  t.pass();
});
