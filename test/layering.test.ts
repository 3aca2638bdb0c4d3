// The layers of src: a folder is a concern, and imports go down. See docs/dev/architecture.md.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from './support/run';

/** Folder -> level. Imports between folders point to a lower level. */
const LEVELS: Readonly<Record<string, number>> = {
  'src/base': 0,
  'src/model': 1,
  'src/policy': 2,
  'src/findings': 3,
  'src/strays': 4,
  'src/callers': 4,
  'src/spawn': 5,
  'src/hooks': 6,
  'src/report': 6,
  'src/audit': 6,
  'src/scan': 6,
  'src/preload': 7,
  'src/cli': 8,
  src: 9,
  register: 10,
};

/** They connect parts, so they depend on the system without a `node:` import of their own. */
const CONNECTING = /^(?:register\/|src\/(?:preload\/|cli\/|scan\/index\.ts$|[^/]+$))/;

interface Import {
  /** From the root, with `.ts`; `node:...` or a package otherwise. */
  readonly target: string;
  readonly typeOnly: boolean;
}

const files = sources();
const imports = new Map(
  files.map(file => [file, importsIn(readFileSync(path.join(ROOT, file), 'utf8'), file)]),
);

test('every file is in a folder that has a level', t => {
  t.deepEqual(
    files.filter(file => levelOf(file) === undefined),
    [],
  );
});

test('the levels are those of docs/dev/architecture.md', t => {
  const page = readFileSync(path.join(ROOT, 'docs', 'dev', 'architecture.md'), 'utf8');
  const rows = [...page.matchAll(/^\| *(\d+) *\| *(.+?) *\|/gm)].flatMap(([, level, folders = '']) =>
    [...folders.matchAll(/`([\w/]+)\/`/g)].map(([, folder]) => [folder, Number(level)]),
  );
  t.deepEqual(Object.fromEntries(rows), LEVELS);
});

test('an import between folders points to a lower level', t => {
  const wrong = pairs().filter(
    ([file, { target }]) =>
      folderOf(file) !== folderOf(target) && !(Number(levelOf(target)) < Number(levelOf(file))),
  );
  t.deepEqual(wrong.map(toLine), []);
});

test('a file without a node: import takes values only from files without one', t => {
  const wrong = pairs().filter(
    ([file, { target, typeOnly }]) => !typeOnly && !CONNECTING.test(file) && isPure(file) && !isPure(target),
  );
  t.deepEqual(wrong.map(toLine), []);
});

for (const { line, expected } of [
  { line: `import { a } from './base/a';`, expected: [{ target: 'src/base/a.ts', typeOnly: false }] },
  { line: `import { type A, b } from './base/a';`, expected: [{ target: 'src/base/a.ts', typeOnly: false }] },
  { line: `import { type A } from './base/a';`, expected: [{ target: 'src/base/a.ts', typeOnly: true }] },
  { line: `import type { A } from '../errors';`, expected: [{ target: 'errors.ts', typeOnly: true }] },
  { line: `import type * as A from './a';`, expected: [{ target: 'src/a.ts', typeOnly: true }] },
  {
    line: `import {\n  a,\n  b,\n} from './base/a';`,
    expected: [{ target: 'src/base/a.ts', typeOnly: false }],
  },
  { line: `export * from './base/a';`, expected: [{ target: 'src/base/a.ts', typeOnly: false }] },
  { line: `export type { A } from './base/a';`, expected: [{ target: 'src/base/a.ts', typeOnly: true }] },
  { line: `import './hooks/a';`, expected: [{ target: 'src/hooks/a.ts', typeOnly: false }] },
  { line: `import a = require('node:fs');`, expected: [{ target: 'node:fs', typeOnly: false }] },
  {
    line: `const a = require('semver/classes/range');`,
    expected: [{ target: 'semver/classes/range', typeOnly: false }],
  },
  { line: `const a = require('./a') as typeof A;`, expected: [{ target: 'src/a.ts', typeOnly: false }] },
  { line: `const a = await import('./hooks/a');`, expected: [{ target: 'src/hooks/a.ts', typeOnly: false }] },
  { line: `// import { a } from './a';`, expected: [] },
] as const) {
  test(`reads the import of ${JSON.stringify(line)}`, t => {
    t.deepEqual(importsIn(line, 'src/x.ts'), [...expected]);
  });
}

/** Each import of a file of ours by a file of ours. */
function pairs(): [string, Import][] {
  const ours = new Set(files);
  return files.flatMap(file =>
    (imports.get(file) ?? []).flatMap((each): [string, Import][] => {
      const target = [each.target, each.target.replace(/\.ts$/, '/index.ts')].find(name => ours.has(name));
      return target === undefined ? [] : [[file, { ...each, target }]];
    }),
  );
}

function toLine([file, { target }]: [string, Import]): string {
  return `${file} -> ${target}`;
}

/** The innermost folder that has a level. */
function folderOf(file: string): string | undefined {
  return Object.keys(LEVELS)
    .filter(
      folder => path.posix.dirname(file) === folder || (folder !== 'src' && file.startsWith(`${folder}/`)),
    )
    .at(0);
}

function levelOf(file: string): number | undefined {
  return LEVELS[folderOf(file) ?? ''];
}

function isPure(file: string): boolean {
  return !(imports.get(file) ?? []).some(({ target, typeOnly }) => !typeOnly && target.startsWith('node:'));
}

function sources(): string[] {
  return ['src', 'register'].flatMap(folder =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.ts'))
      .map(file => path.posix.join(folder, file.split(path.sep).join('/')))
      .sort(),
  );
}

/** Imports outside comments. A program in a string counts, too: that does no harm. */
function importsIn(text: string, file: string): Import[] {
  const code = text.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
  const found = code.matchAll(
    /(?:^|[^.\w])(?:(?<clause>(?:import|export)\b[^;'"()=]*?)\bfrom\s*|import\s+|(?:require|import)\s*\(\s*)'(?<name>[^']+)'/g,
  );
  return [...found].map(({ groups: { clause = '', name = '' } = {} }) => ({
    target: resolve(name, file),
    typeOnly: isTypeOnly(clause),
  }));
}

function isTypeOnly(clause: string): boolean {
  if (/^(?:import|export)\s+type\b/.test(clause)) return true;
  const [, names] = /^(?:import|export)\s*\{([^}]*)\}\s*$/.exec(clause) ?? [];
  return names?.split(',').every(each => /^\s*(?:type\s.*)?$/s.test(each)) ?? false;
}

/** From the root, with `.ts`. Sources name what is outside of src as it is seen from dist/. */
function resolve(specifier: string, file: string): string {
  if (!specifier.startsWith('.')) return specifier;
  const target = path.posix.join(path.posix.dirname(file), specifier).replace(/^(?:\.\.\/)+/, '');
  return path.posix.extname(target) === '.json' ? target : `${target}.ts`;
}
