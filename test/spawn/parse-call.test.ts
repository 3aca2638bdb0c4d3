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

for (const [title, options, expected] of [
  ['nothing at all', bare({}), true],
  ['a word', bare({ stdio: 'inherit' }), true],
  ['stdio', bare({ stdio: ['pipe', 1, 2] }), true],
  ['less than stdio', { stdio: ['pipe'] }, true],
  ['what Node refuses', { stdio: 7 }, true],
  ['a slot', { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] }, false],
  ['a slot that is ignored', { stdio: ['pipe', 'pipe', 'pipe', 'ignore'] }, false],
  ['a message channel', { stdio: ['ipc'] }, false],
  ['a hole', { stdio: new Array(2) }, false],
  ['a getter', getter('stdio'), false],
  ['a getter in the array', { stdio: getter('0', []) }, false],
  ['an array with traps', { stdio: new Proxy([], { get: boom, getOwnPropertyDescriptor: boom }) }, false],
  ['a revoked array', { stdio: revoked() }, false],
  ['options with traps', new Proxy({}, { has: boom, getOwnPropertyDescriptor: boom }), false],
  ['options of a class', new (class Mine {})(), false],
  ['inherited options', Object.create({ stdio: [0, 1, 2, 3] }), false],
  ['withFds()', { [Symbol.for('closefds.withFds')]: {} }, false],
  ['unsafe()', getter(Symbol.for('closefds.unsafe') as unknown as string), false],
  ['the twin of a mark', { __closefds: { unsafe: 'reviewed' } }, false],
] as readonly (readonly [string, CallOptions, boolean])[]) {
  test(`${title}: ${expected ? 'asks for nothing' : 'has to be judged'}`, t => {
    t.is(usesOnlyStdio(options, util.types.isProxy), expected);
  });
}
