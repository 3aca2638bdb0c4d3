// Modules that a file imports by a relative specifier: functions that change an array are read there.

import test from 'ava';
import { findLinkedSites } from '../../src/scan/analysis/find-sites';
import { LAUNCHERS, short } from '../support/scan';

const MODULES: Readonly<Record<string, string>> = {
  './members': 'exports.put = (list, i, v) => { list[i] = v };',
  './object': 'function put(list, i, v) { list[i] = v } module.exports = { put, keep(l) { kept = l } };',
  './module.mjs':
    'export function put(list, i, v) { list[i] = v } const add = (s, v) => s.push(v); export { add as reserve }; export default add;',
  './again': "const { put } = require('./members'); exports.put = list => put(list, 3, 'pipe');",
  './broken': 'this is ( no JavaScript',
};

const read = (code: string) => {
  const text = `const cp = require('child_process'); ${code} cp.spawn('a', { stdio });`;
  const load = (name: string) => {
    const found = MODULES[name];
    return found === undefined ? undefined : { text: found, file: name };
  };
  return findLinkedSites(text, 'a.js', { launchers: LAUNCHERS, load }).sites.map(short);
};
const IO = 'const stdio = [0, 1, 2];';

interface Case {
  readonly title: string;
  readonly code: string;
  readonly site: string;
}

const CASES: readonly Case[] = [
  {
    title: 'a member that is assigned to exports',
    code: `const { put } = require('./members'); ${IO} put(stdio, 3, 'pipe'); stdio.push('ipc');`,
    site: 'certain spawn ipc/pipe 3,4',
  },
  {
    title: 'a member of the required module',
    code: `const m = require('./object'); ${IO} m.put(stdio, 3, 'pipe');`,
    site: 'certain spawn pipe 3',
  },
  {
    title: 'named exports',
    code: `import { put, reserve } from './module.mjs'; ${IO} put(stdio, 3, 'pipe'); reserve(stdio, 'ipc');`,
    site: 'certain spawn ipc/pipe 3,4',
  },
  {
    title: 'a namespace',
    code: `import * as m from './module.mjs'; ${IO} m.put(stdio, 3, 'pipe');`,
    site: 'certain spawn pipe 3',
  },
  {
    title: 'a default export',
    code: `import add from './module.mjs'; ${IO} add(stdio, 'pipe');`,
    site: 'certain spawn pipe 3',
  },
  {
    title: 'a function that keeps the array',
    code: `const m = require('./object'); ${IO} m.keep(stdio);`,
    site: 'possible spawn fd/pipe +',
  },
  {
    title: 'a function of a module that the module imports is unknown',
    code: `const { put } = require('./again'); ${IO} put(stdio);`,
    site: 'possible spawn fd/pipe +',
  },
  {
    title: 'a module that is not there',
    code: `const { put } = require('./none'); ${IO} put(stdio, 3, 'pipe');`,
    site: 'possible spawn fd/pipe +',
  },
  {
    title: 'a module that cannot be parsed',
    code: `const { put } = require('./broken'); ${IO} put(stdio, 3, 'pipe');`,
    site: 'possible spawn fd/pipe +',
  },
];

for (const { title, code, site } of CASES) test(title, t => t.deepEqual(read(code), [site]));
