// A test in the browser; a process that removes temporary folders gets its work over a channel.
import { writeFileSync } from 'node:fs';
import createTestCafe from 'testcafe';
import { browserOptions, PAGE } from './browser.mjs';

writeFileSync('page.html', PAGE.slice(PAGE.indexOf(',') + 1));
writeFileSync(
  'suite.cjs',
  `const { Selector } = require('testcafe');
   fixture('page').page('./page.html');
   test('title', async t => { await t.expect(Selector('title').innerText).eql('hello'); });`,
);
const { executablePath, args } = browserOptions();
const testcafe = await createTestCafe('127.0.0.1');
const failed = await testcafe
  .createRunner()
  .src('suite.cjs')
  .browsers(`chrome:${executablePath}:headless ${args.join(' ')}`)
  .reporter('minimal', 'report.txt')
  .run({ disableNativeAutomation: true });
console.log(failed === 0 ? 'passed' : 'failed');
await testcafe.close();
