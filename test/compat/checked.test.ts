// compat/checked.json: packages that were looked at and pass nothing, and the search that looked.

import fs = require('node:fs');
import path = require('node:path');

import { pathToFileURL } from 'node:url';

import { Ajv2020 } from 'ajv/dist/2020';
import test from 'ava';
import * as semver from 'semver';
import { loadCompat } from '../../src/policy/compat-table';
import { ROOT } from '../support/run';

interface Place {
  readonly file: string;
  readonly line: number;
  readonly sign: string;
  readonly shows: string;
}

interface Search {
  readonly SEARCHED: string;
  findPassing(files: ReadonlyMap<string, string>): {
    readonly searched: readonly string[];
    readonly starters: readonly string[];
    readonly places: readonly Place[];
  };
}

interface Checked {
  readonly searched: string;
  readonly packages: readonly { readonly package: string; readonly version: string }[];
}

const FOLDER = path.join(ROOT, 'compat');
const checked = readJson('checked.json') as Checked;

function readJson(file: string): object {
  return JSON.parse(fs.readFileSync(path.join(FOLDER, file), 'utf8'));
}

function loadSearch(): Promise<Search> {
  return import(pathToFileURL(path.join(ROOT, 'scripts', 'compat', 'find-passing.mjs')).href);
}

test('it fits its schema', t => {
  const ajv = new Ajv2020({ allErrors: true, strict: true, formats: { date: true } });
  const validate = ajv
    .addSchema(readJson('schema.json'), 'schema.json')
    .compile(readJson('checked.schema.json'));
  validate(checked);
  t.deepEqual(validate.errors ?? [], []);
});

test('it is sorted, and names each package once', t => {
  const names = checked.packages.map(record => record.package);
  t.deepEqual(names, [...new Set(names)].sort());
});

test('no version in it is one that the table lets pass FDs', t => {
  const { rules } = loadCompat();
  const both = checked.packages.filter(record =>
    rules.some(
      ({ caller, range, effect }) =>
        effect === 'allow' && caller === record.package && semver.satisfies(record.version, range ?? '*'),
    ),
  );
  t.deepEqual(both, []);
});

test('it says what the search looks for today', async t => {
  t.is(checked.searched, (await loadSearch()).SEARCHED);
});

const SHOWN: readonly { readonly sign: string; readonly text: string }[] = [
  { sign: 'long array', text: `spawn(a, [], { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] })` },
  { sign: 'long array', text: `const slots = [\n  "ignore",\n  open("file"),\n  "pipe",\n  ...Array(2)\n];` },
  { sign: 'long array', text: 'spawn(a, [], { stdio: [0, 1, 2, fd] })' },
  { sign: 'long array', text: `fork(a, [], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })` },
  { sign: 'ipc', text: `process.send && n.push("ipc")` },
  { sign: 'grown stdio', text: `stdio.push(Number(match[1]))` },
  { sign: 'grown stdio', text: 'options.stdio[number] = fd' },
  { sign: 'grown stdio', text: 'options.stdio[3] = fd' },
  { sign: 'spread stdio', text: 'spawn(a, [], { stdio: [0, ...others] })' },
  { sign: 'filled array', text: `new Array(5).fill('pipe')` },
  { sign: 'announcement', text: `args.push('--remote-debugging-pipe')` },
  { sign: 'announcement', text: `args.push('-i', 'pipe:3')` },
];

for (const { sign, text } of SHOWN) {
  test(`the search shows ${JSON.stringify(text)}`, async t => {
    const { findPassing } = await loadSearch();
    const { places } = findPassing(new Map([['lib/index.js', `\n${text}\n`]]));
    t.deepEqual(
      places.map(place => [place.sign, place.line]),
      [[sign, 2]],
    );
  });
}

for (const text of [
  `spawn(a, [], { stdio: ['ignore', 'pipe', 'inherit'] })`,
  `spawn(a, [], { stdio: ['ignore', 'pipe', 'inherit',] })`,
  `spawn(a, [], { stdio: 'inherit' })`,
  `const words = ['pipe', 'hose', 'tube', 'duct']`,
  'options.stdio[1] = 1',
  'if (options.stdio[3] === fd) return',
]) {
  test(`the search passes over ${JSON.stringify(text)}`, async t => {
    const { findPassing } = await loadSearch();
    t.deepEqual(findPassing(new Map([['lib/index.js', text]])).places, []);
  });
}

test('it searches code and scripts for node, and no other file', async t => {
  const { findPassing } = await loadSearch();
  const text = `require('child_process'); stdio.push('ipc')`;
  const files = ['a.js', 'b.cjs', 'c.mjs', 'README.md', 'd.d.ts', 'bin/run'].map(
    name => [name, text] as const,
  );
  const { searched, starters, places } = findPassing(
    new Map([...files, ['bin/node', `#!/usr/bin/env node\n${text}`]]),
  );
  t.deepEqual(searched, ['a.js', 'b.cjs', 'bin/node', 'c.mjs']);
  t.deepEqual(starters, searched);
  t.deepEqual(
    places.map(({ file, line }) => [file, line]),
    [
      ['a.js', 1],
      ['b.cjs', 1],
      ['bin/node', 2],
      ['c.mjs', 1],
    ],
  );
});

test('a minified line with two places far apart has both', async t => {
  const { findPassing } = await loadSearch();
  const text = `a.push("ipc");${'x'.repeat(200)};b.push("ipc")`;
  t.is(findPassing(new Map([['a.js', text]])).places.length, 2);
});
