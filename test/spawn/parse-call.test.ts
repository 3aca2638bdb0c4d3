// Which calls leave first: those that ask for nothing, told without running anybody's code.

import util from 'node:util';
import test from 'ava';
import { usesOnlyStdio } from '../../src/spawn/parse-call';
import type { CallOptions } from '../../src/spawn/stdio-option';

const boom = () => {
  throw new Error('user code ran');
};
const bare = (options: object): CallOptions => Object.assign(Object.create(null) as CallOptions, options);
const getter = (name: string, from: object = {}) => Object.defineProperty(from, name, { get: boom });
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable<unknown[]>([], {});
  revoke();
  return proxy;
};

for (const { title, options, expected } of [
  { title: 'nothing at all', options: bare({}), expected: true },
  { title: 'a word', options: bare({ stdio: 'inherit' }), expected: true },
  { title: 'stdio', options: bare({ stdio: ['pipe', 1, 2] }), expected: true },
  { title: 'less than stdio', options: { stdio: ['pipe'] }, expected: true },
  { title: 'what Node refuses', options: { stdio: 7 }, expected: true },
  { title: 'a slot', options: { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] }, expected: false },
  {
    title: 'a slot that is ignored',
    options: { stdio: ['pipe', 'pipe', 'pipe', 'ignore'] },
    expected: false,
  },
  { title: 'a message channel', options: { stdio: ['ipc'] }, expected: false },
  { title: 'a hole', options: { stdio: new Array(2) }, expected: false },
  { title: 'a getter', options: getter('stdio'), expected: false },
  { title: 'a getter in the array', options: { stdio: getter('0', []) }, expected: false },
  {
    title: 'an array with traps',
    options: { stdio: new Proxy([], { get: boom, getOwnPropertyDescriptor: boom }) },
    expected: false,
  },
  { title: 'a revoked array', options: { stdio: revoked() }, expected: false },
  {
    title: 'options with traps',
    options: new Proxy({}, { has: boom, getOwnPropertyDescriptor: boom }),
    expected: false,
  },
  { title: 'options of a class', options: new (class Mine {})(), expected: false },
  { title: 'inherited options', options: Object.create({ stdio: [0, 1, 2, 3] }), expected: false },
  { title: 'withFds()', options: { [Symbol.for('closefds.withFds')]: {} }, expected: false },
  { title: 'unsafe()', options: getter(Symbol.for('closefds.unsafe') as unknown as string), expected: false },
  { title: 'the twin of a mark', options: { __closefds: { unsafe: 'reviewed' } }, expected: false },
] as readonly { readonly title: string; readonly options: CallOptions; readonly expected: boolean }[]) {
  test(`${title}: ${expected ? 'asks for nothing' : 'has to be judged'}`, t => {
    t.is(usesOnlyStdio(options, util.types.isProxy), expected);
  });
}
