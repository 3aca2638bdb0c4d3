// Which declaration a name refers to: a name that hides child_process's function is no certain call of it.

import test from 'ava';
import { findSites } from '../../src/scan/analysis/find-sites';
import { LAUNCHERS, short } from '../support/scan';

const IMPORT = "import { spawn } from 'node:child_process'; const options = { stdio: [0, 1, 2, 'pipe'] };";
const CALL = "spawn('a', options)";

const read = (code: string): readonly string[] =>
  findSites(`${IMPORT} ${code}`, 'a.ts', { launchers: LAUNCHERS }).map(short);

const HIDING: Readonly<Record<string, string>> = {
  'the parameter of a catch clause': `try { f() } catch (spawn) { ${CALL} }`,
  'a destructured parameter of a catch clause': `try { f() } catch ({ spawn }) { ${CALL} }`,
  'the name of a class expression': `const A = class spawn { static run() { ${CALL} } };`,
  'the name of a class': `{ class spawn {} ${CALL} }`,
  'the name of a function expression': `(function spawn() { ${CALL} });`,
  'a parameter': `function f(spawn) { ${CALL} }`,
  'a parameter with a default value': `function f(spawn = 1) { ${CALL} }`,
  'a variable of a for loop': `for (let spawn = f; ; ) ${CALL};`,
  'a variable of a for-in loop': `for (const spawn in x) ${CALL};`,
  'a variable of a for-of loop': `for (const spawn of x) ${CALL};`,
  'a var of a static block': `class A { static { var spawn = f; ${CALL} } }`,
  'a function of a namespace': `namespace N { export function spawn(...x) {} ${CALL} }`,
  'a var of a namespace': `namespace N { var spawn = f; ${CALL} }`,
  'an exported function of another block of the namespace': `namespace N { export function spawn(...x) {} } namespace N { ${CALL} }`,
  'a namespace': `function f() { namespace spawn { export const a = 1 } ${CALL} }`,
  'an enum': `function f() { enum spawn { A } ${CALL} }`,
  'a declared function': `namespace N { declare function spawn(...x): void; ${CALL} }`,
  'an alias of another function': `namespace N { import spawn = M.run; ${CALL} }`,
};

for (const [title, code] of Object.entries(HIDING))
  test(`${title} hides an imported function`, t => {
    // The options are seen, but not the call that gets them.
    t.deepEqual(read(code), ['likely stdio pipe 3']);
  });

const VISIBLE: Readonly<Record<string, string>> = {
  'a parameter of a catch clause ends with the clause': `try { f() } catch (spawn) {} ${CALL}`,
  'the name of a class expression ends with the class': `const A = class spawn {}; ${CALL}`,
  'a var of a static block ends with the block': `class A { static { var spawn = f } } ${CALL}`,
  'a function of a namespace ends with the namespace': `namespace N { export function spawn() {} } ${CALL}`,
  'a member of a namespace is no name outside': `namespace A.spawn {} ${CALL}`,
  'a namespace sees the names around it': `namespace N { ${CALL} }`,
};

for (const [title, code] of Object.entries(VISIBLE))
  test(title, t => {
    t.deepEqual(read(code), ['certain spawn pipe 3']);
  });

test('an alias of a member of an import refers to that member', t => {
  const code = "import cp = require('child_process'); import run = cp.fork; run('a', options)";
  t.deepEqual(read(code), ['certain fork pipe 3']);
});
