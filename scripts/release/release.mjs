// npm run release: everything that has to be so before a version is published.
//
//   npm run release [-- --publish]
//
// Checks, builds the tarball and its SBOM, and prints the command that publishes it; `--publish`
// runs it. docs/dev/releases.md has the rules behind the checks.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import semver from 'semver';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const VERSION_HEADING = /^## (?<version>\S+)(?: \((?<date>\d{4}-\d\d-\d\d)\))?$/m;

// ---------------------------------------------------------------------------------------------
// The rules, each undefined or what is wrong
// ---------------------------------------------------------------------------------------------

export function checkChangelog(text, version) {
  const [heading] = VERSION_HEADING.exec(text) ?? ['no heading'];
  const { version: found, date } = VERSION_HEADING.exec(text)?.groups ?? {};
  if (found === version && date !== undefined) return undefined;
  return `CHANGELOG.md: expected "## ${version} (YYYY-MM-DD)" as the first version, found "${heading}"`;
}

export function checkVersion(version, lockVersion, published) {
  if (version !== lockVersion)
    return `package-lock.json has version ${lockVersion}, expected ${version}: run npm install`;
  const newest = published.filter(each => semver.valid(each)).sort(semver.rcompare)[0];
  if (newest === undefined || semver.gt(version, newest)) return undefined;
  return `package.json: expected a version above ${newest}, which is tagged, found ${version}`;
}

/** A release of data is a patch, and says nothing about code. */
export function checkDataRelease(version, newest, changedFiles) {
  if (newest === undefined) return undefined;
  const isData = file => file.startsWith('compat/') || RELEASE_FILES.includes(file);
  if (!changedFiles.every(isData) || semver.diff(newest, version) === 'patch') return undefined;
  return `only data changed since ${newest}: expected a patch release, found ${version}`;
}

/** What a release of data changes besides; the page is made from the table. */
const RELEASE_FILES = ['CHANGELOG.md', 'package.json', 'package-lock.json', 'compat/PACKAGES.md'];

export function checkTree(status) {
  return status === '' ? undefined : `expected nothing to commit, found\n${status}`;
}

/** What only a maintainer can know; nothing here makes it up. */
export function checkOrigin(manifest) {
  const missing = ['author', 'repository', 'bugs', 'homepage'].filter(key => !manifest[key]);
  if (missing.length === 0) return undefined;
  return `package.json: expected ${missing.join(', ')}, found none; docs/dev/releases.md says what they are for`;
}

export function checkPassed(commit, passed) {
  if (passed === commit) return undefined;
  return `.ci/run has not passed for this commit (${commit}), but for ${passed ?? 'none'}: run it on a clean tree`;
}

/** What npm needs to prove where a package was built. */
export function checkProvenance({ publishConfig }, env) {
  if (publishConfig?.provenance !== true) return 'package.json: expected publishConfig.provenance to be true';
  if (env.ACTIONS_ID_TOKEN_REQUEST_URL || env.SIGSTORE_ID_TOKEN) return undefined;
  return 'expected to run in a CI job that npm can ask for an identity (GitHub: permission id-token: write)';
}

// ---------------------------------------------------------------------------------------------
// The release
// ---------------------------------------------------------------------------------------------

async function main() {
  const publish = wantsToPublish();
  const manifest = readJson('package.json');
  const { version } = manifest;
  const tags = git('tag', '--list', 'v*')
    .split('\n')
    .map(tag => tag.slice(1));
  const newest = tags.filter(tag => semver.valid(tag)).sort(semver.rcompare)[0];
  const changed = newest === undefined ? [] : git('diff', '--name-only', `v${newest}`).split('\n');
  const provenance = checkProvenance(manifest, process.env);

  expect('the tree is clean', checkTree(git('status', '--short')));
  expect('package.json says whose it is', checkOrigin(manifest));
  expect('the changelog has the version', checkChangelog(read('CHANGELOG.md'), version));
  expect('the version is new', checkVersion(version, readJson('package-lock.json').version, tags));
  expect('the step fits what changed', checkDataRelease(version, newest, changed));
  expect('.ci/run passed', checkPassed(git('rev-parse', 'HEAD'), passedCommit()));
  if (publish) expect('provenance can be proven', provenance);
  if (failures > 0) return end();

  const tarball = pack(manifest);
  await compareAddons(tarball);
  console.log(`\n${path.relative('.', tarball)} and sbom.cdx.json are what goes out.`);
  const command = ['npm', 'publish', tarball, ...(version.includes('-') ? ['--tag', 'next'] : [])];
  const tag = ['git', 'tag', '--annotate', '--message', `closefds ${version}`, `v${version}`];
  if (publish && failures === 0) for (const [file, ...args] of [command, tag]) show(file, args);
  else console.log(`To publish:\n  ${quoted(command)}\n  ${quoted(tag)}`);
  if (!publish && provenance !== undefined) console.log(`That will fail here: ${provenance}`);
  end();
}

function wantsToPublish() {
  try {
    return parseArgs({ options: { publish: { type: 'boolean', default: false } } }).values.publish;
  } catch (error) {
    console.error(`release: expected --publish or nothing. ${error.message}`);
    process.exit(2);
  }
}

function quoted(command) {
  return command.map(word => (/^[\w./-]+$/.test(word) ? word : `'${word}'`)).join(' ');
}

let failures = 0;

function expect(what, problem) {
  console.log(`${problem === undefined ? 'ok    ' : 'FAILED'} ${what}`);
  if (problem === undefined) return;
  failures++;
  console.log(problem.replace(/^/gm, '       '));
}

function end() {
  console.log(failures === 0 ? 'ready' : `${failures} failed; nothing was published`);
  process.exitCode = failures === 0 ? 0 : 1;
}

/** Builds all there is to build, by npm's own hooks. */
function pack({ name, version }) {
  show('npm', ['pack', '--silent']);
  return path.join(root, `${name}-${version}.tgz`);
}

/** The addons that were packed are those that the compilers named in scripts/release/prebuilds.mjs make. */
async function compareAddons(tarball) {
  const { buildPrebuilds, TARGETS } = await import('./prebuilds.mjs');
  const { addonFile, probeFile, stracePreloadFile } = await import('../../native/build.mjs');
  const folder = mkdtempSync(path.join(tmpdir(), 'closefds-release-'));
  try {
    execFileSync('tar', ['-xzf', tarball, '-C', folder]);
    const fresh = path.join(folder, 'fresh');
    buildPrebuilds(fresh);
    for (const target of TARGETS) {
      const different = [addonFile, stracePreloadFile, probeFile]
        .map(fileOf => [fileOf(target, path.join(folder, 'package', 'prebuilds')), fileOf(target, fresh)])
        .filter(([packed, built]) => !existsSync(packed) || !readFileSync(packed).equals(readFileSync(built)))
        .map(([packed]) => `${path.basename(packed)} is missing or another build`);
      expect(`the addon for ${target.arch}, ${target.libc}`, different.join('\n') || undefined);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** .ci/run writes it at its end. */
function passedCommit() {
  try {
    return read('.cache/passed').trim();
  } catch {
    return undefined;
  }
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}

function show(file, args) {
  execFileSync(file, args, { cwd: root, stdio: 'inherit' });
}

function readJson(relative) {
  return JSON.parse(read(relative));
}

function read(relative) {
  return readFileSync(path.join(root, relative), 'utf8');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
