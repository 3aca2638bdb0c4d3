// One name, one thing: no two modules of src export the same name, and no type shares a name with another.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from './support/run';

const EXPORT =
  /^export (?:declare )?(?:async )?(?:abstract )?(?:function|class|const|let|interface|type|enum) (\w+)/gm;
const TYPE = /^(?:export )?(?:declare )?(?:class|interface|type|enum) (\w+)/gm;

test('no two modules export one name', t => {
  t.deepEqual(doubles(EXPORT), []);
});

test('no two types have one name', t => {
  t.deepEqual(doubles(TYPE), []);
});

test('finds a name that is there twice', t => {
  t.deepEqual(twice(['a', 'b', 'a', 'a']), ['a']);
});

function doubles(pattern: RegExp): string[] {
  return twice(texts().flatMap(text => [...text.matchAll(pattern)].map(([, name = '']) => name)));
}

function twice(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) < index))].sort();
}

function texts(): string[] {
  return readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => readFileSync(path.join(ROOT, 'src', file), 'utf8'));
}
