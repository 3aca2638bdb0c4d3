// The packages that called the caller, and whether a package only passes on what it was given.

import test, { type ExecutionContext } from 'ava';
import type { CodePlace } from '../../src/model/caller';
import { type CallersOptions, fullCallers, NODE } from '../support/callers';
import { temporaryFolder, write } from '../support/programs';
import { LEAK, LIST_FDS, run } from '../support/run';
import { toWarnings } from '../support/warnings';

type Files = Readonly<Record<string, string>>;

const PIPE = `['ignore', 'ignore', 'ignore', 'pipe']`;
/** What a thin wrapper does. */
const WRAP = `module.exports = (file, options) => require('node:child_process').spawnSync(file, [], options);`;
/** Decides by itself what the child gets. */
const OWN = `module.exports = file => require('node:child_process').spawnSync(file, [], { stdio: ${PIPE} });`;

function installed(name: string, source: string): Files {
  return {
    [`node_modules/${name}/package.json`]: JSON.stringify({ name, version: '1.0.0' }),
    [`node_modules/${name}/index.js`]: source,
  };
}

const useOf = (name: string) => `module.exports = () => require('${name}')('true', { stdio: ${PIPE} });`;

interface Case extends CallersOptions {
  readonly title: string;
  readonly files: Files;
  /** From the caller outwards: `name file:line`, with `+` if it only passes on options. */
  readonly chain: readonly string[];
}

const CASES: readonly Case[] = [
  {
    title: 'the app has no outer caller',
    files: { 'app.js': `require('node:child_process').spawnSync('true');` },
    chain: ['. app.js:1'],
  },
  {
    title: 'a package that sets the FDs itself is called by the app',
    files: { 'app.js': `require('own')('true');`, ...installed('own', OWN) },
    chain: ['own index.js:1', '. app.js:1'],
  },
  {
    title: 'a wrapper passes on what a package gave it',
    files: {
      'app.js': `\nrequire('tool')();`,
      ...installed('wrap', WRAP),
      ...installed('tool', useOf('wrap')),
    },
    chain: ['wrap index.js:1 +', 'tool index.js:1', '. app.js:2'],
  },
  {
    title: 'a wrapper of a wrapper passes on what it was given, too',
    files: {
      'app.js': `require('tool')();`,
      ...installed('wrap', WRAP),
      ...installed('outer', `module.exports = (...args) => require('wrap')(...args);`),
      ...installed('tool', useOf('outer')),
    },
    chain: ['wrap index.js:1 +', 'outer index.js:1 +', 'tool index.js:1', '. app.js:1'],
  },
  {
    title: 'all files of a package on the stack are looked at',
    files: {
      'app.js': `require('two')();`,
      ...installed('two', `module.exports = () => require('./run')('true', { stdio: ${PIPE} });`),
      'node_modules/two/run.js': WRAP,
    },
    chain: ['two run.js:1', '. app.js:1'],
  },
  {
    title: 'a wrapper without a caller on the stack passes on nothing that is known',
    files: {
      'app.js': `setTimeout(require('wrap').late, 1, 'true', { stdio: ${PIPE} });`,
      ...installed('wrap', WRAP.replace('module.exports', 'exports.late')),
    },
    chain: ['wrap index.js:1'],
  },
  {
    title: 'launchers are no outer callers',
    files: {
      'app.js': `require('tool')();`,
      ...installed('wrap', WRAP),
      ...installed('spy', `module.exports = (...args) => require('wrap')(...args);`),
      ...installed('tool', useOf('spy')),
    },
    launchers: ['spy'],
    chain: ['wrap index.js:1 +', 'tool index.js:1', '. app.js:1'],
  },
  {
    title: 'the caller of a launcher is the caller, and its callers follow',
    files: {
      'app.js': `require('tool')();`,
      ...installed('launch', WRAP),
      ...installed('tool', useOf('launch')),
    },
    launchers: ['launch'],
    chain: ['tool index.js:1', '. app.js:1'],
  },
  {
    title: 'an outer caller is found beyond the innermost frames',
    files: {
      'app.js': `require('deep')();`,
      ...installed(
        'deep',
        `module.exports = function down(n) { return (n ?? 30) > 0 ? down((n ?? 30) - 1) : require('node:child_process').spawnSync('true'); };`,
      ),
    },
    chain: ['deep index.js:1 +', '. app.js:1'],
  },
  {
    title: 'an outer caller is found across an await',
    files: {
      'app.js': `async function main() { await require('later')(); } main();`,
      ...installed(
        'later',
        `module.exports = async () => { await null; require('node:child_process').spawnSync('true'); };`,
      ),
    },
    chain: ['later index.js:1 +', '. app.js:1'],
  },
  {
    title: 'at most four outer callers are named',
    files: {
      'app.js': `require('a')();`,
      ...Object.assign(
        {},
        ...['a', 'b', 'c', 'd', 'e'].map((name, index, all) =>
          installed(name, `module.exports = () => require('${all[index + 1] ?? 'f'}')();`),
        ),
      ),
      ...installed('f', `module.exports = () => require('node:child_process').spawnSync('true');`),
    },
    chain: ['f index.js:1 +', 'e index.js:1 +', 'd index.js:1 +', 'c index.js:1 +', 'b index.js:1'],
  },
];

