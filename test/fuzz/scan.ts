// The scan reads what anybody has published: sources, archives, addons.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { findSites } from '../../src/scan/analysis/find-sites';
import { type ArchiveEntry, tarEntries, zipEntries } from '../../src/scan/archive';
import { addonImports } from '../../src/scan/elf-imports';
import { ROOT } from '../support/run';
import { LAUNCHERS } from '../support/scan';
import { damaged, must, property, type Target } from './target';

const FOLDER = path.join(ROOT, 'test', 'fixtures', 'scan');
const PROGRAMS = readdirSync(FOLDER)
  .filter(name => name !== 'README.md')
  .map(name => readFileSync(path.join(FOLDER, name), 'utf8'));

const sources = fc.record({
  file: fc.constantFrom('a.js', 'a.mjs', 'a.ts', 'a.tsx', 'a.jsx'),
  // Two programs in one file share their names: what the one calls, the other may have assigned.
  text: damaged(
    fc
      .array(fc.constantFrom(...PROGRAMS), { minLength: 1, maxLength: 2 })
      .map(programs => programs.join('\n')),
    [
      ...[
        '{',
        '}',
        '(',
        ')',
        '[',
        ']',
        '...',
        '=>',
        '=',
        ',',
        ';',
        '`',
        '${',
        '?.',
        '#',
        '/',
        '\0',
        '\ud800',
      ],
      ...['stdio', 'spawn', 'child_process', "'pipe'", "'ipc'", 'this', 'class A {', 'await ', 'function '],
      ...[
        '.push(',
        '.concat(',
        '.apply(',
        '.length',
        ' as const',
        '3',
        '1e9',
        '-1',
        '__proto__',
        'constructor',
      ],
    ],
  ),
});

/** Either it is no program, or each place lies in it, and the same each time. */
function checkSource({ file, text }: { readonly file: string; readonly text: string }): void {
  const read = () => findSites(text, file, { launchers: LAUNCHERS });
  let sites: ReturnType<typeof read>;
  try {
    sites = read();
  } catch (error) {
    must(error instanceof SyntaxError || error instanceof RangeError, `it is refused by ${error}`);
    return;
  }
  const last = text.split('\n').length;
  for (const { line, lines, snippetLine, slots, column } of sites) {
    must(
      [line, snippetLine, ...lines].every(line => line >= 1 && line <= last),
      `lines lie in the text, not at ${[line, snippetLine, ...lines]}`,
    );
    must(lines.includes(line) && column >= 1, 'the place is one of its lines');
    must(
      slots.every(slot => Number.isInteger(slot) && slot >= 0),
      `slots are numbers, not ${slots}`,
    );
  }
  must(JSON.stringify(read()) === JSON.stringify(sites), 'twice the same');
}

/** A tarball with one file, a zip with one file, an ELF file with one section. */
const SOUND = [tar('package/index.js', 'stdio'), zip('node_modules/a/index.js', 'stdio'), elf()];

const files = fc
  .tuple(
    fc.constantFrom(...SOUND),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    fc.option(fc.nat(), { nil: undefined }),
  )
  .map(([sound, changes, cut]) => {
    const bytes = Buffer.from(sound);
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return cut === undefined ? bytes : bytes.subarray(0, cut % bytes.length);
  });

/** What cannot be read is an Error with a message; what can be has a name and its bytes. */
function checkBytes(bytes: Buffer): void {
  for (const entries of [tarEntries, zipEntries])
    for (const { name, read } of attempt<readonly ArchiveEntry[]>(() => entries(bytes)) ?? [])
      must(typeof name === 'string' && (attempt(read) ?? bytes) instanceof Buffer, 'entries have bytes');
  const imports = addonImports(bytes);
  must(imports === undefined || Array.isArray(imports.openers), 'imports are names');
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    must(error instanceof Error && error.message !== '', `it is refused by ${error}`);
    return undefined;
  }
}

function tar(name: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write('        0', 148);
  const sum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const body = Buffer.alloc(512);
  body.write(content);
  return Buffer.concat([header, body, Buffer.alloc(1024)]);
}

function zip(name: string, content: string): Buffer {
  const packed = zlib.deflateRawSync(content);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(packed.length, 20);
  central.writeUInt32LE(content.length, 24);
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(30 + name.length + packed.length, 16);
  return Buffer.concat([local, Buffer.from(name), packed, central, Buffer.from(name), end]);
}

function elf(): Buffer {
  const bytes = Buffer.alloc(64 + 2 * 64 + 2 * 24 + 8);
  bytes.write('\x7fELF\x02\x01', 'latin1');
  bytes.writeBigUInt64LE(64n, 0x28);
  bytes.writeUInt16LE(64, 0x3a);
  bytes.writeUInt16LE(2, 0x3c);
  bytes.writeUInt32LE(11, 64 + 4);
  bytes.writeBigUInt64LE(192n, 64 + 0x18);
  bytes.writeBigUInt64LE(48n, 64 + 0x20);
  bytes.writeUInt32LE(1, 64 + 0x28);
  bytes.writeBigUInt64LE(240n, 128 + 0x18);
  bytes.writeUInt32LE(1, 192 + 24);
  bytes.write('\0fork', 240);
  return bytes;
}

export const SCAN_TARGETS: readonly Target[] = [
  property(
    'scan-source',
    'a source is no program, or has its places in its own lines',
    150,
    sources,
    checkSource,
  ),
  property('scan-bytes', 'a damaged archive or addon is an error with a message', 3000, files, checkBytes),
];
