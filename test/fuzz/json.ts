// The strict reader of JSON: it agrees with JSON.parse about everything but keys that stand twice
// and nesting that is no config, and what it refuses it refuses at a place in the text.

import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { JsonError, parseJson } from '../../src/base/json-with-positions';
import { damaged, must, property, type Target } from './target';

const WORDS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\u00e9',
  '\\',
  '-',
  '1e9',
  '01',
  'null',
  'tru',
  '\t',
  '\v',
];
const texts = damaged(
  fc.oneof(
    fc.json(),
    fc.jsonValue({ maxDepth: 3 }).map(value => JSON.stringify(value, null, 2)),
    fc.nat(140).map(depth => '['.repeat(depth) + ']'.repeat(depth)),
  ),
  [...WORDS, '"a":1,"a":2', '"__proto__":1', '//', '/*', '\uFEFF', '\u0000', '\u2028', '\ud83d'],
);

function check(text: string): void {
  const theirs = attempt(() => JSON.parse(text.replace(/^\uFEFF/, '')) as unknown);
  const ours = attempt(() => parseJson(text));
  if ('value' in ours) {
    must('value' in theirs, 'JSON.parse accepts it, too');
    must(isDeepStrictEqual(ours.value, theirs.value), 'it is the same value');
    return;
  }
  const { error } = ours;
  must(error instanceof JsonError, `${error} is our refusal`);
  must(
    'error' in theirs || /second|nesting/.test(error.message),
    `JSON.parse refuses it, too: ${error.message}`,
  );
  const line = text.split('\n')[error.line - 1];
  must(
    line !== undefined && error.column >= 1 && error.column <= line.length + 1,
    `a place: ${error.message}`,
  );
}

type Attempt = { readonly value: unknown } | { readonly error: unknown };

function attempt(work: () => unknown): Attempt {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

export const JSON_TARGET: Target = property(
  'json',
  'it agrees with JSON.parse, and names a place',
  5000,
  texts,
  check,
);
