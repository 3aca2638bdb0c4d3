// The compat table: data that people trust, so each file says what it says in one checked form.

import fs = require('node:fs');
import path = require('node:path');

import { spawnSync } from 'node:child_process';
import { Ajv2020 } from 'ajv/dist/2020';
import test from 'ava';

import semver = require('semver');

import { loadCompat } from '../../src/policy/compat-table';
import { UNKNOWN_CALL, UNKNOWN_FD } from '../../src/policy/facts';
import { matchRule } from '../../src/policy/match-rule';
import { ROOT } from '../support/run';

const FOLDER = path.join(ROOT, 'compat', 'packages');

interface Evidence {
  readonly version: string;
  readonly file: string;
  readonly checked: string;
  readonly exercised: string;
}

interface Entry {
  readonly range: string;
  readonly kinds?: readonly string[];
  readonly target?: string;
  readonly access?: string;
  readonly callSite?: string;
  readonly exports?: readonly string[];
  readonly ends?: { readonly version: string };
  readonly evidence: readonly Evidence[];
}

type EntryKind = 'passes' | 'launches' | 'strays' | 'starts';

interface Table extends Partial<Record<EntryKind, readonly Entry[]>> {
  readonly $schema: string;
  readonly package: string;
}

interface JsonSchema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

const NO_PLACE = { declaredName: undefined, launchers: null, calledBy: null };

const ENTRY_KINDS: readonly EntryKind[] = ['passes', 'launches', 'strays', 'starts'];

const schema = readJson(path.join(ROOT, 'compat', 'schema.json')) as JsonSchema;
const validate = new Ajv2020({ allErrors: true, strict: true, formats: { date: true } }).compile(schema);

const files = fs
  .readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter(file => fs.statSync(path.join(FOLDER, file)).isFile())
  .map(file => file.split(path.sep).join('/'))
  .sort();
const tables = new Map(files.map(file => [file, readJson(path.join(FOLDER, file)) as Table]));

test('there are files, and all of them are JSON', t => {
  t.true(files.length > 50);
  t.deepEqual(
    files.filter(file => !file.endsWith('.json')),
    [],
  );
});

for (const [file, table] of tables) {
  test(`${file}: fits the schema`, t => {
    validate(table);
    t.deepEqual(validate.errors ?? [], []);
  });

  test(`${file}: is named after its package`, t => {
    t.is(file, `${table.package}.json`);
    t.is(path.posix.join(path.posix.dirname(`packages/${file}`), table.$schema), 'schema.json');
  });

  test(`${file}: is written in the schema's order, two spaces deep`, t => {
    const text = fs.readFileSync(path.join(FOLDER, file), 'utf8');
    t.is(text, `${JSON.stringify(inOrder(table, schema), null, 2)}\n`);
  });

  for (const [kind, entry] of entriesOf(table)) {
    test(`${file}: ${kind} ${JSON.stringify([entry.range, entry.target ?? entry.kinds, entry.access, entry.callSite])} says no more than its evidence`, t => {
      const range = new semver.Range(entry.range);
      const versions = entry.evidence.map(({ version }) => version).sort(semver.compare);
      for (const version of versions) t.true(range.test(version), version);

      const [, first = '', last, end] = /^>=(\S+) (?:<=(\S+)|<(\S+))$/.exec(entry.range) ?? [];
      t.is(versions[0], first, 'the range begins with the first version looked at');
      if (last !== undefined) t.is(versions.at(-1), last, 'the range ends with the last version looked at');
      t.is(entry.ends?.version, end, 'a range that is closed says why');
    });
  }

  test(`${file}: its evidence is in order and none stands twice`, t => {
    for (const [, { evidence }] of entriesOf(table)) {
      const versions = evidence.map(({ version }) => version);
      t.deepEqual(versions, [...versions].sort(semver.compare));
      t.is(new Set(evidence.map(item => JSON.stringify(item))).size, evidence.length);
      for (const { checked } of evidence) t.true(new Date(checked).toISOString().startsWith(checked));
    }
  });
}

test('that an FD is stray was seen in a child, not in a source file', t => {
  const unseen = [...tables].filter(([, { strays = [] }]) =>
    strays.some(({ evidence }) => !evidence.some(({ exercised }) => exercised.startsWith('run: '))),
  );
  t.deepEqual(
    unseen.map(([file]) => file),
    [],
  );
});

