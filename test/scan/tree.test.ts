// closefds scan, run on trees as installers leave them, and on what is no tree at all.

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../support/programs';
import { inheriting, ROOT, type RunResult, run, runCommand } from '../support/run';

const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');
const PASSES = "require('child_process').spawn('a', { stdio: [0, 1, 2, 'pipe'] });\n";
const CHANNEL = "require('child_process').spawn('a', { stdio: [0, 1, 2, 'ipc'] });\n";

type Files = Readonly<Record<string, string | Buffer>>;

/** A folder with these files; `-> target` is a link. */
function tree(t: ExecutionContext, files: Files): string {
  const folder = path.join(temporaryFolder(t), 'tree');
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    if (typeof content === 'string' && content.startsWith('-> ')) symlinkSync(content.slice(3), file);
    else writeFileSync(file, content);
  }
  return folder;
}

const manifest = (name: string, version = '1.0.0') => JSON.stringify({ name, version });

function closefds(cwd: string, ...args: string[]): Promise<RunResult> {
  return run(CLI, {
    nodeArgs: [],
    args: ['scan', ...args],
    cwd,
    env: { XDG_CACHE_HOME: path.join(cwd, '..', 'cache') },
  });
}

interface Report {
  readonly places: readonly {
    readonly package: string;
    readonly version?: string;
    readonly declaredName?: string;
    readonly file: string;
    readonly fileInPackage: string;
    readonly line: number;
    readonly sure: string;
    readonly kinds: readonly string[];
    readonly covered?: { readonly effect: string; readonly by: string; readonly sure: boolean };
    readonly new?: boolean;
  }[];
  readonly counts: {
    readonly packages: number;
    readonly files: number;
    readonly parsed: number;
    readonly fromCache: number;
  };
  readonly problems: readonly { readonly file: string; readonly why: string }[];
  readonly skippedLinks: readonly string[];
}

