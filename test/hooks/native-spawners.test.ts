// Packages that make processes natively, on a stand-in for node-pty: its child goes the way of
// every other. The real ones are in native-spawners.slow.ts.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { ReportRecord } from '../../src/findings/record';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, LIST_FDS, REGISTER, type RunResult, run } from '../support/run';
import { strayNumbers } from '../support/warnings';

const MAKER = `
  Object.defineProperty(exports, '__esModule', { value: true });
  globalThis.loads = (globalThis.loads ?? 0) + 1;
  exports.inner = require('./inner');
  const { run, mark } = require(${JSON.stringify(LEAK)});
  // Node marks its own; node-pty gives the child a terminal for them.
  for (const fd of [0, 1, 2]) mark(fd, false);
  function spawn(file, args, options) { run('fork', file, ...(args ?? [])); return this; }
  exports.spawn = spawn;
  exports.other = file => run('fork', file);
`;
const manifest = (name: string, version: string) => JSON.stringify({ name, version, main: './lib/index.js' });

const INSTALLED = {
  'node_modules/node-pty/lib/index.js': MAKER,
  'node_modules/node-pty/lib/inner.js': 'exports.parent = module.parent.filename;',
  'node_modules/node-pty/package.json': manifest('node-pty', '1.1.0'),
  // Not a maker, whatever it exports.
  'node_modules/my-node-pty/lib/index.js': MAKER,
  'node_modules/my-node-pty/lib/inner.js': '',
  'node_modules/my-node-pty/package.json': manifest('my-node-pty', '1.1.0'),
};

const LEAK_HERE = `require(${JSON.stringify(LEAK)}).open(__dirname + '/opened', 40);`;
const LEAKS = `process.chdir(__dirname); ${LEAK_HERE}`;
const LIST = JSON.stringify(LIST_FDS);
const CJS = `${LEAKS} const pty = require('node-pty');`;

/** Ways of getting hold of it. Each must have it guarded, and once. */
const PROGRAMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  required: { 'app.js': `${CJS} pty.spawn(${LIST});` },
  'required twice': { 'app.js': `${CJS} require('node-pty').spawn(${LIST});` },
  'required by its path': {
    'app.js': `${LEAKS} require('./node_modules/node-pty/lib/index.js').spawn(${LIST});`,
  },
  'required again after it left the cache': {
    'app.js': `${CJS} delete require.cache[require.resolve('node-pty')]; require('node-pty').spawn(${LIST});`,
  },
  'imported by name': {
    'app.mjs': `import { spawn } from 'node-pty'; import './leaks.cjs'; spawn(${LIST});`,
    'leaks.cjs': LEAKS,
  },
  'imported whole': {
    'app.mjs': `import pty from 'node-pty'; import './leaks.cjs'; pty.spawn(${LIST});`,
    'leaks.cjs': LEAKS,
  },
  'imported late': {
    'app.js': `${LEAKS} import('node-pty').then(({ spawn }) => spawn(${LIST}));`,
  },
  'imported and required': {
    'app.js': `${LEAKS} import('node-pty').then(() => require('node-pty').spawn(${LIST}));`,
  },
  'in another version, after the first': {
    'app.js': `${CJS} require('dependent').spawn(${LIST});`,
    'node_modules/dependent/index.js': `module.exports = require('node-pty');`,
    'node_modules/dependent/node_modules/node-pty/lib/index.js': MAKER,
    'node_modules/dependent/node_modules/node-pty/lib/inner.js': '',
    'node_modules/dependent/node_modules/node-pty/package.json': manifest('node-pty', '0.10.0'),
  },
  'by the name of another that is installed in its place': {
    'app.js': `${CJS} pty.spawn(${LIST});`,
    'node_modules/node-pty/package.json': manifest('@lydell/node-pty', '1.1.0'),
  },
  "in pnpm's store": {
    'app.js': `${LEAKS} require('./node_modules/.pnpm/node-pty@1.1.0/node_modules/node-pty').spawn(${LIST});`,
    'node_modules/.pnpm/node-pty@1.1.0/node_modules/node-pty/lib/index.js': MAKER,
    'node_modules/.pnpm/node-pty@1.1.0/node_modules/node-pty/lib/inner.js': '',
    'node_modules/.pnpm/node-pty@1.1.0/node_modules/node-pty/package.json': manifest('node-pty', '1.1.0'),
  },
  "in Yarn's, by a virtual path": {
    'app.js': `${LEAKS} require('./.yarn/__virtual__/node-pty-virtual-1/0/unplugged/node-pty-npm-1.1.0-2/node_modules/node-pty').spawn(${LIST});`,
    '.yarn/__virtual__/node-pty-virtual-1/0/unplugged/node-pty-npm-1.1.0-2/node_modules/node-pty/lib/index.js':
      MAKER,
    '.yarn/__virtual__/node-pty-virtual-1/0/unplugged/node-pty-npm-1.1.0-2/node_modules/node-pty/lib/inner.js':
      '',
    '.yarn/__virtual__/node-pty-virtual-1/0/unplugged/node-pty-npm-1.1.0-2/node_modules/node-pty/package.json':
      manifest('node-pty', '1.1.0'),
  },
};

