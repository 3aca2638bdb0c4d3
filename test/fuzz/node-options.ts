// NODE_OPTIONS: whatever a path is made of, Node reads back the flag that closefds wrote.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { requireFlag } from '../../src/base/node-options';
import { must, property, type Target } from './target';

const part = fc.oneof(
  fc.constantFrom('a', ' ', '"', '\\', "'", '--', '=', '$HOME', '`', ';', '\t', '\n', '%', '\u00e9', '#'),
  fc.string({ minLength: 1, maxLength: 3, unit: 'grapheme' }),
);
const names = fc
  .array(part, { minLength: 1, maxLength: 8 })
  .map(parts => parts.join('').replaceAll('/', '_').replaceAll('\0', ''))
  .filter(name => !/^\.{0,2}$/.test(name));

function check(name: string): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'closefds-fuzz-'));
  try {
    const preload = path.join(folder, name, 'preload.js');
    mkdirSync(path.dirname(preload));
    writeFileSync(preload, 'process.stdout.write("loaded");');
    const options = `${requireFlag(preload)} --no-warnings`;
    const env = { ...process.env, NODE_OPTIONS: options };
    must(
      execFileSync(process.execPath, ['-e', '0'], { env, encoding: 'utf8' }) === 'loaded',
      'it was loaded',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const NODE_OPTIONS_TARGET: Target = property(
  'node-options',
  'Node reads back the path',
  20,
  names,
  check,
);