async function report(cwd: string, ...args: string[]): Promise<Report> {
  const { stdout, stderr, code } = await closefds(cwd, '--format', 'json', ...args);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

const owners = ({ places }: Report) =>
  places.map(place =>
    [place.declaredName ?? place.package, place.version, place.file].filter(Boolean).join(' '),
  );

// ---------------------------------------------------------------------------------------------
// Installers
// ---------------------------------------------------------------------------------------------

const TREES: readonly (readonly [title: string, files: Files, ...places: string[]])[] = [
  [
    'npm',
    {
      'package.json': manifest('app'),
      'server.js': PASSES,
      'node_modules/a/package.json': manifest('a'),
      'node_modules/a/esm/package.json': '{"type": "module"}',
      'node_modules/a/esm/index.js': PASSES,
      'node_modules/a/node_modules/@s/b/package.json': manifest('@s/b', '2.0.0'),
      'node_modules/a/node_modules/@s/b/bin/run': `#!/usr/bin/env node\n${PASSES}`,
      'node_modules/alias/package.json': manifest('real'),
      'node_modules/alias/i.cjs': PASSES,
      'node_modules/.bin/x': '-> ../a/esm/index.js',
      'node_modules/a/types.d.ts': PASSES,
      '.git/hooks/x.js': PASSES,
    },
    '. server.js',
    '@s/b 2.0.0 node_modules/a/node_modules/@s/b/bin/run',
    'a 1.0.0 node_modules/a/esm/index.js',
    'real 1.0.0 node_modules/alias/i.cjs',
  ],
  [
    'closefds itself is not listed, but what only says it is',
    {
      'package.json': manifest('app'),
      'node_modules/closefds/package.json': manifest('closefds'),
      'node_modules/closefds/index.js': PASSES,
      'node_modules/a/package.json': manifest('closefds'),
      'node_modules/a/index.js': PASSES,
    },
    'closefds 1.0.0 node_modules/a/index.js',
  ],
  [
    "pnpm's store",
    {
      'package.json': manifest('app'),
      'node_modules/a': '-> .pnpm/a@1.0.0/node_modules/a',
      'node_modules/.pnpm/a@1.0.0/node_modules/a/package.json': manifest('a'),
      'node_modules/.pnpm/a@1.0.0/node_modules/a/index.js': PASSES,
      'node_modules/.pnpm/a@1.0.0/node_modules/b': '-> ../../b@2.0.0/node_modules/b',
      'node_modules/.pnpm/b@2.0.0/node_modules/b/package.json': manifest('b', '2.0.0'),
      'node_modules/.pnpm/b@2.0.0/node_modules/b/index.js': PASSES,
      'node_modules/.pnpm/b@2.0.0/node_modules/a': '-> ../../a@1.0.0/node_modules/a',
    },
    'a 1.0.0 node_modules/.pnpm/a@1.0.0/node_modules/a/index.js',
    'b 2.0.0 node_modules/.pnpm/b@2.0.0/node_modules/b/index.js',
  ],
  [
    'workspaces',
    {
      'package.json': manifest('app'),
      'node_modules/@me/one': '-> ../../packages/one',
      'packages/one/package.json': manifest('@me/one'),
      'packages/one/index.ts':
        "import { fork } from 'child_process';\nfork('a', { stdio: [0, 1, 2, 'ipc'] } as const);",
    },
    '. packages/one/index.ts',
  ],
  [
    "Yarn's zips",
    {
      'package.json': manifest('app'),
      '.pnp.cjs': `"packageLocation": "./.yarn/__virtual__/a-virtual-1/0/cache/a-npm-1.0.0.zip/node_modules/a/",\n"packageLocation": "../shared/cache/b.zip/node_modules/b/"`,
      '.yarn/cache/a-npm-1.0.0.zip': zip({
        'node_modules/a/package.json': manifest('a'),
        'node_modules/a/index.js': PASSES,
        'node_modules/a/readme.md': 'stdio',
      }),
      '../shared/cache/b.zip': zip({
        'node_modules/b/lib/x.js': CHANNEL,
        'node_modules/b/package.json': manifest('b', '2.0.0'),
      }),
      'data.zip': zip({ 'x.js': PASSES }),
    },
    'a 1.0.0 .yarn/cache/a-npm-1.0.0.zip/node_modules/a/index.js',
    'b 2.0.0 <shared>/cache/b.zip/node_modules/b/lib/x.js',
  ],
  [
    'links in circles, and out of the tree',
    {
      'package.json': manifest('app'),
      'a/loop': '-> ..',
      'a/self': '-> self',
      'a/b': '-> ../a',
      'a/gone': '-> nowhere',
      out: '-> ../elsewhere',
      'node_modules/linked': '-> ../../elsewhere/linked',
      '../elsewhere/x.js': PASSES,
      '../elsewhere/linked/package.json': manifest('linked'),
      '../elsewhere/linked/x.js': PASSES,
    },
    '. <elsewhere>/linked/x.js',
  ],
];

for (const [title, files, ...places] of TREES)
  test(title, async t => {
    const folder = tree(t, files);
    const found = await report(folder);
    const outside = path.dirname(folder);
    t.deepEqual(
      owners(found)
        .map(place => place.replace(new RegExp(`${outside}/(\\w+)`), '<$1>'))
        .sort(),
      [...places].sort(),
    );
    if (files.out !== undefined) t.deepEqual(found.skippedLinks, ['out']);
  });

/** One entry stored, the others deflated, as Yarn does. */
function zip(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [index, [name, text]] of Object.entries(files).entries()) {
    const packed = index === 0 ? Buffer.from(text) : deflateRawSync(text);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(index === 0 ? 0 : 8, 4);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(Buffer.byteLength(text), 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\0\0'), fields, rest, Buffer.from(name));
    parts.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(Object.keys(files).length, 4);
  end.writeUInt16LE(Object.keys(files).length, 6);
  end.writeUInt32LE(list.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, list, Buffer.from('PK\x05\x06'), end]);
}

test('tarballs', async t => {
  const long = `${'d'.repeat(90)}/${'e'.repeat(90)}/x.js`;
  const folder = tree(t, {
    'package/package.json': manifest('a', '1.2.3'),
    'package/index.js': CHANNEL,
    [`package/${long}`]: PASSES,
  });
  for (const format of ['gnu', 'pax', 'ustar'])
    execFileSync('tar', ['-czf', `${format}.tgz`, `--format=${format}`, 'package'], { cwd: folder });
  for (const format of ['gnu', 'pax', 'ustar']) {
    const found = await report(folder, `${format}.tgz`);
    t.deepEqual(owners(found), [`a 1.2.3 ${format}.tgz/${long}`, `a 1.2.3 ${format}.tgz/index.js`], format);
  }
  t.is((await report(folder, 'gnu.tgz', 'pax.tgz')).places.length, 4);
});

test('a tarball and an installed folder give the same answer, whatever the order of the entries', async t => {
  const content: Files = {
    'package.json': manifest('a', '1.2.3'),
    'esm/package.json': manifest('nested', '9.9.9'),
    'index.js': CHANNEL,
    'esm/index.js': PASSES,
    '.git/hooks/x.js': PASSES,
  };
  const under = (top: string) =>
    Object.fromEntries(Object.entries(content).map(([name, text]) => [`${top}/${name}`, text]));
  const folder = tree(t, { ...under('package'), ...under('node_modules/a') });
  const others = ['package/esm/index.js', 'package/.git/hooks/x.js'];
  const manifests = ['package/esm/package.json', 'package/package.json', 'package/index.js'];
  // The tarballs are in a package's folder, which is not the package in them.
  mkdirSync(path.join(folder, 'node_modules', 'tarballs'));
  const tarballs = orders(manifests).map((order, index) => {
    const tarball = path.join('node_modules', 'tarballs', `${index}.tgz`);
    execFileSync('tar', ['-czf', tarball, ...order, ...others, 'package/esm/index.js'], { cwd: folder });
    return tarball;
  });
  const answer = ['a 1.2.3 esm/index.js:1', 'a 1.2.3 index.js:1'];
  const installed = await report(folder, 'node_modules/a');
  t.deepEqual(installed.places.map(inPackage).sort(), answer);
  const { places, counts } = await report(folder, ...tarballs);
  t.is(counts.packages, tarballs.length);
  for (const [index] of tarballs.entries())
    t.deepEqual(
      places
        .filter(({ file }) => file.includes(`${index}.tgz/`))
        .map(inPackage)
        .sort(),
      answer,
      `order ${index}`,
    );
});

function inPackage(place: Report['places'][number]): string {
  return `${place.package} ${place.version} ${place.fileInPackage}:${place.line}`;
}

function orders<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first, index) =>
    orders(items.filter((_, other) => other !== index)).map(rest => [first, ...rest]),
  );
}