function execute(t: Parameters<typeof temporaryFolder>[0], files: object, env = {}, before: string[] = []) {
  const folder = temporaryFolder(t);
  const program = write(folder, { ...files, ...INSTALLED, ...files });
  const nodeArgs = [...before.map(name => path.join(folder, name)), REGISTER].flatMap(file => [
    '--require',
    file,
  ]);
  return run(program, { nodeArgs, env, cwd: folder });
}

function prefixed(prefix: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [prefix + name, text]));
}

function findings({ stderr }: RunResult): string[] {
  return stderr.split('\n').filter(line => line.includes('ClosefdsWarning'));
}

for (const [name, files] of Object.entries(PROGRAMS)) {
  test(`${name}: the child has stdio, and one finding names the route`, async t => {
    const result = await execute(t, files);
    t.deepEqual(JSON.parse(result.stdout), [0, 1, 2]);
    t.is(findings(result).length, 1, result.stderr);
    t.regex(
      findings(result)[0] ?? '',
      /stray FD 40 .* was closed: the app starting ".*" with node-pty\.spawn\(\) at .*app\.m?js/,
    );
  });
}

test('loaded before closefds', async t => {
  const files = { 'app.js': `${CJS} pty.spawn(${LIST});`, 'before.js': `require('node-pty');` };
  const result = await execute(t, files, {}, ['before.js']);
  t.deepEqual(JSON.parse(result.stdout), [0, 1, 2]);
  t.regex(findings(result).join('\n'), /with node-pty\.spawn\(\)/);
});

for (const { mode, fds, told } of [
  { mode: 'off', fds: [0, 1, 2, 40], told: 0 },
  { mode: 'warn', fds: [0, 1, 2, 40], told: 1 },
  { mode: 'enforce', fds: [0, 1, 2], told: 1 },
] as const) {
  test(`${mode}: a child has exactly ${fds.join(', ')}`, async t => {
    const result = await execute(t, PROGRAMS.required ?? {}, { CLOSEFDS_MODE: mode });
    t.deepEqual(JSON.parse(result.stdout), fds);
    t.is(findings(result).length, told);
  });
}

test('strict: the call throws before a process exists', async t => {
  const program = `${CJS} try { pty.spawn(${LIST}); } catch (error) { console.log(error.code); }`;
  const result = await execute(t, { 'app.js': program }, { CLOSEFDS_MODE: 'strict' });
  t.is(result.stdout, 'ERR_CLOSEFDS_DENIED\n');
});

test('a rule lets a stray through', async t => {
  const rule = { kinds: ['stray'], fds: [40], effect: 'allow', reason: 'test' };
  const files = { ...PROGRAMS.required, 'closefds.json': JSON.stringify({ rules: [rule] }) };
  const result = await execute(t, files);
  t.deepEqual(JSON.parse(result.stdout), [0, 1, 2, 40]);
  t.deepEqual(findings(result), []);
});

for (const { name, call } of [
  { name: 'an export that starts nothing', call: 'pty.other' },
  { name: 'a package with a name like it', call: `require('my-node-pty').spawn` },
] as const) {
  test(`left alone: ${name}`, async t => {
    const result = await execute(t, { 'app.js': `${CJS} ${call}(${LIST});` });
    t.deepEqual(findings(result), []);
  });
}

test('the function looks as before, and gets what it was given', async t => {
  const program = `${CJS} const self = {}; process.exitCode = pty.spawn.name === 'spawn' && pty.spawn.length === 3 && pty.spawn.call(self, 'true') === self ? 0 : 1;`;
  t.is((await execute(t, { 'app.js': program })).code, 0);
});

for (const { name, program, loaded } of [
  { name: 'loads one', program: `require('node-pty')`, loaded: true },
  { name: 'loads none', program: `require('my-node-pty')`, loaded: false },
  {
    name: 'asks for one that is not there',
    program: `try { require('@lydell/node-pty') } catch {}`,
    loaded: false,
  },
] as const) {
  test(`require-in-the-middle is ${loaded ? '' : 'not '}loaded by a program that ${name}`, async t => {
    const seen = `console.log(Object.keys(require.cache).some(file => file.includes('require-in-the-middle')))`;
    const result = await execute(t, { 'app.js': `${program}; ${seen};` });
    t.is(result.stdout, `${loaded}\n`);
  });
}

