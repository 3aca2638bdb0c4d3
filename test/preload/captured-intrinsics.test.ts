// What runs in a program after its start uses the intrinsics that were captured at load.

import { readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ROOT } from '../support/run';

interface Rewriter {
  readonly captureIntrinsics: (text: string, file: string) => string;
  readonly uncapturedUses: (text: string, file: string) => { line: number; what: string }[];
}

const rewriter = import(
  pathToFileURL(path.join(ROOT, 'scripts', 'build', 'capture-intrinsics.mjs')).href
) as Promise<Rewriter>;

const REGISTER = path.join(ROOT, 'dist', 'register');

/** These run before the program, or load what does; `primordials` makes the table. */
const AT_START = [
  'in-bundle.js',
  'index.js',
  'install.js',
  'primordials.js',
  'strict.js',
  'warn.js',
  'worker.js',
];

test('no bundle that runs after the start uses an intrinsic that the program may have broken', async t => {
  const { uncapturedUses } = await rewriter;
  const bundles = readdirSync(REGISTER).filter(name => name.endsWith('.js') && !AT_START.includes(name));
  t.true(bundles.includes('first-call.js') && bundles.includes('first-finding.js'));
  const uses = bundles.flatMap(name => {
    const text = readFileSync(path.join(REGISTER, name), 'utf8');
    return uncapturedUses(text, name).map(({ line, what }) => `${placeOf(name, line)}: ${what}`);
  });
  t.deepEqual(uses, []);
});

/** In the sources, as the bundle's map has it. */
function placeOf(bundle: string, line: number): string {
  const map = new SourceMap(JSON.parse(readFileSync(path.join(REGISTER, `${bundle}.map`), 'utf8')));
  const entry = map.findEntry(line - 1, 0);
  if (!('originalSource' in entry)) return `${bundle}:${line}`;
  return `${path.relative(ROOT, path.resolve(REGISTER, entry.originalSource))}:${entry.originalLine + 1}`;
}

const REWRITTEN: Readonly<Record<string, string>> = {
  'list.map(work)': '$p.$map(list,work)',
  'list.filter(is).map(to)': '$p.$map($p.$filter(list,is),to)',
  'text?.match(/a/g)': "$p.optional(text,'$match',/a/g)",
  'text?.trim().length': "$p.optional(text,'$trim')?.length",
  'list?.includes(other.value.end)': "$p.optional(list,'$includes',other.value.end)",
  'for (const [a, , b] of list) use(a, b)': 'for (const {0:a,2:b} of $p.of(list)) use(a, b)',
  '[...list, other]': '[...$p.of(list), other]',
  'use(...list)': 'use(...$p.of(list))',
  'const [a, ...rest] = list': 'const [a, ...rest] = $p.of(list)',
  '([a, b = 1]) => a': '({0:a,1:b = 1}) => a',
  'Object.keys(x)': '$p.Object.keys(x)',
  'String(x)': '$p.String_(x)',
  'new Map(x)': 'new $p.Map(x)',
  'const { x } = { ...y }': 'const { x } = { ...y }',
  'x as readonly string[]': 'x as readonly string[]',
};

for (const [text, expected] of Object.entries(REWRITTEN)) {
  test(`"${text}" is rewritten to captured intrinsics`, async t => {
    const { captureIntrinsics } = await rewriter;
    t.is(captureIntrinsics(text, 'file.ts'), expected);
  });
}

for (const text of [
  '([a, ...rest]) => a',
  'list.map?.(work)',
  'Object.groupBy(list, work)',
  // Each argument of `optional` is evaluated, and this throws where there is no text.
  "text?.slice(text.indexOf(':'))",
  'text?.slice(text.length)',
]) {
  test(`"${text}" is an error of the build that names the file and the line`, async t => {
    const { captureIntrinsics } = await rewriter;
    t.throws(() => captureIntrinsics(`\n${text}`, path.join(ROOT, 'file.ts')), { message: /^file\.ts:2: / });
  });
}
