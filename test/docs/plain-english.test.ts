// Catches words that docs/dev/glossary.md replaces, and phrases that readers of plain English stumble over.
//
// Checks the text that people read: pages, comments and strings. Names in code (`heirs`, a field of report
// files) are not checked.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from '../support/run';

const WORDS =
  /\b(?:somebody|nobody|whoever|amid|in vain|paid off|(?<!there )(?:is|are) none|the law|heirs?|deeds?|habits?|rungs?|ladders?|last word|come what may)\b/gi;

/** The word is a name there: a user of the system, an npm package, text that a test holds. */
const EXEMPT: readonly string[] = [
  // The user name of the demo in the README.
  'It starts a shell, as user "nobody"',
];

const FOUND = new Map(
  filesToCheck()
    .map((file): [string, string[]] => [file, wordsIn(file)])
    .filter(([, words]) => words.length > 0),
);

test('no page, comment or string has a word that we do not use', t => {
  t.deepEqual(
    [...FOUND].map(([file, words]) => `${file}: ${words.join(', ')}`),
    [],
  );
});

test('the check finds words in comments, strings and pages, and not in names', t => {
  t.deepEqual(matches(textOfCode("const heirs = 1; // Nobody knows.\nthrow new Error('it is none');")), [
    'nobody',
    'is none',
  ]);
  t.deepEqual(matches(textOfPage('Whoever reads `heirs`.')), ['whoever']);
});

function filesToCheck(): string[] {
  const folders = ['src', 'native', 'docs', 'register', 'scripts', 'bench'];
  const files = folders.flatMap(folder =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(
      file => `${folder}/${file}`,
    ),
  );
  return ['README.md', 'CONTRIBUTING.md', ...files]
    .filter(file => /\.(?:ts|m?js|[ch]|md)$/.test(file))
    .sort();
}

function wordsIn(file: string): string[] {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  return matches(file.endsWith('.md') ? textOfPage(text) : textOfCode(text));
}

function matches(text: string): string[] {
  const checked = EXEMPT.reduce((rest, exempt) => rest.replace(exempt, ''), text);
  return [...checked.matchAll(WORDS)].map(([word]) => word.toLowerCase());
}

function textOfPage(text: string): string {
  return withoutNames(text);
}

/** Comments, and strings of more than one word. */
function textOfCode(text: string): string {
  const pieces =
    text.match(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g) ?? [];
  return pieces
    .filter(piece => / /.test(piece))
    .map(piece => (piece.startsWith('/') ? withoutNames(piece) : piece))
    .join('\n');
}

/** Removes inline code. */
function withoutNames(text: string): string {
  return text.replace(/`[^`\n]*`/g, '');
}
