// What one file says: a program in one line, and the places it holds.

import test from 'ava';
import { findSites } from '../../src/scan/analysis/find-sites';
import type { Site } from '../../src/scan/analysis/site';
import { LAUNCHERS, short } from '../support/scan';

const read = (text: string, file = 'a.js'): readonly Site[] =>
  findSites(text, file, { launchers: LAUNCHERS });

const CP = "const cp = require('child_process');";

const CASES: readonly (readonly [code: string, ...sites: string[]])[] = [
  // What passes nothing.
  ["spawn('a', { stdio: 'inherit' })"],
  [`${CP} cp.spawn('a')`],
  [`${CP} cp.spawn('a', { stdio: ['ignore', out, err] })`],
  [`${CP} cp.spawn('a', { stdio: ['pipe', 'pipe', 'pipe', 'ignore'] })`],
  [`${CP} cp.spawn('a', { stdio: [0, 1, 2, null, undefined, , void 0] })`],
  [`${CP} cp.fork('a')`],
  [`${CP} cp.exec('a', { stdio: [0, 1, 2, 3] })`],
  [`${CP} cp.spawn('a', options)`],
  [`const kinds = ['tcp', 'ipc', 'unix', 'pipe'];`],
  [`child.stdio[2].on('data', f)`],
  [`const STDIO = new Set(['ipc', 'ignore', 'inherit', 'pipe']);`],
  [`if (['ignore', 'ipc'].includes(stdio)) f()`],
  [`const stdioTypes = ['pipe', 'ignore', 'inherit', 'overlapped'];`],
  [`(function (Kind) { Kind[Kind["ipc"] = 1] = "ipc"; Kind[Kind["stdio"] = 0] = "stdio" })(Kind)`],
  [`this.stdio[1] = 'pipe'`],

  [
    `${CP} const a = [0]; if (x) { a.push(1) } else { a.push('pipe') } if (y) a.push(2); else a.push('pipe'); cp.spawn('a', { stdio: a })`,
  ],
  [
    `${CP} const a = [0, 1]; switch (x) { case 1: a.push('pipe'); break; case 2: a.push(2) } cp.spawn('a', { stdio: a })`,
  ],

  // Arrays in the call, however the function is come by.
  [
    `${CP} cp.spawn('a', { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'overlapped'] })`,
    'certain spawn pipe 3,4',
  ],
  [`require('node:child_process').spawnSync('a', { stdio: [0, 1, 2, 5] })`, 'certain spawnSync fd 3'],
  [
    `const { spawn: s } = require('child_process'); s('a', [], { stdio: [0, 1, 2, 'ipc'] })`,
    'certain spawn ipc 3',
  ],
  [`import { fork } from 'node:child_process'; fork('a', { stdio: [0, 1, 2, 'ipc'] })`, 'certain fork ipc 3'],
  [`import cp from 'child_process'; cp.spawn('a', { stdio: ['ipc'] })`, 'certain spawn ipc 0'],
  [`import * as cp from 'child_process'; cp.execSync('a', { stdio: [0, 1, 2, 3] })`, 'certain execSync fd 3'],
  [
    `const cp = await import('node:child_process'); cp.spawn('a', { stdio: [0, 1, 2, 3] })`,
    'certain spawn fd 3',
  ],
  [
    `var c = __toESM(require('child_process'), 1); (0, c.spawn)('a', { stdio: [0, 1, 2, 'pipe'] })`,
    'certain spawn pipe 3',
  ],
  [
    `const r = createRequire(import.meta.url); r('child_process').spawn('a', { stdio: [0, 1, 2, 'pipe'] })`,
    'certain spawn pipe 3',
  ],
  [
    `process.getBuiltinModule('child_process').spawn('a', { stdio: [0, 1, 2, 'pipe'] })`,
    'certain spawn pipe 3',
  ],
  [
    `const run = promisify(require('child_process').spawn); run('a', { stdio: [0, 1, 2, 'pipe'] })`,
    'certain spawn pipe 3',
  ],
  [
    `const t = { 81: e => { e.exports = require('child_process') }, 4: (e, x, n) => { var c = n(81); (0, c.spawn)('a', { stdio: [0, 1, 2, 'ipc'] }) } }`,
    'certain spawn ipc 3',
  ],

  [
    `${CP} function run(start, o) { return start('a', o) } run(cp.spawn, { stdio: [0, 1, 2, 'ipc'] })`,
    'certain spawn ipc 3',
  ],
  [
    `${CP} class A { constructor(o) { this.spawn = o.spawn || cp.spawn } f() { this.spawn('a', { stdio: [0, 1, 2, 'ipc'] }) } }`,
    'certain spawn ipc 3',
  ],

  // Arrays from elsewhere in the file.
  [
    `${CP} const stdio = ['pipe', 'pipe', 'pipe']; stdio.push('ipc'); cp.spawn('a', { stdio })`,
    'certain spawn ipc 3',
  ],
  [
    `${CP} const stdio = [0, 1, 2]; stdio[3] = fs.openSync('x'); cp.spawn('a', { stdio })`,
    'certain spawn fd 3',
  ],
  [`${CP} const stdio = [0, 1, 2]; stdio[n] = 'pipe'; cp.spawn('a', { stdio })`, 'likely spawn pipe +'],
  [`${CP} const o = {}; o.stdio = [0, 1, 2, 'pipe']; cp.spawn('a', o)`, 'certain spawn pipe 3'],
  [`${CP} const o = { stdio: [0, 1, 2] }; o.stdio.push('pipe'); cp.spawn('a', o)`, 'certain spawn pipe 3'],
  [`${CP} const base = [0, 1, 2]; cp.spawn('a', { stdio: [...base, 'ipc'] })`, 'certain spawn ipc 3'],
  [
    `${CP} cp.spawn('a', { stdio: [0, 1, 2].concat('pipe', [fs.openSync('x')]) })`,
    'certain spawn fd/pipe 3,4',
  ],
  [`${CP} cp.spawn('a', { stdio: Array(5).fill('pipe') })`, 'certain spawn pipe 3,4'],
  [`${CP} cp.spawn('a', { stdio: Array(count).fill('pipe') })`, 'likely spawn pipe +'],
  [`${CP} cp.spawn('a', { stdio: [0, 1, 2, ...fds] })`, 'possible spawn fd/pipe +'],
  [`${CP} cp.spawn('a', { stdio: [0, 1, 2, log] })`, 'likely spawn fd/pipe 3'],
  [
    `${CP} function slots() { return [0, 1, 2, 'pipe'] } cp.spawn('a', { stdio: slots() })`,
    'certain spawn pipe 3',
  ],
  [
    `${CP} class A { #slots() { return [0, 1, 2, 'pipe'] } run() { cp.spawn('a', { stdio: this.#slots() }) } }`,
    'certain spawn pipe 3',
  ],
  [
    `${CP} const run = (a, o) => cp.spawn(a, o); run('a', { stdio: [0, 1, 2, 'ipc'] })`,
    'certain spawn ipc 3',
  ],
  [`${CP} cp.spawn('a', { ...base, stdio: ipc ? [0, 1, 2, 'ipc'] : 'inherit' })`, 'certain spawn ipc 3'],
  [`${CP} cp.spawn('a', Object.assign({}, o, { stdio: [0, 1, 2, 'ipc'] }))`, 'certain spawn ipc 3'],
  [
    `${CP} M.prototype.f = function () { this.with.stdio = [0, 1, 2, 'ipc']; cp.spawn('a', this.with) }`,
    'certain spawn ipc 3',
  ],
  [
    `${CP} for (const f of fds) { stdio.push('pipe') } var stdio = [0, 1, 2]; cp.spawn('a', { stdio })`,
    'likely spawn pipe +',
  ],
  [
    `${CP} const a = [0, 1, 2]; if (x) a.push('pipe'); else a.push('ipc'); cp.spawn('a', { stdio: a })`,
    'certain spawn ipc/pipe 3',
  ],

  // Changed in another branch than that of the call.
  [
    `${CP} const a = [0, 1, 2]; if (x) { a.push('ipc'); cp.fork('a', { stdio: a }) } else cp.spawn('a', { stdio: a })`,
    'certain fork ipc 3',
  ],
  [
    `${CP} for (;;) { const a = [0, 1, 2]; if (x) { a.push('ipc'); cp.fork('a', { stdio: a }) } else cp.spawn('a', { stdio: a }) }`,
    'certain fork ipc 3',
  ],
  [
    `${CP} const a = [0, 1, 2]; for (;;) if (x) a.push('pipe'); else cp.spawn('a', { stdio: a })`,
    'likely spawn pipe +',
  ],
  [
    `${CP} const a = [0, 1, 2]; function f() { if (x) a.push('pipe'); else cp.spawn('a', { stdio: a }) }`,
    'likely spawn pipe +',
  ],
  [
    `${CP} const a = [0, 1, 2]; switch (x) { case 1: a.push('pipe'); default: cp.spawn('a', { stdio: a }) }`,
    'certain spawn pipe 3',
  ],
  [`${CP} for (let a = [0, 1, 2]; ; ) { a.push('ipc'); cp.fork('a', { stdio: a }) }`, 'likely fork ipc +'],

  // What it is when it is passed.
  [`${CP} let a = [0, 1, 2, 'pipe']; a = [0, 1, 2]; cp.spawn('a', { stdio: a })`],
  [`${CP} function f(a) { a = [0, 1, 2]; cp.spawn('a', { stdio: a }) } f([0, 1, 2, 'pipe'])`],
  [
    `${CP} let a = [0, 1, 2]; for (;;) { cp.spawn('a', { stdio: a }); a = [0, 1, 2, 'pipe'] }`,
    'certain spawn pipe 3',
  ],
  [`${CP} let a = [0, 1, 2, 'pipe']; if (x) { a = [0] } cp.spawn('a', { stdio: a })`, 'certain spawn pipe 3'],
  [
    `${CP} let a; const set = () => { a = [0, 1, 2, 'pipe'] }; a = [0]; set(); cp.spawn('a', { stdio: a })`,
    'certain spawn pipe 3',
  ],
  [
    `${CP} function f(o) { o = checked(o); cp.spawn('a', o) } f({ stdio: [0, 1, 2, 'pipe'] })`,
    'certain spawn pipe 3',
  ],
  // execa, and cross-spawn beside a parser that has the same method.
  [
    `${CP} class P { _parse() {} } function f(o) { const p = cross._parse(c, o); o = p.options; o = { x: 1, ...o }; cp.spawn('a', o) } f({ stdio: [0, 1, 2, 'pipe'] })`,
    'certain spawn pipe 3',
  ],
  [
    `${CP} function f(o) { o = { stdio: [0, 1, 2] }; o = checked(o); cp.spawn('a', o) } f({ stdio: [0, 1, 2, 'pipe'] })`,
    'likely stdio pipe 3',
  ],
  [
    `${CP} const plain = o => ({ stdio: 'inherit' }); function f(o) { o = plain(o); cp.spawn('a', o) } f({ stdio: [0, 1, 2, 'pipe'] })`,
    'likely stdio pipe 3',
  ],
  [
    `${CP} const o = { stdio: [0, 1, 2, 'pipe'] }; cp.spawn('a', Object.assign({}, o, { stdio: 'inherit' }))`,
    'likely stdio pipe 3',
  ],
  [
    `${CP} cp.spawn('a', _objectSpread(_objectSpread({}, o), {}, { stdio: [0, 1, 2, 'pipe'] }))`,
    'certain spawn pipe 3',
  ],
  [
    `${CP} cp.spawn('a', __spreadProps(__spreadValues({}, o), { stdio: [0, 1, 2, 'pipe'] }))`,
    'certain spawn pipe 3',
  ],
  [`${CP} cp.spawn('a', m(m({}, o), { stdio: [0, 1, 2, 'pipe'] }))`, 'certain spawn pipe 3'],
  [`${CP} const o = Object.freeze({ stdio: [0, 1, 2, 'pipe'] }); cp.spawn('a', o)`, 'certain spawn pipe 3'],
  [
    `${CP} class A { static with = { stdio: [0, 1, 2, 'pipe'] } } cp.spawn('a', A.with)`,
    'certain spawn pipe 3',
  ],
  [
    `${CP} class A { constructor() { __publicField(this, 'with', { stdio: [0, 1, 2, 'pipe'] }) } f() { cp.spawn('a', this.with) } }`,
    'certain spawn pipe 3',
  ],
  [
    `${CP} const all = { a: [0, 1, 2, 'pipe'], b: 'inherit' }; cp.spawn('a', { stdio: all[kind] })`,
    'certain spawn pipe 3',
  ],
  [
    `${CP} const all = { a: [0, 1, 2, 'pipe'], b: 'inherit' }, kind = 'b'; cp.spawn('a', { stdio: all[kind] })`,
  ],
  [
    `${CP} for (const io of ['inherit', [0, 1, 2, 'pipe']]) cp.spawn('a', { stdio: io })`,
    'certain spawn pipe 3',
  ],
  [
    `${CP} ['inherit', [0, 1, 2, 'pipe']].forEach(io => cp.spawn('a', { stdio: io }))`,
    'certain spawn pipe 3',
  ],
  [
    `import { unsafe as u } from 'closefds'; import { spawn } from 'child_process'; spawn('a', u({ stdio: [0, 1, 2, 5] }, 'why'))`,
    'certain spawn fd 3',
    'certain unsafe +',
  ],

  // Arrays that are built, and such as get shorter.
  [`${CP} cp.spawn('a', { stdio: Array.from({ length: 5 }, () => 'pipe') })`, 'certain spawn pipe 3,4'],
  [`${CP} cp.spawn('a', { stdio: Array.from({ length: 3 }, () => 'pipe') })`],
  [`${CP} cp.spawn('a', { stdio: Array.from(fds, () => 'pipe') })`],
  [`${CP} cp.spawn('a', { stdio: [1, 2, 3, 4].map(() => 'pipe') })`, 'certain spawn pipe 3'],
  [`${CP} cp.spawn('a', { stdio: ['pipe', 'pipe', 'pipe'].map(x => x) })`],
  [
    `${CP} cp.spawn('a', { stdio: ['pipe', out, 'pipe', x ? 'ipc' : null].filter(Boolean) })`,
    'likely spawn ipc +',
  ],
  [`${CP} const a = [0, 1, 2]; a[a.length] = 'pipe'; cp.spawn('a', { stdio: a })`, 'certain spawn pipe 3'],
  [`${CP} const a = [0, 1, 2, 'pipe']; a.pop(); cp.spawn('a', { stdio: a })`, 'likely spawn pipe +'],
  [`${CP} const a = [0, 1, 2, 'pipe']; if (x) a.pop(); cp.spawn('a', { stdio: a })`, 'certain spawn pipe 3'],
  [`${CP} const a = [0, 1, 2, 'pipe']; a.length = 3; cp.spawn('a', { stdio: a })`, 'likely spawn pipe +'],
  [`${CP} const a = [0, 1, 2]; a.splice(3, 0, 'pipe'); cp.spawn('a', { stdio: a })`, 'certain spawn pipe 3'],
  [`${CP} const a = [0, 1, 2, 'pipe']; a.splice(3, 1); cp.spawn('a', { stdio: a })`, 'likely spawn pipe +'],
  [
    `${CP} var b = [0, 1, 2]; cp.spawn('a', { stdio: __spreadArray(__spreadArray([], __read(b), false), ['ipc'], false) })`,
    'certain spawn ipc 3',
  ],
  [
    `${CP} var f = (a, b) => a.concat(b); cp.spawn('a', { stdio: f(f([], [0, 1, 2], !0), ['ipc'], !1) })`,
    'certain spawn ipc 3',
  ],
  [
    `${CP} var b = [0, 1, 2]; cp.spawn('a', { stdio: [].concat(_toConsumableArray(b), ['ipc']) })`,
    'certain spawn ipc 3',
  ],

  // Launchers.
  [`import { execa } from 'execa'; execa('a', { stdio: [0, 1, 2, 'pipe'] })`, 'certain execa.execa pipe 3'],
  [`import { execaNode } from 'execa'; execaNode('a.js')`, 'certain execa.execaNode ipc 3'],
  [`import { execaNode } from 'execa'; execaNode('a.js', { ipc: false })`],
  [`const execa = require('execa'); execa.node('a.js')`, 'certain execa.node ipc 3'],
  [`import { execa } from 'execa'; execa('a', { ipc: true })`, 'certain execa.execa ipc 3'],
  // execa's channel is behind the slots of its caller.
  [`const execa = require('execa'); execa.node('a.js', args, { cwd })`, 'certain execa.node ipc 3'],
  [
    `const execa = require('execa'); execa.node('a.js', { stdio: [0, 1, 2, 'pipe'] })`,
    'certain execa.node ipc/pipe 3,4',
  ],
  [`const execa = require('execa'); execa.node('a.js', { stdio: ['pipe'] })`, 'certain execa.node ipc 3'],
  [
    `const execa = require('execa'); execa.node('a.js', { stdio: [0, 1, 2, 'ipc', 'pipe'] })`,
    'certain execa.node ipc/pipe 3,4',
  ],
  [
    `const execa = require('execa'); execa.node('a.js', { stdio: [0, 1, 2, ...more] })`,
    'likely execa.node fd/ipc/pipe +',
  ],
  [`const execa = require('execa'); execa.node('a.js', { stdio: 'inherit' })`, 'certain execa.node ipc 3'],
  [
    `const execa = require('execa'); execa.node('a.js', { stdio: x ? 'inherit' : [0, 1, 2, 'pipe'] })`,
    'certain execa.node ipc/pipe 3,4',
  ],
  [`const execa = require('execa'); execa.node('a.js', { stdio: slots })`, 'likely execa.node ipc +'],
  [`const execa = require('execa'); execa.node('a.js', [], options)`, 'likely execa.node ipc +'],
  [
    `import { execa } from 'execa'; execa('a', { ipc: true, stdio: [0, 1, 2, 'pipe'] })`,
    'certain execa.execa ipc/pipe 3,4',
  ],
  [
    `const spawn = require('cross-spawn'); spawn.sync('a', { stdio: [0, 1, 2, 'ipc'] })`,
    'certain cross-spawn.sync ipc 3',
  ],
  [
    `import spawn from 'nano-spawn'; await spawn('a', { stdio: [0, 1, 2, 'pipe'] })`,
    'certain nano-spawn pipe 3',
  ],
  [`import { $ } from 'zx'; await $({ stdio: [0, 1, 2, 'pipe'] })\`a\``, 'certain zx.$ pipe 3'],

  // No call in sight.
  [`module.exports = { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] }`, 'likely stdio ipc 3'],
  [`this.run('a', { stdio: [0, 1, 2, 'pipe'] })`, 'likely stdio pipe 3'],
  [`options.stdio.push('ipc')`, 'likely stdio ipc +'],
  [`/* stdio */ const slots = () => ['pipe', 'pipe', 'pipe', 'pipe']`, 'possible stdio pipe 3'],
  [`this.stdio[3] = 'pipe'`, 'likely stdio pipe 3'],
  [`const add = stdio => [...stdio, 'ipc']`, 'possible stdio ipc +'],
  [`/* stdio */ list.push('ipc')`, 'possible stdio ipc +'],

  // Uses.
  [`child.stdio[3].write('x')`, 'likely use pipe 3'],
  [`const { 3: out, 4: back } = child.stdio`, 'likely use pipe 3,4'],
  [`f(child.stdio[3], child.stdio[4])`, 'likely use pipe 3,4'],
  [`const [, , , out] = child.stdio`, 'likely use pipe 3'],

  // Below child_process, around it, and said so.
  [`process.binding('process_wrap')`, "possible process.binding('process_wrap') +"],
  [`process.binding('spawn_sync')`, "possible process.binding('spawn_sync') +"],
  [`process.binding('fs') // child_process`],
  [`process.execve('/bin/a', [])`, 'possible process.execve stray +'],
  [`const { ChildProcess } = require('child_process'); new ChildProcess()`, 'possible new ChildProcess +'],
  [
    `const { ChildProcess } = require('child_process'); new ChildProcess().spawn({ file: 'a', stdio: [0, 1, 2, 'pipe'] })`,
    'certain ChildProcess.spawn pipe 3',
    'possible new ChildProcess +',
  ],
  [`${CP} cp.spawn = function () {}`, 'certain patch spawn'],
  [`${CP} cp.ChildProcess.prototype.spawn = function () {}`, 'certain patch ChildProcess.prototype.spawn'],
  [`${CP} shimmer.wrap(cp, 'fork', f)`, 'certain patch fork'],
  // A child_process that arrives as a parameter.
  [
    `module.exports = function (agent, childProcess, name, shim) { shim.wrap(childProcess, 'spawn', f) }`,
    'likely patch spawn',
  ],
  [
    `exports.f = (childProcess, shim) => { const all = ['exec', 'spawn']; shim.record(childProcess, all, f) }`,
    'likely patch exec',
  ],
  [`module.exports = child_process => { child_process.fork = f }`, 'likely patch fork'],
  [`module.exports = ({ childProcess }) => { childProcess.exec = f }`, 'likely patch exec'],
  [
    `/* child_process */ module.exports = (mod, shimmer) => { shimmer.massWrap(mod, ['execFile', 'spawn'], f) }`,
    'possible patch execFile',
  ],
  [`/* child_process */ module.exports = (mod, shim) => { shim.wrap(mod, 'exec', f) }`],
  [`module.exports = childProcess => { childProcess.killed = true }`],
  [`import { withFds } from 'closefds'; spawn('a', withFds({}, { 3: fd }))`, 'certain withFds fd/pipe 3'],

  // The same by other ways.
  [`${CP} cp.spawn.apply(cp, ['a', { stdio: [0, 1, 2, 'pipe'] }])`, 'certain spawn pipe 3'],
  [`${CP} cp.spawn(...['a', { stdio: [0, 1, 2, 'pipe'] }])`, 'certain spawn pipe 3'],
  [`${CP} Reflect.apply(cp.spawn, cp, ['a', { stdio: [0, 1, 2, 'pipe'] }])`, 'certain spawn pipe 3'],
  [`${CP} cp.spawn('a', ['pipe', 'pipe', 'pipe', 'ipc'])`],
  [
    `import('child_process').then(({ spawn }) => spawn('a', { stdio: [0, 1, 2, 'pipe'] }))`,
    'certain spawn pipe 3',
  ],
  [
    `import('child_process').then(m => m.default.spawn('a', { stdio: [0, 1, 2, 'pipe'] }))`,
    'certain spawn pipe 3',
  ],
  [
    `const { spawn } = await Promise.resolve().then(() => __importStar(require('child_process'))); spawn('a', { stdio: [0, 1, 2, 'pipe'] })`,
    'certain spawn pipe 3',
  ],
  [`const { binding } = process; binding('process_wrap')`, "possible process.binding('process_wrap') +"],
  [`const { execve } = globalThis.process; execve('/bin/a')`, 'possible process.execve stray +'],
  [`const process = new Game(); process.execve('/bin/a'); process.binding('spawn_sync')`],
  [
    `class A extends require('child_process').ChildProcess {} new A().spawn({ stdio: [0, 1, 2, 'pipe'] })`,
    'certain ChildProcess.spawn pipe 3',
    'possible new ChildProcess +',
  ],
  [`${CP} Object.assign(cp, { spawn() {} })`, 'certain patch spawn'],
  [`${CP} Reflect.set(cp, 'exec', f)`, 'certain patch exec'],
  [`${CP} shimmer.massWrap([cp], ['exec', 'fork'], f)`, 'certain patch exec'],
  [
    `${CP} for (const name of ['spawn', 'fork']) { const old = cp[name]; cp[name] = function () { return old() } }`,
    'certain patch spawn',
  ],
  [
    `import { Hook as H } from 'require-in-the-middle'; new H(['child_process'], exports => { exports.spawn = f })`,
    'certain patch spawn',
  ],
  [
    `addHook({ name: ['child_process', 'node:child_process'] }, cp => { shimmer.wrap(cp, 'spawn', f) })`,
    'certain patch spawn',
  ],
  [`${CP} const mine = Object.create(cp); mine.spawn = f; Object.assign(exports, cp, { spawn: f })`],
  [`const { stdio: [, , , a, b] } = child`, 'likely use pipe 3,4'],
  [`let a; [, , , a] = child.stdio`, 'likely use pipe 3'],
  [`child.stdio.at(4).end()`, 'likely use pipe 4'],
  [`const { stdio } = child; stdio[3].on('data', f)`, 'likely use pipe 3'],
  [`const { stdio } = options; if (stdio[3] === 'ipc') f()`],
];