test('a function in another file is read for what it does to an array, in folders and tarballs, cached or not', async t => {
  const folder = tree(t, {
    'package/package.json': manifest('a'),
    'package/index.js':
      "const put = require('./lib/put');\nconst stdio = [0, 1, 2]; put(stdio, 3, 'pipe');\nrequire('child_process').spawn('a', { stdio });\n",
    'package/lib/put.js': 'module.exports = (list, i, v) => { list[i] = v };\n',
  });
  execFileSync('tar', ['-czf', 'a.tgz', 'package'], { cwd: folder });
  const sure = async (root: string) => (await report(folder, root)).places.map(place => place.sure);
  t.deepEqual(await sure('a.tgz'), ['certain']);
  t.deepEqual(await sure('package'), ['certain']);
  writeFileSync(path.join(folder, 'package/lib/put.js'), 'module.exports = list => { kept = list };\n');
  t.deepEqual(await sure('package'), ['possible']);
});

test('invalid and truncated tarballs are reported', async t => {
  const folder = tree(t, { 'package/index.js': CHANNEL, 'package/other.js': PASSES });
  execFileSync('tar', ['-cf', 'whole.tar', 'package/other.js', 'package/index.js'], { cwd: folder });
  const whole = readFileSync(path.join(folder, 'whole.tar'));
  writeFileSync(path.join(folder, 'cut.tar'), whole.subarray(0, 3 * 512 + 10));
  writeFileSync(path.join(folder, 'packed.tgz'), gzipSync(whole).subarray(0, 100));
  writeFileSync(path.join(folder, 'text.tgz'), 'not found\n');
  writeFileSync(path.join(folder, 'empty.tgz'), '');
  const names = ['cut.tar', 'packed.tgz', 'text.tgz', 'empty.tgz'];
  const { stdout, stderr, code } = await closefds(folder, '--format', 'json', ...names);
  const { places, problems }: Report = JSON.parse(stdout);
  t.deepEqual(
    places.map(({ file }) => file),
    ['cut.tar/other.js'],
  );
  t.deepEqual(
    problems.map(({ file, why }) => `${file}: ${why}`),
    [
      'cut.tar: ends in the middle of index.js',
      'empty.tgz: not a tar archive',
      'packed.tgz: unexpected end of file',
      'text.tgz: not a tar archive',
    ],
  );
  const told = (name: string, why: string) =>
    `closefds: expected to read ${name}, found that it cannot be: ${why}.\n`;
  t.deepEqual(
    [code, stderr],
    [
      1,
      told('cut.tar', 'ends in the middle of index.js') +
        told('packed.tgz', 'unexpected end of file') +
        told('text.tgz', 'not a tar archive') +
        told('empty.tgz', 'not a tar archive'),
    ],
  );
});