test('the index holds exactly the files', t => {
  const index = readJson(path.join(ROOT, 'dist', 'compat', 'index.json')) as Record<
    string,
    readonly (string | { readonly source: string; readonly package?: string })[]
  >;
  const sources = (kind: string) => [
    ...new Set((index[kind] ?? []).map(entry => (typeof entry === 'string' ? entry : entry.source))),
  ];
  const having = (kind: EntryKind) => files.filter(file => tables.get(file)?.[kind] !== undefined);

  t.deepEqual(Object.keys(index), ['rules', 'launchers', 'strays', 'starts']);
  t.deepEqual(
    sources('rules'),
    having('passes').map(file => `compat/packages/${file}`),
  );
  t.deepEqual(
    sources('launchers'),
    having('launches').map(file => file.slice(0, -'.json'.length)),
  );
  t.deepEqual(
    sources('strays'),
    having('strays').map(file => `compat/packages/${file}`),
  );
  t.deepEqual(
    sources('starts'),
    having('starts').map(file => `compat/packages/${file}`),
  );
});

test('a rule allows what was looked at, and reports what is newer', t => {
  const rules = loadCompat().rules.filter(({ caller }) => caller === 'playwright-core');
  t.deepEqual(
    rules.map(({ caller, reason, command, source, ...rule }) => rule),
    [
      { range: '>=0.9.24 <=1.65.1', kinds: ['pipe'], fds: [3, 4], effect: 'allow', compat: true },
      { range: '>1.65.1', kinds: ['pipe'], fds: [3, 4], effect: 'warn', compat: true, knownUpTo: '1.65.1' },
    ],
  );
});

test('a package that carries a copy of another is allowed for the files of the copy only', t => {
  const rules = loadCompat().rules.filter(({ caller }) => caller === '@google/gemini-cli-core');
  const answer = (callSite: string) => {
    const caller = {
      ...NO_PLACE,
      name: '@google/gemini-cli-core',
      version: '0.61.0',
      file: `/app/node_modules/@google/gemini-cli-core/${callSite}`,
      fileInPackage: callSite,
    };
    const [rule] = rules.filter(({ effect }) => effect === 'allow');
    return (
      rule &&
      matchRule(
        rule,
        { ...UNKNOWN_CALL, caller },
        { ...UNKNOWN_FD, kind: 'pipe', childFd: 3 },
        { aliases: {} },
      )
    );
  };
  t.is(answer('dist/bundled/chrome-devtools-mcp.mjs'), 'yes');
  t.is(answer('dist/bundled/third_party/index.js'), 'yes');
  t.is(answer('dist/src/tools/shell.js'), 'no');
});

test('what came to an end is not allowed later, and a channel needs no leave', t => {
  const effects = (name: string) =>
    loadCompat()
      .rules.filter(({ caller }) => caller === name)
      .map(({ effect }) => effect);
  t.deepEqual(effects('puppeteer'), ['allow']);
  t.deepEqual(effects('wrangler'), ['allow']);
});

test('programs find the table', t => {
  t.is((require('closefds/compat') as { loadCompat: unknown }).loadCompat, loadCompat);
});

test('what makes processes natively is told with its exports', t => {
  t.deepEqual(
    loadCompat().starts.filter(({ package: name }) => name === 'node-pty'),
    [
      {
        package: 'node-pty',
        range: '>=0.10.0 <=1.1.0',
        exports: ['spawn', 'fork', 'createTerminal'],
        source: 'compat/packages/node-pty.json',
      },
    ],
  );
});

test('launchers are the packages that launch', t => {
  const { launchers } = loadCompat();
  for (const name of ['cross-spawn', 'execa', 'nano-spawn', 'foreground-child', '@npmcli/promise-spawn'])
    t.true(launchers.has(name), name);
  // They patch fork, or call functions that they were given: what they start is their caller's.
  for (const name of ['node-dev', 'ts-node-dev', 'pify', 'bluebird']) t.true(launchers.has(name), name);
  t.false(launchers.has('tsx'));
});

function readJson(file: string): unknown {
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}

function entriesOf(table: Table): [EntryKind, Entry][] {
  return ENTRY_KINDS.flatMap(kind => (table[kind] ?? []).map((entry): [EntryKind, Entry] => [kind, entry]));
}

/** The same value, with each object's keys in the order in which the schema names them. */
function inOrder(value: unknown, given: JsonSchema | undefined): unknown {
  const name = given?.$ref?.slice('#/$defs/'.length);
  const form = name === undefined ? given : schema.$defs?.[name];
  if (Array.isArray(value)) return value.map(item => inOrder(item, form?.items));
  if (typeof value !== 'object' || value === null) return value;
  const properties = form?.properties ?? {};
  const at = (key: string) => Object.keys(properties).indexOf(key);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => at(a) - at(b))
      .map(([key, item]) => [key, inOrder(item, properties[key])]),
  );
}

test('compat/PACKAGES.md lists what the table says', t => {
  const { status, stderr } = spawnSync(process.execPath, [
    path.join(ROOT, 'scripts', 'compat', 'page.mjs'),
    '--check',
  ]);
  t.is(status, 0, String(stderr));
});
