// What a report says of an error: nothing that the error quotes.

import test from 'ava';

import { faultOf } from '../../src/base/fault';

function thrown(message: string, more: object = {}): Error {
  return Object.assign(new TypeError(message), more);
}

const ERRORS: readonly { readonly title: string; readonly error: unknown; readonly told: RegExp }[] = [
  { title: 'an error', error: thrown('HUNTER2'), told: /^TypeError at fault\.test\.[jt]s:\d+:\d+$/ },
  {
    title: 'an error of the system',
    error: thrown('HUNTER2', { code: 'EMFILE' }),
    told: /^TypeError EMFILE at fault\.test\.[jt]s:\d+:\d+$/,
  },
  { title: 'an invalid code', error: thrown('a', { code: 'HUNTER2' }), told: /^TypeError at fault/ },
  { title: 'an invalid name', error: thrown('a', { name: 'HUNTER2' }), told: /^Error at fault/ },
  {
    title: 'a message like a stack',
    error: thrown('a\n    at HUNTER2.js:1:1)'),
    told: /^TypeError at fault/,
  },
  { title: 'a stack of its own', error: thrown('a', { stack: 'HUNTER2' }), told: /^TypeError$/ },
  { title: 'a string', error: 'HUNTER2', told: /^a thrown string$/ },
  { title: 'nothing', error: undefined, told: /^a thrown undefined$/ },
  {
    title: 'what cannot be read',
    error: Object.defineProperty(thrown('a'), 'code', {
      get: () => {
        throw thrown('HUNTER2');
      },
    }),
    told: /^an error that cannot be read$/,
  },
];

for (const { title, error, told } of ERRORS) {
  test(`the description of ${title} does not contain the message`, t => {
    t.regex(faultOf(error), told);
  });
}