for (const { title, files, chain, ...options } of CASES)
  test(title, async t => {
    const folder = temporaryFolder(t);
    const [caller, ...more] = await fullCallers(t, folder, write(folder, files), {
      isOutward: true,
      ...options,
    });
    t.deepEqual(more, []);
    t.deepEqual([caller, ...(caller?.calledBy ?? [])].map(inShort), chain);
  });

function inShort(place: CodePlace | null | undefined): string {
  return place
    ? `${place.name} ${place.fileInPackage}:${place.line}${place.forwards ? ' +' : ''}`
    : 'unknown';
}

// ---------------------------------------------------------------------------------------------
// The product
// ---------------------------------------------------------------------------------------------

const WRAPPED: Files = {
  'app.js': `require('tool')();\nrequire('other')();`,
  ...installed('wrap', WRAP),
  ...installed('tool', useOf('wrap')),
  ...installed('other', useOf('wrap')),
};

/** The messages and advice of all warnings, without the fixture's folder. */
async function warningsOf(t: ExecutionContext, files: Files): Promise<string[]> {
  const folder = temporaryFolder(t);
  const result = await run(write(folder, files), { cwd: folder, node: NODE });
  t.is(result.code, 0);
  return toWarnings(result.stderr.replaceAll(folder, ''));
}

test('each package that uses a wrapper is reported, with a rule for it alone', async t => {
  const adviceFor = (name: string) =>
    [
      'If the child needs it, allow it in closefds.json:',
      `  {"rules":[{"caller":"${name}","via":["wrap"],"kinds":["pipe"],"fds":[3],"effect":"allow","reason":"..."}]}`,
      'wrap only passes on the options of its caller; a rule for it alone would allow this for every package.',
    ].join('\n');
  const closed = `designated FD 3 (a new pipe) was closed: wrap@1.0.0 starting "true" with spawnSync() at /node_modules/wrap/index.js:1:67`;
  t.deepEqual(await warningsOf(t, WRAPPED), [
    `${closed}, called by tool@1.0.0 at /node_modules/tool/index.js:1:39`,
    adviceFor('tool'),
    `${closed}, called by other@1.0.0 at /node_modules/other/index.js:1:39`,
    adviceFor('other'),
  ]);
});

test('a rule with via allows its caller, and no other user of the wrapper', async t => {
  const rules = [
    {
      caller: 'tool',
      via: ['wrap'],
      kinds: ['pipe'],
      fds: [3],
      effect: 'allow',
      reason: 'it reads the pipe',
    },
  ];
  const warnings = await warningsOf(t, { ...WRAPPED, 'closefds.json': JSON.stringify({ rules }) });
  t.deepEqual(warnings.map(warning => /called by (\S+)/.exec(warning)?.[1]).filter(Boolean), ['other@1.0.0']);
});

test('a rule with via for strays is asked at each spawn', async t => {
  const list = `module.exports = () => console.log(require('node:child_process').execFileSync(process.env.LIST_FDS).toString().trim());`;
  const rule = {
    caller: 'tool',
    via: ['wrap'],
    kinds: ['stray'],
    fds: [40],
    effect: 'allow',
    reason: 'the lock',
  };
  const folder = temporaryFolder(t);
  const program = write(folder, {
    'app.js': `require(process.env.LEAK).open(__filename, 40); for (const name of ['tool', 'other', 'tool']) require(name)();`,
    ...installed('wrap', list),
    ...installed('tool', `module.exports = () => require('wrap')();`),
    ...installed('other', `module.exports = () => require('wrap')();`),
    'closefds.json': JSON.stringify({ rules: [rule] }),
  });
  const { stdout } = await run(program, { cwd: folder, node: NODE, env: { LEAK, LIST_FDS } });
  t.deepEqual(stdout.trim().split('\n'), ['[0,1,2,40]', '[0,1,2]', '[0,1,2,40]']);
});