for (const [code, ...expected] of CASES)
  test(code, t => {
    t.deepEqual(read(code).map(short).sort(), expected.sort());
  });

/** Every way of writing, with the same place in it. */
const FORMS: readonly { readonly file: string; readonly code: string }[] = [
  {
    file: 'a.ts',
    code: "import { spawn, type X } from 'child_process'; spawn('a', <X>{ stdio: [0, 1, 2, 'ipc'] as const });",
  },
  {
    file: 'a.ts',
    code: "import cp = require('child_process'); cp.spawn('a', { stdio: [0, 1, 2, 'ipc'] } satisfies X);",
  },
  {
    file: 'a.mts',
    code: "import { spawn } from 'child_process'; enum A { B } spawn!('a', { stdio: [0, 1, 2, 'ipc'] });",
  },
  {
    file: 'a.tsx',
    code: "import { spawn } from 'child_process'; const e = <a b={spawn('a', { stdio: [0, 1, 2, 'ipc'] })} />;",
  },
  {
    file: 'a.jsx',
    code: "import { spawn } from 'child_process'; const e = <a b={spawn('a', { stdio: [0, 1, 2, 'ipc'] })} />;",
  },
  {
    file: 'a.js',
    code: "import { spawn } from 'child_process'; const e = <a b={spawn('a', { stdio: [0, 1, 2, 'ipc'] })} />;",
  },
  {
    file: 'a.js',
    code: "// @flow\nimport { spawn } from 'child_process'; (spawn('a', { stdio: [0, 1, 2, 'ipc'] }): X);",
  },
  {
    file: 'a.ts',
    code: "import { spawn } from 'child_process'; @d() class A { @e f = spawn('a', { stdio: [0, 1, 2, 'ipc'] }) }",
  },
  {
    file: 'a.js',
    code: "#!/usr/bin/env node\nconst { spawn } = require('child_process'); return spawn('a', { stdio: [0, 1, 2, 'ipc'] })",
  },
  {
    file: 'a.js',
    code: "var t=require('child_process');t.spawn('a',{stdio:[`inherit`,`inherit`,`inherit`,`ipc`],shell:!1});",
  },
  {
    file: 'a.js',
    code: "const cp = require('child_process'); const cp = 1; cp.spawn('a', { stdio: [0, 1, 2, 'ipc'] })",
  },
  {
    file: 'a.ts',
    code: "import { spawn } from 'child_process'; const io = [0, 1, 2, 'ipc'] as const; spawn('a', { stdio: io });",
  },
  {
    file: 'a.ts',
    code: "import { spawn } from 'child_process'; const f = (() => { return { stdio: [0, 1, 2, 'ipc'] } as X }) as Y; spawn('a', f());",
  },
  // An argument too few, which Babel forgives.
  { file: 'a.js', code: "const { spawn } = require('child_process'); spawn(, { stdio: [0, 1, 2, 'ipc'] });" },
  { file: 'a.cjs', code: "with (x) { require('child_process')?.spawn?.('a', { stdio: [0, 1, 2, 'ipc'] }) }" },
];

