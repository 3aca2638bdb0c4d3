// The floors of the house, read from the import lines. See docs/how-it-works.md, "The files".

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from './support/run';

interface Floor {
  readonly name: string;
  /** The files that live here, without `.ts`. */
  readonly lives: RegExp;
  /** What they may import: a file without `.ts`, `node:...`, or a package. */
  readonly may: RegExp;
}

const FLOORS: readonly Floor[] = [
  {
    name: 'scan',
    lives: /^src\/scan\/[^/]+$/,
    may: /^(?:src\/(?:scan|core)\/.+|node:.+)$/,
  },
  {
    name: 'scan of one source',
    lives: /^src\/scan\/source\//,
    may: /^(?:src\/scan\/source\/.+|src\/core\/.+|acorn|@babel\/parser)$/,
  },
  { name: 'register', lives: /^register\//, may: /^src\/install$/ },
  { name: 'cli', lives: /^src\/cli\//, may: /^(?:src\/.+|node:.+|package\.json)$/ },
  {
    name: 'install',
    lives: /^src\/install$/,
    may: /^(?:src\/(?:first-call|real-world|reporter|spawn-guard|errors|core\/.+|node\/.+)|compat\/makers\.json|node:.+)$/,
  },
  {
    name: 'first call',
    lives: /^src\/first-call$/,
    may: /^(?:src\/(?:real-world|spawn-guard|errors|core\/.+|node\/.+)|node:.+)$/,
  },
  {
    name: 'real world',
    lives: /^src\/real-world$/,
    may: /^(?:src\/(?:auditor|compat|errors|spawn-guard|core\/.+|node\/.+)|node:.+)$/,
  },
  { name: 'auditor', lives: /^src\/auditor$/, may: /^(?:src\/(?:core\/.+|node\/.+)|node:.+)$/ },
  { name: 'reporter', lives: /^src\/reporter$/, may: /^(?:src\/(?:errors|core\/.+|node\/.+)|node:.+)$/ },
  { name: 'otel', lives: /^src\/otel$/, may: /^(?:src\/core\/.+|node:.+|@opentelemetry\/api)$/ },
  { name: 'public API', lives: /^src\/index$/, may: /^src\/(?:designate|errors)$/ },
  { name: 'compat', lives: /^src\/compat$/, may: /^(?:src\/core\/.+|node:.+)$/ },
  { name: 'designate', lives: /^src\/designate$/, may: /^(?:src\/errors|node:.+)$/ },
  { name: 'spawn guard', lives: /^src\/spawn-guard$/, may: /^src\/(?:core\/.+|errors)$/ },
  {
    name: 'node',
    lives: /^src\/node\//,
    may: /^(?:src\/core\/.+|src\/errors|src\/node\/config-owner|node:.+|require-in-the-middle)$/,
  },
  { name: 'core', lives: /^src\/core\//, may: /^(?:src\/core\/.+|src\/errors|semver(?:\/.+)?)$/ },
  { name: 'errors', lives: /^src\/errors$/, may: /^(?!)/ },
];

for (const { name, lives, may } of FLOORS) {
  test(`${name} imports only what lies below it`, t => {
    const files = sources().filter(file => lives.test(withoutExtension(file)));
    t.not(files.length, 0);
    const wrong = files.flatMap(file =>
      importsOf(file)
        .filter(imported => !may.test(imported))
        .map(imported => `${file} -> ${imported}`),
    );
    t.deepEqual(wrong, []);
  });
}

test('every file lives on one floor', t => {
  const elsewhere = sources().filter(
    file => FLOORS.filter(({ lives }) => lives.test(withoutExtension(file))).length !== 1,
  );
  t.deepEqual(elsewhere, []);
});

for (const [line, imported] of [
  [`import { a } from './core/a';`, ['src/core/a']],
  [`import type { A } from '../errors';`, ['errors']],
  [`import {\n  a,\n  b,\n} from './core/a';`, ['src/core/a']],
  [`export * from './core/a';`, ['src/core/a']],
  [`import './node/a';`, ['src/node/a']],
  [`import a = require('node:fs');`, ['node:fs']],
  [`const a = require('semver/classes/range');`, ['semver/classes/range']],
  [`const a = await import('./node/a');`, ['src/node/a']],
] as const) {
  test(`reads ${JSON.stringify(line)}`, t => {
    t.deepEqual(importsIn(line, 'src/x.ts'), [...imported]);
  });
}

function sources(): string[] {
  return ['src', 'register'].flatMap(folder =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.ts'))
      .map(file => path.posix.join(folder, file.split(path.sep).join('/')))
      .sort(),
  );
}

function withoutExtension(file: string): string {
  return file.replace(/\.ts$/, '');
}

function importsOf(file: string): string[] {
  return importsIn(readFileSync(path.join(ROOT, file), 'utf8'), file);
}

/** `require()` in front of a line that is no comment: the strings of programs count as well, which does no harm. */
function importsIn(text: string, file: string): string[] {
  const code = text.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
  const specifiers = code.matchAll(/(?:\bfrom\s+|\bimport\s+|\b(?:require|import)\s*\(\s*)'([^']+)'/g);
  return [...specifiers].map(([, specifier = '']) => resolve(specifier, file));
}

/** Relative ones as seen from the root; `../../../package.json` is meant from dist/, one folder deeper. */
function resolve(specifier: string, file: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return path.posix.join(path.posix.dirname(file), specifier).replace(/^(?:\.\.\/)+/, '');
}
