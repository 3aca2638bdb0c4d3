// Arrays that are passed to a function before a process gets them: what the function does is known, or said not to be.

import test from 'ava';
import { findSites } from '../../src/scan/analysis/find-sites';
import { LAUNCHERS, short } from '../support/scan';

const read = (code: string) => findSites(code, 'a.js', { launchers: LAUNCHERS });

interface Case {
  readonly title: string;
  readonly code: string;
  readonly sites: readonly string[];
}

const START = "const cp = require('child_process');";
const PUT = 'function put(list, i, v) { list[i] = v }';
const ADD = 'function add(list, v) { list.push(v) }';
const IO = 'const stdio = [0, 1, 2];';
const SPAWN = "cp.spawn('a', { stdio });";

const CASES: readonly Case[] = [
  {
    title: 'a function of the file that sets a slot',
    code: `${PUT} ${IO} put(stdio, 3, 'pipe'); ${SPAWN}`,
    sites: ['certain spawn pipe 3'],
  },
  {
    title: 'a channel after such a function has the next slot',
    code: `${PUT} ${IO} put(stdio, 3, 'pipe'); stdio.push('ipc'); ${SPAWN}`,
    sites: ['certain spawn ipc/pipe 3,4'],
  },
  {
    title: 'each call of a function has its own arguments',
    code: `${PUT} const a = [0, 1, 2], b = [0, 1, 2]; put(a, 3, 'pipe'); put(b, 5, 'ipc'); cp.spawn('a', { stdio: a }); cp.fork('b', { stdio: b })`,
    sites: ['certain fork ipc 5', 'certain spawn pipe 3'],
  },
  {
    title: 'two calls of one function add two slots',
    code: `${ADD} ${IO} add(stdio, 'pipe'); add(stdio, 'ipc'); ${SPAWN}`,
    sites: ['certain spawn ipc/pipe 3,4'],
  },
  {
    title: 'a function that is called in a loop adds an unknown number of slots',
    code: `${ADD} ${IO} for (const x of y) add(stdio, 'pipe'); ${SPAWN}`,
    sites: ['likely spawn pipe +'],
  },
  {
    title: 'a function that loops sets unknown slots',
    code: `function fill(list, all) { for (const one of all) list[one.fd] = 'pipe' } ${IO} fill(stdio, all); ${SPAWN}`,
    sites: ['likely spawn pipe +'],
  },
  {
    title: 'a slot whose number is a property of an argument',
    code: `function fill(list, secret, x) { list[secret.fd] = x ?? 'overlapped' } ${IO} fill(stdio, { fd: 5 }, y); ${SPAWN}`,
    sites: ['likely spawn pipe 5'],
  },
  {
    title: 'a function that passes the array on',
    code: `function both(list) { add(list, 'pipe'); add(list, 'ipc') } ${ADD} ${IO} both(stdio); ${SPAWN}`,
    sites: ['certain spawn ipc/pipe 3,4'],
  },
  {
    title: 'a private method',
    code: `class A { #add(list) { list.push('ipc') } go() { ${IO} this.#add(stdio); ${SPAWN} } }`,
    sites: ['certain spawn ipc 3'],
  },
  {
    title: 'a function of an object literal',
    code: `const h = { add(list) { list.push('ipc') } }; ${IO} h.add(stdio); ${SPAWN}`,
    sites: ['certain spawn ipc 3'],
  },
  {
    title: 'a function that adds to the options',
    code: `function add(o) { o.stdio.push('ipc') } const o = { stdio: [0, 1, 2] }; add(o); cp.spawn('a', o)`,
    sites: ['certain spawn ipc 3'],
  },
  {
    title: 'a function that changes the array and returns it',
    code: `function add(list, v) { list.push(v); return list } ${IO} cp.spawn('a', { stdio: add(stdio, 'pipe') })`,
    sites: ['certain spawn pipe 3'],
  },
  {
    title: 'a function that only reads the array',
    code: `function isLong(list) { return list.length > 3 } const stdio = [0, 1, 2, 'pipe']; if (isLong(stdio)) ${SPAWN}`,
    sites: ['certain spawn pipe 3'],
  },
  {
    title: 'functions that write a log',
    code: `const stdio = [0, 1, 2, 'pipe']; console.log(stdio); debug(stdio); ${SPAWN}`,
    sites: ['certain spawn pipe 3'],
  },
  {
    title: 'a builder that returns options in an object',
    code: `function build() { const stdio = [0, 1, 2, 'pipe']; return { options: { stdio } } } const { options } = build(); cp.spawn('a', options)`,
    sites: ['certain spawn pipe 3'],
  },
  {
    title: 'an arrow function that spreads its options',
    code: `const run = (cmd, o = {}) => cp.spawn(cmd, { cwd, ...o }); run('a', { stdio: [0, 1, 2, 'pipe'] })`,
    sites: ['certain spawn pipe 3'],
  },
  {
    title: 'an imported function may do anything',
    code: `const { put } = require('./put'); ${IO} put(stdio, 3, 'pipe'); stdio.push('ipc'); ${SPAWN}`,
    sites: ['possible spawn fd/ipc/pipe +'],
  },
  {
    title: 'an imported function may return anything',
    code: `const { reserve } = require('./reserve'); ${IO} cp.spawn('a', { stdio: reserve(stdio, 'pipe') })`,
    sites: ['possible spawn fd/pipe +'],
  },
  {
    title: 'a function that is not in the file may change slots that are written here',
    code: `const stdio = [0, 1, 2, 'pipe']; other(stdio); ${SPAWN}`,
    sites: ['possible spawn fd/pipe +'],
  },
  {
    title: 'a method of an object from elsewhere is not that of a class of the file',
    code: `class A { put(list) {} } ${IO} helper.put(stdio); ${SPAWN}`,
    sites: ['possible spawn fd/pipe +'],
  },
  {
    title: 'a function that keeps the array may change it later',
    code: `function keep(list) { kept = list } const stdio = [0, 1, 2, 'pipe']; keep(stdio); ${SPAWN}`,
    sites: ['possible spawn fd/pipe +'],
  },
  {
    title: 'a function that sorts the array',
    code: `function sorted(list) { list.sort() } const stdio = [0, 1, 2, 'pipe']; sorted(stdio); ${SPAWN}`,
    sites: ['possible spawn fd/pipe +'],
  },
  {
    title: 'what comes after the call does not count',
    code: `const stdio = [0, 1, 2, 'pipe']; ${SPAWN} other(stdio);`,
    sites: ['certain spawn pipe 3'],
  },
  {
    title: 'a function that gets an array which no call has is no evidence',
    code: `const stdio = [0, 1, 2]; this.run('a', stdio);`,
    sites: [],
  },
  {
    title: 'a number that is counted up is unknown',
    code: `let i = 3; i++; ${IO} stdio[i] = 'pipe'; ${SPAWN}`,
    sites: ['likely spawn pipe +'],
  },
  {
    title: 'a constant number',
    code: `const FD = 4; ${IO} stdio[FD] = 'pipe'; ${SPAWN}`,
    sites: ['certain spawn pipe 4'],
  },
];

for (const { title, code, sites } of CASES)
  test(title, t => {
    t.deepEqual(
      read(`${START} ${code}`)
        .filter(({ siteType }) => siteType !== 'launcher')
        .map(short)
        .sort(),
      sites,
    );
  });
