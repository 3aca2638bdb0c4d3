// Preloads are renamed where Node reads them, and nowhere else.

import test from 'ava';
import { addPreload, renameInNodeOptions, renamePreloads } from '../../src/base/node-options';

const rename = (name: string, flag: string) =>
  name === 'ours' ? `/new/${flag}` : name === 'spaced' ? '/a "new" \\place' : undefined;

const WORDS: readonly { readonly words: string[]; readonly renamed: string[] }[] = [
  { words: [], renamed: [] },
  { words: ['--require', 'ours'], renamed: ['--require', '/new/--require'] },
  { words: ['-r', 'ours'], renamed: ['-r', '/new/-r'] },
  { words: ['--import', 'ours'], renamed: ['--import', '/new/--import'] },
  { words: ['--require=ours'], renamed: ['--require=/new/--require'] },
  { words: ['--import=ours'], renamed: ['--import=/new/--import'] },
  { words: ['-r', 'spaced'], renamed: ['-r', '/a "new" \\place'] },
  { words: ['-r', 'other', '-r', 'ours'], renamed: ['-r', 'other', '-r', '/new/-r'] },
  { words: ['-r=ours'], renamed: ['-r=ours'] },
  { words: ['ours', '-e', 'ours'], renamed: ['ours', '-e', 'ours'] },
  { words: ['--title', 'ours', '--title=ours'], renamed: ['--title', 'ours', '--title=ours'] },
  { words: ['--require', '--require', 'ours'], renamed: ['--require', '--require', 'ours'] },
  { words: ['--require'], renamed: ['--require'] },
  { words: ['--require='], renamed: ['--require='] },
];

for (const { words, renamed } of WORDS) {
  test(`renamePreloads() renames preloads only in the words ${JSON.stringify(words)}`, t =>
    t.deepEqual(renamePreloads(words, rename), renamed));
}

const TEXTS: readonly { readonly text: string; readonly renamed: string }[] = [
  { text: '', renamed: '' },
  { text: '--require ours', renamed: '--require /new/--require' },
  { text: '  -r   ours  ', renamed: '  -r   /new/-r  ' },
  { text: '-r "ours" --no-warnings', renamed: '-r /new/-r --no-warnings' },
  { text: '--require="ours"', renamed: '--require=/new/--require' },
  { text: '"--require=ours"', renamed: '--require=/new/--require' },
  { text: '-r o"u"rs', renamed: '-r /new/-r' },
  { text: '-r spaced', renamed: '-r "/a \\"new\\" \\\\place"' },
  { text: '--import=spaced', renamed: '--import="/a \\"new\\" \\\\place"' },
  { text: '--title="a -r ours" -r ours', renamed: '--title="a -r ours" -r /new/-r' },
  { text: '--title "a \\" -r ours"', renamed: '--title "a \\" -r ours"' },
  { text: '-r "oth\\\\er"  -r ours', renamed: '-r "oth\\\\er"  -r /new/-r' },
  { text: '-r\tours', renamed: '-r\tours' },
  { text: '-r "ours', renamed: '-r "ours' },
];

for (const { text, renamed } of TEXTS) {
  test(`renameInNodeOptions() renames preloads only in the text ${JSON.stringify(text)}`, t =>
    t.is(renameInNodeOptions(text, rename), renamed));
}

const FILE = '/a b/ours.js';
const HREF = 'file:///a%20b/ours.js';
const BY_REQUIRE = '--require "/a b/ours.js"';
const BY_IMPORT = `--import ${HREF}`;

const ADDED: readonly { readonly text: string | undefined; readonly added: string }[] = [
  { text: undefined, added: BY_REQUIRE },
  { text: '', added: BY_REQUIRE },
  { text: '--no-warnings', added: `${BY_REQUIRE} --no-warnings` },
  { text: '--import ./x.mjs', added: `${BY_REQUIRE} --import ./x.mjs` },
  { text: '--require ./x.cjs', added: `${BY_IMPORT} --require ./x.cjs` },
  { text: '--require=./x.cjs', added: `${BY_IMPORT} --require=./x.cjs` },
  // Next.js makes --r of it, with or without ours.
  { text: '-r ./x.cjs', added: `${BY_REQUIRE} -r ./x.cjs` },
  { text: '--require x --import y', added: `${BY_REQUIRE} --require x --import y` },
  { text: BY_REQUIRE, added: BY_REQUIRE },
  { text: `${BY_IMPORT} --require x`, added: `${BY_IMPORT} --require x` },
];

for (const { text, added } of ADDED) {
  test(`addPreload() takes a flag that is not in NODE_OPTIONS=${JSON.stringify(text)}, if there is one`, t => {
    t.is(addPreload(text, FILE, HREF), added);
  });
}
