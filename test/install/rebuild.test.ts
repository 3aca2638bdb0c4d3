// The package has the sources of its native parts; what they compile to is what it brings.

import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { command } from '../support/installs';
import { temporaryFolder } from '../support/programs';
import { ROOT, runCommand } from '../support/run';
import { pack } from '../support/tarball';

const test = anyTest as TestFn<{ readonly tarball: string }>;
const COMPILER = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu-gcc`;

test.before(async t => {
  Object.assign(t.context, { tarball: await pack() });
});

test('the sources in the package compile to the bytes that it brings', async t => {
  const root = await unpack(t.context.tarball, temporaryFolder(t));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'));
  const args = [path.join(root, 'native', 'build.mjs'), '--output', path.join(root, 'again')];
  const { code, stdout, stderr } = await runCommand([process.execPath, ...args], { env: { CC: COMPILER } });
  t.is(code, 0, stderr);
  const files = ['closefds.glibc.node', 'strace-preload.glibc.so', 'deep-probe.glibc.node'].map(
    name => `linux-${process.arch}/${name}`,
  );
  t.deepEqual(
    stdout.trim().split('\n'),
    files.map(file => path.join(root, 'again', file)),
  );
  for (const file of files) {
    const [brought, compiled] = ['prebuilds', 'again'].map(folder =>
      readFileSync(path.join(root, folder, file)),
    );
    t.true(brought?.equals(compiled as Buffer), file);
  }
});

test('a missing compiler and missing headers are told in a line each', async t => {
  const root = await unpack(t.context.tarball, temporaryFolder(t));
  const build = (env: Record<string, string>) =>
    runCommand([process.execPath, path.join(root, 'native', 'build.mjs')], { env });
  const withoutHeaders = await build({});
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'));
  const withoutCompiler = await build({ CC: '/no/such/cc' });
  t.deepEqual(
    [withoutHeaders, withoutCompiler].map(({ code, stderr }) => ({ code, stderr })),
    [
      {
        code: 1,
        stderr:
          'closefds: node-api-headers was not found; install it with: npm install --no-save node-api-headers\n',
      },
      {
        code: 1,
        stderr:
          "closefds: '/no/such/cc' was not found; install a C compiler, or name yours: CC=... node native/build.mjs\n",
      },
    ],
  );
});

async function unpack(tarball: string, folder: string): Promise<string> {
  await command(folder, 'tar', ['-xzf', tarball]);
  return path.join(folder, 'package');
}