test('what cannot be read is no good news for CI', async t => {
  const folder = tree(t, { 'text.tgz': 'not found\n', 'app/a.js': '', 'app/b.js': 'stdio (' });
  t.is((await closefds(folder, '--fail-on', 'certain', 'text.tgz')).code, 1);
  t.is((await closefds(folder, '--baseline', 'b.json', '--write-baseline', 'app', 'text.tgz')).code, 1);
  // A file in it that cannot be parsed is named, as ever.
  t.is((await closefds(folder, '--fail-on', 'certain', 'app')).code, 0);
});

// ---------------------------------------------------------------------------------------------
// Files that are hard
// ---------------------------------------------------------------------------------------------

test('what cannot be searched is named, and nothing else is lost', async t => {
  const folder = tree(t, {
    'good.js': PASSES,
    'unparsable.js': 'stdio ( this is nothing',
    'binary.js': Buffer.from('stdio\0\x01\x02'),
    'nested.js': `stdio(${'['.repeat(200_000)}`,
    'huge.js': 'stdio',
    'latin.js': Buffer.concat([Buffer.from('// caf\xe9\n', 'latin1'), Buffer.from(PASSES)]),
    'bom.js': `\uFEFF${PASSES}`,
    'crlf.js': PASSES.replaceAll(';', ';\r\n'),
    'words.txt': PASSES,
    'a.node': 'no addon',
    'cache/broken.zip': 'PK and no more',
    'socket.js/x.js': PASSES,
  });
  truncateSync(path.join(folder, 'huge.js'), 33 * 1024 * 1024);
  const { places, problems } = await report(folder);
  t.deepEqual(
    places.map(({ file }) => file),
    ['bom.js', 'crlf.js', 'good.js', 'latin.js', 'socket.js/x.js'],
  );
  t.deepEqual(
    problems.map(({ file, why }) => `${file}: ${why.split(':')[0]}`),
    [
      'binary.js: binary, not source text',
      'cache/broken.zip: not a zip archive',
      'huge.js: larger than 32 MiB (33 MiB)',
      'nested.js: nested too deeply',
      'unparsable.js: not parsable',
    ],
  );
});

test('files that may not be read are named', async t => {
  if (process.getuid?.() === 0) {
    // Root reads everything, so another user runs the scan.
    const folder = tree(t, { 'good.js': PASSES, 'secret.js': PASSES, 'closed/x.js': PASSES });
    execFileSync('chmod', ['-R', 'a+rX', path.dirname(folder)]);
    execFileSync('chmod', ['700', 'secret.js', 'closed'], { cwd: folder });
    const result = await runCommand(
      [
        ...['setpriv', '--reuid=65534', '--clear-groups'],
        process.execPath,
        CLI,
        'scan',
        '--format',
        'json',
        '--no-cache',
      ],
      { cwd: folder },
    );
    if (!result.stdout.startsWith('{')) {
      t.log(`not tested: ${process.execPath} or ${ROOT} cannot be read by another user: ${result.stderr}`);
      t.pass();
      return;
    }
    const { places, problems } = JSON.parse(result.stdout) as Report;
    t.deepEqual(
      places.map(({ file }) => file),
      ['good.js'],
    );
    t.deepEqual(
      problems.map(({ file, why }) => `${file}: ${why}`),
      ['closed: may not be read', 'secret.js: may not be read'],
    );
  } else {
    const folder = tree(t, { 'good.js': PASSES, 'secret.js': PASSES });
    execFileSync('chmod', ['000', 'secret.js'], { cwd: folder });
    const { places, problems } = await report(folder);
    t.deepEqual(
      places.map(({ file }) => file),
      ['good.js'],
    );
    t.deepEqual(
      problems.map(({ file, why }) => `${file}: ${why}`),
      ['secret.js: may not be read'],
    );
  }
});

