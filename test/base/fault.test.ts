// What a report says of an error: nothing that the error quotes.

import test from 'ava';

import { faultOf } from '../../src/base/fault';

function thrown(message: string, more: object = {}): Error {
  return Object.assign(new TypeError(message), more);
}

const ERRORS: readonly (readonly [title: string, error: unknown, told: RegExp])[] = [
  ['an error', thrown('HUNTER2'), /^TypeError at fault\.test\.[jt]s:\d+:\d+$/],
  [
    'an error of the system',
    thrown('HUNTER2', { code: 'EMFILE' }),
    /^TypeError EMFILE at fault\.test\.[jt]s:\d+:\d+$/,
  ],
  ['an invalid code', thrown('a', { code: 'HUNTER2' }), /^TypeError at fault/],
  ['an invalid name', thrown('a', { name: 'HUNTER2' }), /^Error at fault/],
  ['a message like a stack', thrown('a\n    at HUNTER2.js:1:1)'), /^TypeError at fault/],
  ['a stack of its own', thrown('a', { stack: 'HUNTER2' }), /^TypeError$/],
  ['a string', 'HUNTER2', /^a thrown string$/],
  ['nothing', undefined, /^a thrown undefined$/],
  [
    'what cannot be read',
    Object.defineProperty(thrown('a'), 'code', {
      get: () => {
        throw thrown('HUNTER2');
      },
    }),
    /^an error that cannot be read$/,
  ],
];

for (const [title, error, told] of ERRORS) {
  test(`the description of ${title} does not contain the message`, t => {
    t.regex(faultOf(error), told);
  });
}
