// Whom the caller finder names in an app that npm installed. The other managers: test/managers/.

import test from 'ava';
import { assertNames, command, writeApp } from '../support/installs';
import { temporaryFolder } from '../support/programs';

test('in an app that npm installed, callers have their package names', async t => {
  const folder = temporaryFolder(t);
  await writeApp(folder, '*');
  await command(folder, 'npm', ['install', '--no-audit', '--no-fund', '--prefer-offline']);
  await assertNames(t, folder);
});
