// The rules that `npm run release` checks.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ROOT, runCommand } from '../support/run';

type Problem = string | undefined;

interface Rules {
  checkChangelog(text: string, version: string): Problem;
  checkVersion(version: string, lockVersion: string, published: readonly string[]): Problem;
  checkDataRelease(version: string, newest: string | undefined, changed: readonly string[]): Problem;
  checkTree(status: string): Problem;
  checkOrigin(manifest: object): Problem;
  checkPassed(commit: string, passed: string | undefined): Problem;
  checkProvenance(manifest: object, env: Readonly<Record<string, string>>): Problem;
}

const rules = import(
  pathToFileURL(path.join(ROOT, 'scripts', 'release', 'release.mjs')).href
) as Promise<Rules>;

const GOOD = { publishConfig: { provenance: true } };
const ORIGIN = { author: 'x', repository: 'x', bugs: 'x', homepage: 'x' };
const CI = { ACTIONS_ID_TOKEN_REQUEST_URL: 'x' };

for (const [title, check, wrong] of [
  ['a version with its day', r => r.checkChangelog('# C\n\n## 1.2.3 (2026-12-31)\n\n## 1.2.2 (x)', '1.2.3')],
  ['a version without', r => r.checkChangelog('## 1.2.3\n', '1.2.3'), /found "## 1\.2\.3"$/],
  ['an older one first', r => r.checkChangelog('## 1.2.2 (2026-12-31)\n', '1.2.3'), /found "## 1\.2\.2 /],
  [
    'unreleased',
    r => r.checkChangelog('## Unreleased\n', '1.2.3'),
    /expected "## 1\.2\.3 \(YYYY.*Unreleased"$/,
  ],
  ['nothing', r => r.checkChangelog('', '1.2.3'), /found "no heading"$/],
  ['the first version', r => r.checkVersion('0.1.0', '0.1.0', [''])],
  ['a higher version', r => r.checkVersion('1.10.0', '1.10.0', ['1.9.0', '1.2.0'])],
  ['the same again', r => r.checkVersion('1.9.0', '1.9.0', ['1.2.0', '1.9.0']), /above 1\.9\.0/],
  ['a lower one', r => r.checkVersion('1.9.0', '1.9.0', ['1.10.0']), /above 1\.10\.0/],
  [
    'another in the lock file',
    r => r.checkVersion('1.9.0', '1.8.0', []),
    /package-lock\.json has version 1\.8\.0/,
  ],
  ['data, patch', r => r.checkDataRelease('1.2.4', '1.2.3', ['compat/packages/x.json', 'CHANGELOG.md'])],
  [
    'data, minor',
    r => r.checkDataRelease('1.3.0', '1.2.3', ['compat/packages/x.json']),
    /expected a patch release/,
  ],
  ['code, minor', r => r.checkDataRelease('1.3.0', '1.2.3', ['compat/packages/x.json', 'src/index.ts'])],
  [
    'data with the page of it, minor',
    r => r.checkDataRelease('1.3.0', '1.2.3', ['compat/packages/x.json', 'compat/PACKAGES.md']),
    /expected a patch release/,
  ],
  ['no release before', r => r.checkDataRelease('1.3.0', undefined, [])],
  ['nothing to commit', r => r.checkTree('')],
  ['something to commit', r => r.checkTree(' M a'), /^expected nothing to commit, found\n M a$/],
  ['an origin', r => r.checkOrigin(ORIGIN)],
  ['no origin', r => r.checkOrigin({}), /expected author, repository, bugs, homepage, found none/],
  ['an origin in part', r => r.checkOrigin({ ...ORIGIN, bugs: '' }), /expected bugs, found none/],
  ['passed', r => r.checkPassed('abc', 'abc')],
  ['passed before the last commit', r => r.checkPassed('abc', 'abd'), /\(abc\), but for abd/],
  ['never passed', r => r.checkPassed('abc', undefined), /but for none/],
  ['provenance', r => r.checkProvenance(GOOD, CI)],
  ['provenance, not in CI', r => r.checkProvenance(GOOD, {}), /in a CI job/],
  ['provenance, not asked for', r => r.checkProvenance({}, CI), /publishConfig/],
] as const satisfies readonly (readonly [string, (rules: Rules) => Problem, RegExp?])[]) {
  test(title, async t => {
    const problem = check(await rules);
    if (wrong === undefined) t.is(problem, undefined);
    else t.regex(problem ?? 'nothing was wrong', wrong);
  });
}

test('what is not ready is not packed, and nothing is published', async t => {
  const command = [process.execPath, path.join(ROOT, 'scripts', 'release', 'release.mjs'), '--publish'];
  const { stdout, code } = await runCommand(command, { env: { ACTIONS_ID_TOKEN_REQUEST_URL: '' } });
  t.is(code, 1);
  t.regex(stdout, /FAILED provenance can be proven/);
  t.regex(stdout, /\d+ failed; nothing was published\n$/);
});

test('a wrong option is named', async t => {
  const { stderr, code } = await runCommand([
    process.execPath,
    path.join(ROOT, 'scripts', 'release', 'release.mjs'),
    '--publsh',
  ]);
  t.is(code, 2);
  t.regex(stderr, /^release: expected --publish or nothing\. Unknown option '--publsh'/);
});
