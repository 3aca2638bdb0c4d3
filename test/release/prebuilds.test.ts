// The addon's files are where a standard loader looks for them, and where ours does.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { loadStrayGuard } from '../../src/strays/native-guard';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, runCommand } from '../support/run';

const LIBCS = ['glibc', 'musl'];
const fileOf = (arch: string, libc: string) =>
  path.join('prebuilds', `linux-${arch}`, `closefds.${libc}.node`);

/** node-gyp-build has no function for another machine than this one, but asks the environment. */
const RESOLVE = `process.stdout.write(require(process.argv[1]).resolve(process.argv[2]))`;
const STANDARD_LOADER = path.join(ROOT, 'node_modules', 'node-gyp-build', 'node-gyp-build.js');

for (const arch of ['x64', 'arm64']) {
  for (const libc of LIBCS) {
    test(`node-gyp-build finds the one for ${arch}, ${libc}`, async t => {
      const folder = temporaryFolder(t);
      for (const any of LIBCS) write(folder, { [fileOf(arch, any)]: '' });
      const env = { npm_config_platform: 'linux', npm_config_arch: arch, LIBC: libc };
      const command = [process.execPath, '-e', RESOLVE, STANDARD_LOADER, folder];
      const { stdout, stderr } = await runCommand(command, { env });
      t.is(path.relative(folder, stdout), fileOf(arch, libc), stderr);
    });
  }
}

test('ours has below it what tells that it is whole', t => {
  const { platform, arch } = process;
  const file = path.join(ROOT, 'prebuilds', `${platform}-${arch}`, 'closefds.glibc.node');
  t.is(readFileSync(file, 'latin1').slice(-10), '\nclosefds\n');
});

test('ours tries the same files, and says which', t => {
  const folder = temporaryFolder(t);
  const error = t.throws(() => loadStrayGuard(folder));
  const tried = LIBCS.map(libc => path.join(folder, fileOf(process.arch, libc)));
  t.deepEqual(
    error?.message.split('; ').map(failure => failure.split(':', 1)[0]),
    tried,
  );
});

test('a missing compiler is told in one line, with the package to install', async t => {
  const script = path.join(ROOT, 'scripts', 'release', 'prebuilds.mjs');
  const env = { PATH: temporaryFolder(t) };
  const { code, stdout, stderr } = await runCommand([process.execPath, script], { env });
  const install = process.arch === 'x64' ? 'gcc' : 'gcc-x86-64-linux-gnu';
  t.deepEqual(
    { code, stdout, stderr },
    {
      code: 1,
      stdout: '',
      stderr: `closefds: the package brings an addon for x64 with glibc, and 'x86_64-linux-gnu-gcc' was not found; install it (Debian: apt-get install ${install})\n`,
    },
  );
});