test('the symbols of an addon, and what the compat table knows', async t => {
  const folder = tree(t, {
    'package.json': manifest('app'),
    'node_modules/x/package.json': manifest('x'),
    'node_modules/lmdb/package.json': manifest('lmdb', '3.5.6'),
    'node_modules/node-pty/package.json': manifest('node-pty', '1.1.0'),
  });
  const leak = readFileSync(path.join(ROOT, 'build', 'leak.node'));
  writeFileSync(path.join(folder, 'node_modules/x/a.node'), leak);
  const { places } = await report(folder);
  t.deepEqual(
    places.map(place => `${place.package} ${path.basename(place.file)} ${place.sure} ${place.kinds}`),
    [
      'lmdb package.json certain stray',
      'node-pty package.json certain stray',
      'node-pty package.json certain stray',
      'x a.node possible stray',
      'x a.node possible stray',
    ],
  );
});

// ---------------------------------------------------------------------------------------------
// Cache
// ---------------------------------------------------------------------------------------------

test('the cache gives the same answer, and a broken one is as good as none', async t => {
  const folder = tree(t, {
    'package.json': manifest('app'),
    'a.js': PASSES,
    'b.js': `${PASSES}// b`,
    'node_modules/x/x.js': '',
  });
  const file = path.join(folder, 'node_modules/.cache/closefds/scan.json');
  const first = await report(folder);
  t.deepEqual([first.counts.parsed, first.counts.fromCache], [2, 0]);
  const second = await report(folder);
  t.deepEqual(second.places, first.places);
  t.is(second.counts.fromCache, 2);
  t.is((await report(folder, '--no-cache')).counts.fromCache, 0);

  writeFileSync(path.join(folder, 'b.js'), CHANNEL);
  const third = await report(folder);
  t.deepEqual(
    third.places.map(({ kinds }) => kinds),
    [['pipe'], ['ipc']],
  );
  t.is(third.counts.fromCache, 1);

  const good = readFileSync(file, 'utf8');
  for (const broken of [
    '',
    '{',
    '[]',
    'null',
    good.replace(/"line":\d+/, '"line":"x"'),
    good.replace(/"edition":"../, '"edition":"'),
  ]) {
    writeFileSync(file, broken);
    const found = await report(folder);
    t.deepEqual(found.places, third.places, broken.slice(0, 20));
    t.is(found.counts.fromCache, 0);
  }
});

test('without node_modules the cache lies with the user', async t => {
  const folder = tree(t, { 'a.js': PASSES });
  await report(folder);
  t.false(existsSync(path.join(folder, 'node_modules')));
  t.is((await report(folder)).counts.fromCache, 1);
  rmSync(path.join(folder, '..', 'cache'), { recursive: true });
  writeFileSync(path.join(folder, '..', 'cache'), 'a file in its place');
  t.is((await report(folder)).counts.fromCache, 0);
});

// ---------------------------------------------------------------------------------------------
// Policy, baseline, exit codes
// ---------------------------------------------------------------------------------------------

const COVERED: Files = {
  'package.json': manifest('app'),
  'closefds.json': JSON.stringify({
    rules: [
      { caller: '.', callSite: 'a.js', fds: [3], effect: 'allow', reason: 'it is ours' },
      { caller: 'x', command: 'gpg', effect: 'warn' },
      { caller: 'y', effect: 'deny' },
    ],
  }),
  'a.js': PASSES,
  'b.js': PASSES,
  'c.js': CHANNEL,
  'node_modules/x/package.json': manifest('x'),
  'node_modules/x/x.js': PASSES,
  'node_modules/y/package.json': manifest('y'),
  'node_modules/y/y.js': PASSES,
  'node_modules/chrome-launcher/package.json': manifest('chrome-launcher', '1.2.1'),
  'node_modules/chrome-launcher/z.js': PASSES,
};

test('which rule speaks of a place', async t => {
  const { places } = await report(tree(t, COVERED));
  t.deepEqual(
    places.map(({ file, covered }) => [
      path.basename(file),
      covered &&
        `${covered.sure ? '' : 'perhaps '}${covered.effect} ${covered.by.replace(/^.*\//, '').replace(/^.*(?=closefds.json)/, '')}`,
    ]),
    [
      ['a.js', 'allow 0'],
      ['b.js', undefined],
      ['c.js', 'allow default'],
      ['z.js', 'allow chrome-launcher.json'],
      ['x.js', 'perhaps warn 1'],
      ['y.js', 'deny 2'],
    ],
  );
});

test('a baseline, and what fails', async t => {
  const folder = tree(t, COVERED);
  const codes = async (...args: string[]) => (await closefds(folder, ...args)).code;
  t.is(await codes(), 0);
  t.is(await codes('--fail-on', 'certain'), 1);
  t.is(await codes('--baseline', 'b.json', '--write-baseline', '--fail-on', 'certain'), 0);
  t.is(await codes('--baseline', 'b.json', '--fail-on', 'certain'), 0);

  // Another version and other lines are nothing new; one more such place is.
  writeFileSync(path.join(folder, 'b.js'), `\n\n${PASSES}`);
  writeFileSync(path.join(folder, 'node_modules/x/package.json'), manifest('x', '2.0.0'));
  t.is(await codes('--baseline', 'b.json', '--fail-on', 'possible'), 0);
  writeFileSync(path.join(folder, 'b.js'), PASSES + PASSES);
  t.is(await codes('--baseline', 'b.json', '--fail-on', 'certain'), 1);
  t.is(await codes('--baseline', 'b.json'), 0);
  t.deepEqual((await report(folder, '--baseline', 'b.json')).places.filter(place => place.new).length, 1);

  writeFileSync(path.join(folder, 'b.js'), "/* stdio */ list.push('ipc', 'pipe');");
  t.is(await codes('--baseline', 'b.json', '--fail-on', 'likely'), 0);
});

test('--fail-on names calls of unsafe() and launchers, which no rule covers', async t => {
  const folder = tree(t, {
    'package.json': manifest('app'),
    'a.js': "const { unsafe } = require('closefds');\nunsafe({}, 'the agent\\u001b[2J reads 3');\n",
    'b.js': "exports.run = (cmd, options) => require('child_process').spawn(cmd, options);\n",
    'closefds.json': JSON.stringify({ rules: [{ caller: '.', effect: 'allow', reason: 'ours' }] }),
  });
  const codes = async (...args: string[]) => (await closefds(folder, ...args)).code;
  t.is(await codes('--fail-on', 'unsafe'), 1);
  t.is(await codes('--fail-on', 'launcher'), 1);
  t.is(await codes('--baseline', 'b.json', '--write-baseline'), 0);
  t.is(await codes('--baseline', 'b.json', '--fail-on', 'certain,unsafe,launcher'), 0);
  writeFileSync(path.join(folder, 'b.js'), readFileSync(path.join(folder, 'a.js')));
  t.is(await codes('--baseline', 'b.json', '--fail-on', 'launcher'), 0);
  t.is(await codes('--baseline', 'b.json', '--fail-on', 'unsafe'), 1);
});

test('the table lists calls of unsafe() with their reason, and launchers, whatever --show names', async t => {
  const folder = tree(t, {
    'package.json': manifest('app'),
    'a.js': "const { unsafe } = require('closefds');\nunsafe({}, 'the agent\\u001b[2J reads 3');\n",
    'node_modules/x/package.json': manifest('x'),
    'node_modules/x/b.js': "exports.run = (cmd, options) => require('child_process').spawn(cmd, options);\n",
  });
  const { stdout } = await closefds(folder, '--show', 'certain');
  t.deepEqual(stdout.split('\n').slice(0, 8), [
    'the app',
    '  a.js:2  certain  every FD  no rule  unsafe: unsafe() passes every designated FD and every stray; no rule applies; the code\'s reason: "the agent\\x1b[2J reads 3"',
    '',
    'Launchers, which start processes with the options of their callers:',
    '  x 1.0.0  node_modules/x/b.js:1  spawn',
    '',
    '1 place in 1 package: 1 certain, 0 likely, 0 possible; a rule covers 0.',
    '1 launcher.',
  ]);
});

const WRONG: readonly { readonly args: readonly string[]; readonly message: RegExp }[] = [
  {
    args: ['nowhere'],
    message: /expected a folder or a package's tarball \(\.tgz\), found nothing at "nowhere"/,
  },
  { args: ['a.js'], message: /found "a\.js"/ },
  { args: ['--format', 'xml'], message: /expected text, json or sarif after --format, found "xml"/ },
  {
    args: ['--fail-on', 'sure'],
    message:
      /expected some of certain, likely, possible, unsafe, launcher, new after --fail-on, found "sure"/,
  },
  { args: ['--show', ''], message: /after --show, found ""/ },
  { args: ['--write-baseline'], message: /expected --baseline FILE with --write-baseline/ },
  {
    args: ['--baseline', 'none.json'],
    message: /the baseline none\.json cannot be used: .*; --write-baseline writes one/,
  },
  { args: ['--baseline', 'package.json'], message: /expected "closefdsBaseline": 1, found undefined/ },
  { args: ['--unknown'], message: /found "--unknown"/ },
];

for (const { args, message } of WRONG)
  test(`closefds scan ${args.join(' ')}`, async t => {
    const result = await closefds(tree(t, { 'package.json': manifest('app'), 'a.js': PASSES }), ...args);
    t.deepEqual([result.code, result.stdout], [2, '']);
    t.regex(result.stderr, message);
    t.regex(result.stderr, /See "closefds scan --help"\.\n$/);
  });

test('a wrong config is named', async t => {
  const result = await closefds(tree(t, { 'package.json': manifest('app'), 'closefds.json': '{"mod": 1}' }));
  t.is(result.code, 2);
  t.regex(result.stderr, /closefds\.json: expected one of the keys/);
});

test('an empty folder, and one without dependencies', async t => {
  const empty = await closefds(tree(t, {}));
  t.deepEqual([empty.code, empty.stderr], [0, 'closefds: there is no JavaScript or TypeScript in ..\n']);
  t.regex(empty.stdout, /^0 places in 0 packages/);
  const bare = await closefds(tree(t, { 'package.json': manifest('app'), 'a.js': '' }));
  t.regex(bare.stderr, /has no installed dependencies; only its own code was searched/);
});

test('a reader that has seen enough', async t => {
  const many = Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [`dir/${index}.js`, PASSES.repeat(4)]),
  );
  const folder = tree(t, many);
  const result = await runCommand(
    ['bash', '-c', '"$0" "$1" scan --format json | head -1; echo $PIPESTATUS', process.execPath, CLI],
    { cwd: folder },
  );
  t.deepEqual([result.stdout, result.stderr], ['{\n0\n', '']);
});

test('the table shows the app first, hides what is least sure, and has no stray of its own to tell', async t => {
  const folder = tree(t, { ...COVERED, 'possible.js': "process.binding('process_wrap')" });
  const { stdout } = await runCommand([...inheriting(20, '/dev/null'), process.execPath, CLI, 'scan'], {
    cwd: folder,
  });
  const lines = stdout.split('\n').map(line => line.replaceAll(`${folder}/`, '').replace(/ +/g, ' '));
  t.deepEqual(lines.slice(0, 4), [
    'the app',
    ' a.js:1 certain pipe 3 allowed by closefds.json#/rules/0 spawn: the call and the array are in this file',
    ' b.js:1 certain pipe 3 no rule spawn: the call and the array are in this file',
    ' c.js:1 certain ipc 3 allowed by default spawn: the call and the array are in this file',
  ]);
  t.deepEqual(lines.slice(-4), [
    '7 places in 4 packages: 6 certain, 0 likely, 1 possible; a rule covers 5.',
    '1 place of lower confidence is not shown; --show possible shows all.',
    'Searched 4 packages, 7 files; parsed 7, 0 of them from the cache; 0 not searched.',
    '',
  ]);
});
