// A function fits on a screen: none is longer than 100 lines or nested deeper than 4.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { measureFunctions } from './support/function-size';
import { ROOT } from './support/run';

const MOST_LINES = 100;
const DEEPEST = 4;

const folders = new Set(
  readdirSync(path.join(ROOT, 'src'), { recursive: true })
    .map(String)
    .filter(name => name.endsWith('.ts'))
    .map(name => path.dirname(path.join('src', name)).split(path.sep).join('/')),
);

for (const folder of folders)
  test(`functions of ${folder} fit on a screen`, t => {
    const names = readdirSync(path.join(ROOT, folder)).filter(name => name.endsWith('.ts'));
    const sizes = names.flatMap(name => {
      const file = path.join(folder, name);
      return measureFunctions(readFileSync(path.join(ROOT, file), 'utf8'), file);
    });
    t.true(sizes.length > 0);
    t.deepEqual(
      sizes.filter(({ lines, depth }) => lines > MOST_LINES || depth > DEEPEST),
      [],
    );
  });

test('lines are counted with inner functions, and depth without them', t => {
  const code =
    'function outer() {\n  if (a) {\n    for (;;) list.map(x => {\n      if (x) y();\n    });\n  }\n}';
  t.deepEqual(measureFunctions(code, 'a.ts'), [
    { where: 'a.ts:1 outer', lines: 7, depth: 2 },
    { where: 'a.ts:3 outer', lines: 3, depth: 1 },
  ]);
});

test('each kind of function and of nesting counts', t => {
  const depth = (code: string) => measureFunctions(code, 'a.ts').map(size => size.depth);
  t.deepEqual(depth('class A { m() { while (a) try { b() } catch { do c(); while (d) } } }'), [3]);
  t.deepEqual(depth('const a = { m() { switch (a) { case 1: for (b in c); } } }'), [2]);
  t.deepEqual(depth('const a = () => { if (a) b(); else if (c) d(); else if (e) for (f of g) h(); }'), [2]);
  t.deepEqual(depth('class A { #m() { if (a) b() } get x() { return 1 } }'), [1, 0]);
  t.deepEqual(depth('const f = function () {}; export default function () {}'), [0, 0]);
});
