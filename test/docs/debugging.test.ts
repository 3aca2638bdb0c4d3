// docs/dev/debugging.md, in use: its programs and its strace command.

import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fences } from '../support/markdown';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, runCommand } from '../support/run';
import { whyNoTrace } from '../support/trace';

const PAGE = readFileSync(path.join(ROOT, 'docs', 'dev', 'debugging.md'), 'utf8');
const BLOCKS = new Map(
  fences(PAGE, 'js').map(block => [/^\/\/ (\S+)\n/.exec(block)?.[1] ?? 'without a name', block]),
);

/** A checkout with the files of the page in it. */
function checkout(t: ExecutionContext): string {
  const folder = temporaryFolder(t);
  write(folder, Object.fromEntries(BLOCKS));
  for (const name of ['build', 'dist', 'compat', 'prebuilds', 'package.json', 'node_modules'])
    symlinkSync(path.join(ROOT, name), path.join(folder, name));
  return folder;
}

test('the page has two programs', t => {
  t.deepEqual([...BLOCKS.keys()].sort(), ['stray.js', 'unbundled.js']);
});

for (const { title, args, fds } of [
  { title: 'without closefds the stray arrives', args: [], fds: [0, 1, 2, 40] },
  { title: 'with the preload it does not', args: ['--require', './dist/register/index.js'], fds: [0, 1, 2] },
  { title: 'with the unbundled preload it does not', args: ['--require', './unbundled.js'], fds: [0, 1, 2] },
]) {
  test(title, async t => {
    const { code, stdout, stderr } = await runCommand([process.execPath, ...args, 'stray.js'], {
      cwd: checkout(t),
    });
    t.is(code, 0, stderr);
    t.deepEqual(
      (JSON.parse(stdout) as number[]).filter(fd => fd < 100),
      fds,
    );
  });
}

test('strace shows one close_range in the child', async t => {
  const missing = await whyNoTrace();
  if (missing !== undefined) {
    t.log(`SKIPPED: ${missing}`);
    t.pass();
    return;
  }
  const [command = ''] = fences(PAGE, 'sh').flatMap(block => block.trim().split('\n'));
  t.regex(command, /^strace .* node .* stray\.js$/);
  const args = command.split(' ').map(arg => (arg === 'node' ? process.execPath : arg));
  const { stderr } = await runCommand(args, { cwd: checkout(t) });
  const [, child] = /\[pid +(\d+)\] execve\("\.\/build\/list-fds"/.exec(stderr) ?? [];
  const calls = stderr.split('\n').filter(line => new RegExp(`^\\[pid +${child}\\] close_range`).test(line));
  t.is(calls.length, 1);
  t.regex(calls[0] ?? '', /close_range\(3, 4294967295, CLOSE_RANGE_CLOEXEC\) = 0/);
});
