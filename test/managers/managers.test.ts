// Whom the caller finder names in an app that pnpm, Yarn or npm's linked strategy installed.
//
// Slow, so `npm run verify:managers` runs these and `npm test` does not. The managers themselves
// come from npm. See test/callers/package-managers.test.ts for plain npm.

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { assertNames, command, writeApp } from '../support/installs';
import { installManager, PNPM, YARN, yarnEnvironment } from '../support/managers';
import { temporaryFolder, write } from '../support/programs';

test('npm, linked', async t => {
  const folder = temporaryFolder(t);
  await writeApp(folder, '*');
  await command(folder, 'npm', ['install', '--no-audit', '--no-fund', '--install-strategy=linked']);
  await assertNames(t, folder, { store: true });
});

for (const linker of ['isolated', 'hoisted']) {
  test(`pnpm, ${linker}`, async t => {
    const folder = temporaryFolder(t);
    const pnpm = await installManager(folder, PNPM, 'pnpm/bin/pnpm.cjs');
    const app = path.join(folder, 'app');
    await writeApp(app, 'workspace:*');
    write(app, { 'pnpm-workspace.yaml': 'packages: ["packages/*"]' });
    await command(app, process.execPath, [
      pnpm,
      'install',
      `--store-dir=${folder}/store`,
      `--config.node-linker=${linker}`,
    ]);
    await assertNames(t, app, { store: linker === 'isolated' });
  });
}

/** Installs the app with Yarn; returns a function that runs Yarn. */
async function yarnInstall(t: ExecutionContext, linker: string) {
  const folder = temporaryFolder(t);
  const program = await installManager(folder, YARN, '@yarnpkg/cli-dist/bin/yarn.js');
  const app = path.join(folder, 'app');
  await writeApp(app, 'workspace:*');
  // An empty lockfile makes it a project of its own, wherever the folder lies.
  write(app, { 'yarn.lock': '' });
  const env = await yarnEnvironment(folder, linker);
  await command(app, process.execPath, [program, 'install'], env);
  return app;
}

for (const linker of ['node-modules', 'pnpm']) {
  test(`Yarn, ${linker}`, async t => {
    const app = await yarnInstall(t, linker);
    await assertNames(t, app, { store: linker === 'pnpm' });
  });
}

test("Yarn, Plug'n'Play out of zip files", async t => {
  const app = await yarnInstall(t, 'pnp');
  const hooks = ['--require', path.join(app, '.pnp.cjs'), '--loader', path.join(app, '.pnp.loader.mjs')];
  // The probe's own --require comes first; NODE_OPTIONS, which `yarn node` uses, before that.
  await assertNames(t, app, { nodeArgs: ['--no-warnings', ...hooks] });
  await assertNames(t, app, { nodeArgs: ['--no-warnings'], env: { NODE_OPTIONS: hooks.join(' ') } });
});
