// Launchers: code that starts processes with the options of its own caller. And unsafe(), with its reason.

import test from 'ava';
import { findSites } from '../../src/scan/analysis/find-sites';
import { LAUNCHERS, short } from '../support/scan';

const read = (code: string) => findSites(code, 'a.js', { launchers: LAUNCHERS });
const CP = "const cp = require('child_process');";

const HANDED_ON: Readonly<Record<string, string>> = {
  'options of an exported function': 'exports.run = (cmd, args, options) => cp.spawn(cmd, args, options)',
  'options of a function that is exported by its name':
    'function run(cmd, args, o) { cp.spawn(cmd, args, o) } module.exports = { run }',
  'options that are spread after a default':
    "module.exports = (cmd, args, options) => cp.spawn(cmd, args, { stdio: 'inherit', ...options })",
  'options that Object.assign() copies':
    'module.exports = (cmd, options) => cp.spawn(cmd, Object.assign({}, base, options))',
  'options that an unknown function completes':
    'module.exports = (cmd, args, options) => cp.spawn(cmd, args, normalize(options))',
  'stdio alone': 'module.exports = (cmd, o) => cp.spawn(cmd, { cwd: o.cwd, stdio: o.stdio })',
  'stdio of a destructured parameter': 'module.exports = ({ cmd, stdio }) => cp.spawn(cmd, { stdio })',
  'the rest of destructured options':
    'module.exports = (cmd, opts) => { const { timeout, ...rest } = opts; cp.spawn(cmd, [], rest) }',
  'options that an object keeps':
    "class A { constructor(o) { this.stdio = o.stdio } go() { cp.spawn('a', [], { stdio: this.stdio }) } } module.exports = A",
  'options that an exported function passes to one of its own':
    "function run(cmd, o) { cp.spawn(cmd, [], o) } exports.go = options => run('a', options)",
  'options that an exported constant passes to another function':
    "const go = ({ options }) => cp.spawn('a', options); const all = (o) => ({ options: o }); module.exports = o => { const { options } = all(o); go({ options }) }",
  'all arguments': 'module.exports = (...args) => cp.spawn(...args)',
  'all arguments of a function': 'module.exports = function () { return cp.spawn.apply(cp, arguments) }',
  'options with a default that only one branch sets':
    "module.exports = (cmd, opts) => { if (!opts.stdio) opts.stdio = 'inherit'; cp.spawn(cmd, opts) }",
};

for (const [title, code] of Object.entries(HANDED_ON))
  test(`a launcher hands on ${title}`, t => {
    t.deepEqual(read(`${CP} ${code}`).map(short), ['possible launcher spawn +']);
  });

const KEPT: Readonly<Record<string, string>> = {
  'sets stdio after the options':
    "module.exports = (cmd, args, options) => cp.spawn(cmd, args, { ...options, stdio: 'inherit' })",
  'sets stdio of the options':
    "module.exports = (cmd, opts) => { opts.stdio = 'inherit'; cp.spawn(cmd, opts) }",
  'sets stdio of the options in each branch':
    "module.exports = (cmd, opts) => { if (a) opts.stdio = 'inherit'; else opts.stdio = 'ignore'; cp.spawn(cmd, opts) }",
  'sets stdio of the options in the branch of the call':
    "module.exports = (cmd, opts) => { if (a) { opts.stdio = 'inherit'; cp.spawn(cmd, opts) } }",
  'takes only the environment': 'module.exports = (cmd, o) => cp.spawn(cmd, { env: o.env })',
  'takes only the arguments of the command': 'module.exports = (cmd, args) => cp.spawn(cmd, args)',
  'is called only with its own options':
    "function run(cmd, options) { cp.spawn(cmd, [], options) } run('a', { cwd })",
  'is a callback': "list.forEach(options => cp.spawn('a', options))",
  'uses a function that ignores stdio': 'module.exports = (cmd, options) => cp.exec(cmd, options)',
};

for (const [title, code] of Object.entries(KEPT))
  test(`a function that ${title} is no launcher`, t => {
    t.deepEqual(read(`${CP} ${code}`).map(short), []);
  });

test('a launcher that uses another launcher alone is found', t => {
  const code =
    "const spawn = require('cross-spawn'); module.exports = (cmd, args, o = {}) => spawn(cmd, args, o)";
  t.deepEqual(read(code).map(short), ['possible launcher cross-spawn +']);
});

test('an exported constant is a launcher, although the file calls it', t => {
  const code =
    "import cp from 'child_process'; export const run = (cmd, o) => cp.spawn(cmd, [], o); run('a', {})";
  t.deepEqual(read(code).map(short), ['possible launcher spawn +']);
});

test('a launcher that passes slots of its own is both', t => {
  const code = `${CP} exports.run = (cmd, o) => cp.spawn(cmd, { stdio: o.stdio ?? [0, 1, 2, 'ipc'] })`;
  t.deepEqual(read(code).map(short).sort(), ['certain spawn ipc 3', 'possible launcher spawn +']);
});

const GIVEN: readonly { readonly call: string; readonly given: string }[] = [
  { call: "unsafe({ cwd }, 'the agent reads 3')", given: 'the agent reads 3' },
  { call: "const why = 'because'; unsafe({}, why)", given: 'because' },
  { call: "unsafe({}, 'be' + cause)", given: "'be' + cause" },
];

for (const { call, given } of GIVEN)
  test(`a call of unsafe() is listed with its reason: ${call}`, t => {
    const [site, ...others] = read(`import { unsafe } from 'closefds'; ${call}`);
    t.deepEqual([site && short(site), site?.given, others], ['certain unsafe +', given, []]);
  });

test('unsafe() is found as a member of the package, and a function of that name is another', t => {
  t.is(read("const c = require('closefds'); c.unsafe(options, 'x')").length, 1);
  t.deepEqual(read("import 'closefds'; unsafe(options, 'x')"), []);
});