for (const { file, code } of FORMS)
  test(`${file}: ${code}`, t => {
    t.deepEqual(read(code, file).map(short), ['certain spawn ipc 3']);
  });

test('a place is where the stack at run time has the call', t => {
  const code =
    "const cp = require('child_process');\n\n  cp.spawn('a', {\n    stdio: [\n      0,1,2,\n      'ipc'\n  ]});\n";
  const [site] = read(code);
  t.deepEqual([site?.line, site?.column, site?.lines], [3, 6, [3, 4, 5, 6, 7]]);
});

test('a text without the words is not parsed', t => {
  t.deepEqual(read('this is ( no JavaScript'), []);
  t.throws(() => read('stdio ( no JavaScript'), { instanceOf: SyntaxError });
});

test('deep nesting is a RangeError, and long chains are read', t => {
  const deep = 20_000;
  t.throws(() => read(`stdio(${'['.repeat(deep)}${']'.repeat(deep)})`), { instanceOf: RangeError });
  const long = `${CP} x = ${"'a' + ".repeat(2000)}'b'; cp.spawn('a', { stdio: [0, 1, 2, 'ipc'] })`;
  t.deepEqual(read(long).map(short), ['certain spawn ipc 3']);
});

test('a class that is made over and over costs the rest of the file nothing', t => {
  const names = Array.from({ length: 400 }, (_, index) => `a${index}`);
  const chain = names.map((name, index) => `let ${name} = ${names[index + 1] ?? 'class {}'};`).join(' ');
  const code = `${chain} ${'new a0();'.repeat(2000)} ${CP} const io = [0, 1, 2, 'ipc']; cp.spawn('a', { stdio: io })`;
  t.deepEqual(read(code).map(short), ['certain spawn ipc 3']);
});

test('what refers to itself ends', t => {
  const code = `${CP} let a = b, b = a; a.stdio = b.stdio; function f(x) { return f(x) } cp.spawn('a', { stdio: f(a), ...a }); cp.spawn('a', a)`;
  t.deepEqual(read(code), []);
  const tables = `${CP} var i = a[i], a = [a[i], i]; a.forEach(x => { a = x; x.forEach(y => { x = y[x]; i = y }) }); cp.spawn('a', { stdio: a[i] }); cp.spawn('a', i)`;
  t.deepEqual(read(tables), []);
});
