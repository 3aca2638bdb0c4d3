// A caller's package.json may hold anything: the package is named by its folder all the same.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import vm from 'node:vm';
import fc from 'fast-check';
import { callSitesOf, createStackCapture } from '../../src/callers/capture-stack';
import { createCallerFinder } from '../../src/callers/find-caller';
import type { Caller } from '../../src/model/caller';
import { ROOT } from '../support/run';
import { damaged, must, property, type Target } from './target';

const manifests = fc.record(
  {
    name: fc.oneof(fc.constantFrom('a', 'b', '@s/a', '.', '*', '?', ''), fc.jsonValue()),
    version: fc.oneof(fc.constantFrom('1.2.3', '1', 'newest', ''), fc.jsonValue()),
    __proto__: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
const texts = damaged(
  fc.oneof(
    manifests.map(manifest => JSON.stringify(manifest)),
    fc.json(),
  ),
  ['{', '}', '"name"', '"version"', '"', ',', '\uFEFF', '\u0000', '\ud800'],
);

const OWN = ['src', 'test'].map(folder => path.join(ROOT, 'dist', folder));

function check(text: string): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'closefds-fuzz-'));
  try {
    const root = path.join(folder, 'node_modules', 'a');
    mkdirSync(root, { recursive: true });
    writeFileSync(path.join(root, 'package.json'), text);
    const find = createCallerFinder({
      appRoot: folder,
      own: OWN,
      isLauncher: () => false,
      wholeStack: () => callSitesOf(createStackCapture(() => performance.now()).far()),
    });
    const file = path.join(root, 'index.js');
    const called = vm.runInThisContext('(find => find())', { filename: file }) as (find: unknown) => Caller;
    const { name, version, declaredName, fileInPackage } = called(find);

    must(name === 'a' && fileInPackage === 'index.js', `it is named by its folder, not ${name}`);
    const { name: theirs, version: theirVersion } = read(text);
    must(
      version === (typeof theirVersion === 'string' ? theirVersion : undefined),
      `its version, not ${version}`,
    );
    const other = typeof theirs === 'string' && theirs !== 'a' ? theirs : undefined;
    must(declaredName === other, `the name it gives itself, not ${declaredName}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(text: string): { readonly name?: unknown; readonly version?: unknown } {
  try {
    const bytes = Buffer.from(text)
      .toString()
      .replace(/^\uFEFF/, '');
    return (JSON.parse(bytes) as object | null) ?? {};
  } catch {
    return {};
  }
}

export const PACKAGE_JSON_TARGET: Target = property(
  'package-json',
  'a package is named by its folder, whatever its package.json says',
  400,
  texts,
  check,
);
