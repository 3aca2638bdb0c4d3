// What is in the tarball, and whether tools that read packages agree with it.

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { command } from '../support/installs';
import { temporaryFolder, write } from '../support/programs';
import { ROOT } from '../support/run';
import { pack } from '../support/tarball';

const test = anyTest as TestFn<{ readonly tarball: string; readonly files: readonly string[] }>;
/**
 * Compressed: 185 kB are the preload's bundles with their maps, 145 kB the parsers that `closefds scan` bundles, 125 kB
 * the addons, 165 kB the pages, the compat table and the native sources.
 */
const MOST_BYTES = 910_000;

/** Decisions, architecture and the like, which it links in turn, are in the repository. */
const HOW_IT_WORKS = 'docs/dev/how-it-works.md';

test.before(async t => {
  const tarball = await pack();
  const listed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
  Object.assign(t.context, { tarball, files: listed.map(file => file.replace(/^package\//, '')) });
});

test('has the addon, and what an audit and the doctor need, for each system', t => {
  const systems = ['arm64', 'x64'].flatMap(arch => ['glibc', 'musl'].map(libc => ({ arch, libc })));
  t.deepEqual(
    t.context.files.filter(file => file.startsWith('prebuilds/')).sort(),
    systems
      .flatMap(({ arch, libc }) => [
        `prebuilds/linux-${arch}/closefds.${libc}.node`,
        `prebuilds/linux-${arch}/strace-preload.${libc}.so`,
        `prebuilds/linux-${arch}/deep-probe.${libc}.node`,
      ])
      .sort(),
  );
});

test('has a source map for each bundle of the preloads, and for nothing else', t => {
  const maps = t.context.files.filter(file => file.endsWith('.map'));
  t.true(maps.includes('dist/register/index.js.map'));
  for (const map of maps) {
    const bundle = readFileSync(path.join(ROOT, map.replace(/\.map$/, '')), 'utf8');
    t.is(/^\/\/# sourceMappingURL=(\S+)$/m.exec(bundle)?.[1], path.basename(map));
    t.is(path.dirname(map), 'dist/register');
  }
});

test('has nothing else than is meant for users', t => {
  const KNOWN =
    /^(?:dist\/(?:src|register|compat|man)|native|prebuilds|compat|docs)\/|^(?:[\w.]+\.json|README\.md|CHANGELOG\.md|SECURITY\.md|LICENSE)$/;
  t.deepEqual(
    t.context.files.filter(file => !KNOWN.test(file)),
    [],
  );
});

test('leaves pages about the project itself to the repository, but for the one that users are sent to', t => {
  t.deepEqual(
    t.context.files.filter(file => file.startsWith('docs/dev/')),
    [HOW_IT_WORKS],
  );
});

test('has each file that its pages for users link', t => {
  const pages = t.context.files.filter(file => file.endsWith('.md') && file !== HOW_IT_WORKS);
  const links = pages.flatMap(page =>
    [...readFileSync(path.join(ROOT, page), 'utf8').matchAll(/\]\((?![a-z]+:|#)([^()\s#]+)/g)].map(
      ([, link = '']) => path.posix.join(path.posix.dirname(page), link),
    ),
  );
  t.true(links.length > 20);
  t.deepEqual(
    links.filter(link => !t.context.files.some(file => file === link || file.startsWith(`${link}/`))),
    [],
  );
});

test('says what it installs, and what is bundled into it', t => {
  const { components } = JSON.parse(readFileSync(path.join(ROOT, 'sbom.cdx.json'), 'utf8')) as {
    components: readonly { name: string; properties: readonly object[] }[];
  };
  t.true(t.context.files.includes('sbom.cdx.json'));
  const names = components.map(({ name, properties }) => (properties.length > 0 ? `${name}, bundled` : name));
  t.deepEqual(names, [
    '@babel/parser, bundled',
    'acorn, bundled',
    'debug',
    'jsonc-parser, bundled',
    'module-details-from-path',
    'ms',
    'require-in-the-middle',
    'semver',
  ]);
});

test('is small', t => {
  const { size } = statSync(t.context.tarball);
  t.true(size < MOST_BYTES, `${size} bytes, expected fewer than ${MOST_BYTES}`);
});

test('is the same each time', async t => {
  const again = await pack();
  t.true(readFileSync(again).equals(readFileSync(t.context.tarball)));
});

test('does not tell where it was built, so that it is the same from each folder', t => {
  const content = execFileSync('tar', ['-xzOf', t.context.tarball], { maxBuffer: 1 << 26 });
  t.false(content.includes(ROOT));
});

test('publint has nothing to say', async t => {
  const stdout = await command(ROOT, process.execPath, [
    tool('publint', 'src/cli.js'),
    '--strict',
    t.context.tarball,
  ]);
  t.regex(stdout, /All good!/);
});

// `moduleResolution: node10` too, which knows `typesVersions` in place of `exports`: it is what TypeScript
// before 6 takes for `module: commonjs`.
test('are the types wrong? They are not', async t => {
  const program = tool('@arethetypeswrong/cli', 'dist/index.js');
  await t.notThrowsAsync(command(ROOT, process.execPath, [program, '--format', 'ascii', t.context.tarball]));
});

function tool(name: string, file: string): string {
  return path.join(ROOT, 'node_modules', name, file);
}

const CONSUMERS = {
  'commonjs.cts': `
    import { spawn } from 'node:child_process';
    import closefds = require('closefds');
    import 'closefds/register';
    spawn('x', [], closefds.withFds({ cwd: '/' }, { 3: 'pipe' })).stdio[3];
    const error: closefds.ErrorCode = 'ERR_CLOSEFDS_DENIED';
    export { error };`,
  'module.mts': `
    import { spawn } from 'node:child_process';
    import { ClosefdsError, unsafe, withFds } from 'closefds';
    import { loadCompat } from 'closefds/compat';
    import 'closefds/register/strict';
    spawn('x', [], unsafe(withFds({}, { 3: 1 }), 'reason')).pid;
    export const all = [ClosefdsError, loadCompat];
    // @ts-expect-error a reason is required
    unsafe({});`,
};

test('types work for CommonJS and for modules', async t => {
  const folder = temporaryFolder(t);
  write(folder, { 'package.json': '{ "name": "app", "version": "1.0.0" }', ...CONSUMERS });
  await command(folder, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', t.context.tarball]);
  const types = ['--types', 'node', '--typeRoots', path.join(ROOT, 'node_modules', '@types')];
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', ...types];
  const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  await t.notThrowsAsync(command(folder, process.execPath, [tsc, ...options, ...Object.keys(CONSUMERS)]));
});