for (const frozen of ['Module', 'Module._extensions', `require('node-pty')`]) {
  test(`where ${frozen} is frozen, the package loads, and a finding says what it is without`, async t => {
    const files = {
      'app.js': `${CJS} pty.spawn(${LIST});`,
      'before.js': `const { Module } = require('node:module'); Object.freeze(${frozen});`,
    };
    const result = await execute(t, files, {}, ['before.js']);
    // Closed by the child handler all the same.
    t.deepEqual(JSON.parse(result.stdout), [0, 1, 2]);
    t.is(findings(result).length, 1, result.stderr);
    t.regex(findings(result)[0] ?? '', /CLOSEFDS_UNGUARDED.* makes processes natively could not be guarded/);
  });
}

test('in a worker', async t => {
  const program = `new (require('node:worker_threads').Worker)(__dirname + '/worker.js');`;
  const files = { 'app.js': program, 'worker.js': `${LEAK_HERE} require('node-pty').spawn(${LIST});` };
  const result = await execute(t, files);
  t.deepEqual(JSON.parse(result.stdout), [0, 1, 2]);
  t.regex(findings(result).join('\n'), /with node-pty\.spawn\(\)/);
});

test('what a call leaves open is closed and reported in the next spawn', async t => {
  // Each look is so dear that the next one is not due while this runs.
  const program = `${LEAKS}
    const { execFileSync } = require('node:child_process');
    const list = () => execFileSync(${LIST});
    const leak = require(${JSON.stringify(LEAK)});
    const pty = require('node-pty');
    let clock = 0;
    performance.now = () => (clock += 1e6);
    list();
    leak.open('other', 41);
    pty.spawn('true');
    leak.open('master', 42);
    process.stdout.write(execFileSync(${LIST}));`;
  const result = await execute(t, { 'app.js': program });
  t.deepEqual(JSON.parse(result.stdout), [0, 1, 2]);
  t.deepEqual(
    findings(result)
      .map(line => `${strayNumbers(line).join(' ')} ${/ with (\S+)\(\)/.exec(line)?.[1]}`)
      .sort(),
    ['40 41 42 execFileSync', '40 41 node-pty.spawn', '40 execFileSync'],
  );
});

for (const [way, files] of Object.entries({
  required: { 'app.js': `require('node-pty'); require('./tell.js')` },
  imported: { 'app.mjs': `import 'node-pty'; import './tell.js';` },
})) {
  test(`${way}, it leaves the loader, the cache and stacks as without closefds`, async t => {
    const tell = `
      const { Module } = require('node:module');
      const own = file => file.includes('my-app');
      const cached = Object.values(require.cache).filter(({ filename }) => own(filename));
      console.log(JSON.stringify({
        loads: globalThis.loads,
        stack: new Error('here').stack.split('\\n').length,
        // Sorted: the order in which \`import\` reads files is a race.
        cached: cached.map(({ filename, children }) => [filename, children.map(child => child.filename)]).sort(),
        parent: cached.find(({ filename }) => filename.includes('index.js'))?.exports.inner.parent,
        loader: [Module._extensions['.js'], Module.prototype.require, process.getBuiltinModule].map(String),
      }));`;
    const folder = temporaryFolder(t);
    const program = write(folder, prefixed('my-app/', { ...files, ...INSTALLED, 'tell.js': tell }));
    const [plain, guarded] = await Promise.all(
      [[], ['--require', REGISTER]].map(nodeArgs => run(program, { nodeArgs })),
    );
    t.is(guarded?.stdout, plain?.stdout);
    t.is(JSON.parse(plain?.stdout ?? '').loads, 1);
  });
}

test('nothing of closefds is on the stack of a program that loads none', async t => {
  const program = {
    'app.js': `console.log(new Error('x').stack); try { require('absent') } catch (error) { console.log(error.stack) }`,
  };
  t.false((await execute(t, program)).stdout.includes(path.dirname(REGISTER)));
});

test('one that is not there fails as without closefds', async t => {
  const files = {
    'app.js': `try { require('@lydell/node-pty') } catch (error) { console.log(error.code, error.requireStack.length) }`,
  };
  t.is((await execute(t, files)).stdout, 'MODULE_NOT_FOUND 1\n');
});

for (const deep of ['0', '1'])
  test(`a stray of its process is reported once, with the setting deep ${deep}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, { ...INSTALLED, ...PROGRAMS.required, 'package.json': '{"name": "app"}' });
    const report = path.join(folder, 'findings.ndjson');
    const { stdout, stderr } = await run(path.join(folder, 'app.js'), {
      cwd: folder,
      env: { CLOSEFDS_DEEP: deep, CLOSEFDS_REPORT: report },
    });
    t.deepEqual(JSON.parse(stdout), [0, 1, 2], stderr);
    const records = readFileSync(report, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as ReportRecord)
      .filter(({ childFd }) => childFd === 40);
    t.deepEqual(
      records.map(({ caller, disposition, count }) => ({ package: caller?.package, disposition, count })),
      [{ package: '.', disposition: 'closed', count: 1 }],
    );
  });
