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

for (const { title, check, wrong } of [
  {
    title: 'a version with its day',
    check: r => r.checkChangelog('# C\n\n## 1.2.3 (2026-12-31)\n\n## 1.2.2 (x)', '1.2.3'),
  },
  {
    title: 'a version without',
    check: r => r.checkChangelog('## 1.2.3\n', '1.2.3'),
    wrong: /found "## 1\.2\.3"$/,
  },
  {
    title: 'an older one first',
    check: r => r.checkChangelog('## 1.2.2 (2026-12-31)\n', '1.2.3'),
    wrong: /found "## 1\.2\.2 /,
  },
  {
    title: 'unreleased',
    check: r => r.checkChangelog('## Unreleased\n', '1.2.3'),
    wrong: /expected "## 1\.2\.3 \(YYYY.*Unreleased"$/,
  },
  { title: 'nothing', check: r => r.checkChangelog('', '1.2.3'), wrong: /found "no heading"$/ },
  { title: 'the first version', check: r => r.checkVersion('0.1.0', '0.1.0', ['']) },
  { title: 'a higher version', check: r => r.checkVersion('1.10.0', '1.10.0', ['1.9.0', '1.2.0']) },
  {
    title: 'the same again',
    check: r => r.checkVersion('1.9.0', '1.9.0', ['1.2.0', '1.9.0']),
    wrong: /above 1\.9\.0/,
  },
  { title: 'a lower one', check: r => r.checkVersion('1.9.0', '1.9.0', ['1.10.0']), wrong: /above 1\.10\.0/ },
  {
    title: 'another in the lock file',
    check: r => r.checkVersion('1.9.0', '1.8.0', []),
    wrong: /package-lock\.json has version 1\.8\.0/,
  },
  {
    title: 'data, patch',
    check: r => r.checkDataRelease('1.2.4', '1.2.3', ['compat/packages/x.json', 'CHANGELOG.md']),
  },
  {
    title: 'data, minor',
    check: r => r.checkDataRelease('1.3.0', '1.2.3', ['compat/packages/x.json']),
    wrong: /expected a patch release/,
  },
  {
    title: 'code, minor',
    check: r => r.checkDataRelease('1.3.0', '1.2.3', ['compat/packages/x.json', 'src/index.ts']),
  },
  {
    title: 'data with the page of it, minor',
    check: r => r.checkDataRelease('1.3.0', '1.2.3', ['compat/packages/x.json', 'compat/PACKAGES.md']),
    wrong: /expected a patch release/,
  },
  { title: 'no release before', check: r => r.checkDataRelease('1.3.0', undefined, []) },
  { title: 'nothing to commit', check: r => r.checkTree('') },
  {
    title: 'something to commit',
    check: r => r.checkTree(' M a'),
    wrong: /^expected nothing to commit, found\n M a$/,
  },
  { title: 'an origin', check: r => r.checkOrigin(ORIGIN) },
  {
    title: 'no origin',
    check: r => r.checkOrigin({}),
    wrong: /expected author, repository, bugs, homepage, found none/,
  },
  {
    title: 'an origin in part',
    check: r => r.checkOrigin({ ...ORIGIN, bugs: '' }),
    wrong: /expected bugs, found none/,
  },
  { title: 'passed', check: r => r.checkPassed('abc', 'abc') },
  {
    title: 'passed before the last commit',
    check: r => r.checkPassed('abc', 'abd'),
    wrong: /\(abc\), but for abd/,
  },
  { title: 'never passed', check: r => r.checkPassed('abc', undefined), wrong: /but for none/ },
  { title: 'provenance', check: r => r.checkProvenance(GOOD, CI) },
  { title: 'provenance, not in CI', check: r => r.checkProvenance(GOOD, {}), wrong: /in a CI job/ },
  { title: 'provenance, not asked for', check: r => r.checkProvenance({}, CI), wrong: /publishConfig/ },
] as const satisfies readonly {
  readonly title: string;
  readonly check: (rules: Rules) => Problem;
  readonly wrong?: RegExp;
}[]) {
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
