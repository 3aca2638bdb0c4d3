// npm run docs:api: writes the API reference in docs/policy.md from the declarations and docstrings that the package ships.
//
//   npm run docs:api [-- --check]
//
// `--check` writes nothing and fails if the page is not up to date. typedoc needs a TypeScript older
// than the one here, and what there is to tell fits into one page.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const parsed = new Map();
const PAGE = path.join(root, 'docs', 'policy.md');
/** The reference begins here and ends with the page. */
const MARK = '<!-- api: npm run docs:api -->';
const { name, exports: entries } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

const { check } = parseArgs({ options: { check: { type: 'boolean', default: false } } }).values;
const before = readFileSync(PAGE, 'utf8');
const start = before.indexOf(MARK);
if (start === -1) throw new Error(`expected the line ${MARK} in ${PAGE}, found none`);
const page = formatted(before.slice(0, start) + toReference());
if (!check) writeFileSync(PAGE, page);
else if (before !== page) {
  console.error(
    'the API reference in docs/policy.md is not up to date: run npm run build && npm run docs:api',
  );
  process.exitCode = 1;
}

function toReference() {
  const modules = Object.entries(entries)
    .filter(([, { types }]) => types !== undefined)
    .map(([entry, { types }]) => ({ title: path.posix.join(name, entry), names: exportsOf(types) }));
  const preloads = modules.filter(({ names }) => names.length === 0);
  const files = Object.keys(entries).filter(entry => typeof entries[entry] === 'string');
  return `${[
    MARK,
    '## API',
    'Made from the docstrings; a test holds it to the code. `docs/dev/releases.md` in the repository says what counts as a breaking change.',
    ...modules.filter(({ names }) => names.length > 0).flatMap(toSections),
    '### Preloads',
    `For \`--require\` and \`--import\`; they export nothing. ${list(preloads.map(({ title }) => title))}.`,
    '### Files',
    `${list(files.map(file => path.posix.join(name, file)))}.`,
  ].join('\n\n')}\n`;
}

/** Formatted as the linter requires. */
function formatted(text) {
  const biome = path.join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const args = [biome, 'format', `--stdin-file-path=${path.relative(root, PAGE)}`];
  return execFileSync(process.execPath, args, { cwd: root, input: text, encoding: 'utf8' });
}

function list(names) {
  return names.map(each => `\`${each}\``).join(', ');
}

function toSections({ title, names }) {
  const shown = new Set();
  const sections = names.map(declaration => toSection(declaration, shown));
  const used = usedTypes(names, shown).map(declaration => toSection(declaration, shown));
  const more =
    used.length === 0 ? [] : [`Types that these are made of, not exported by themselves:`, ...used];
  return [`### ${title}`, ...sections.flat(), ...more.flat()];
}

function toSection({ name, text, comment }, shown) {
  shown.add(name);
  return [`#### ${name}`, ...(comment === '' ? [] : [comment]), `\`\`\`ts\n${text}\n\`\`\``];
}

/** What the shown declarations mention, and what that mentions, and so on. */
function usedTypes(declarations, shown) {
  const used = [];
  for (let todo = declarations; todo.length > 0; ) {
    const mentioned = todo.flatMap(({ text, scope }) =>
      [...scope.values()].filter(
        ({ name }) => !shown.has(name) && new RegExp(`(?<![\\w$.'])${name}(?![\\w$'])`).test(text),
      ),
    );
    todo = [...new Map(mentioned.map(each => [each.name, each])).values()];
    for (const each of todo) shown.add(each.name);
    used.push(...todo);
  }
  return used;
}

// ---------------------------------------------------------------------------------------------
// Declarations, as the compiler writes them: each begins at the start of a line
// ---------------------------------------------------------------------------------------------

/** What a file exports, in the order of its text. */
function exportsOf(file) {
  const own = [...declarationsOf(file).values()].filter(({ exported }) => exported);
  const passedOn = reexports(file).flatMap(({ from, names }) => {
    const there = declarationsOf(from);
    return names.map(each => there.get(each));
  });
  return [...own, ...passedOn].sort((a, b) => rank(a) - rank(b));
}

/** Functions first, then classes and values, then types. */
function rank({ text }) {
  return ['function', 'class', 'const'].findIndex(word => text.startsWith(`${word} `)) + 1 || 9;
}

function reexports(file) {
  return [...read(file).matchAll(/^export \{ (.+?),? \} from '(.+?)';$/gm)].map(([, names, from]) => ({
    from: resolve(from, file),
    names: names.split(', ').map(each => each.replace(/^type /, '')),
  }));
}

/** Declarations of a file by name, with what it imports from its neighbours. */
function declarationsOf(file) {
  if (parsed.has(file)) return parsed.get(file);
  const text = read(file);
  const found = new Map();
  const scope = new Map();
  parsed.set(file, found);

  let comment = '';
  for (let lines = text.split('\n'); lines.length > 0; ) {
    if (lines[0].startsWith('/**')) {
      const end = lines.findIndex(line => line.trimEnd().endsWith('*/'));
      comment = toProse(lines.slice(0, end + 1));
      lines = lines.slice(end + 1);
      continue;
    }
    const head = /^(export )?(?:declare )?(?:function|class|const|interface|type) (\w+)/.exec(lines[0]);
    const length = head === null ? 1 : lengthOf(lines);
    if (head !== null) {
      const [, exported, declared] = head;
      const body = lines.slice(0, length).join('\n');
      const shown = body.replace(/^(?:export )?(?:declare )?/, '').replace(/= \n/, '=\n');
      found.set(declared, { name: declared, text: shown, comment, exported: exported !== undefined, scope });
    }
    comment = '';
    lines = lines.slice(length);
  }
  for (const [each, declaration] of found) scope.set(each, declaration);
  for (const [, names, from] of text.matchAll(/^import type \{ (.+?) \} from '(\..+?)';$/gm)) {
    const there = declarationsOf(resolve(from, file));
    for (const each of names.split(', ')) scope.set(each, there.get(each));
  }
  return found;
}

/** Lines up to the one that ends what the first one begins. */
function lengthOf(lines) {
  let depth = 0;
  for (const [index, line] of lines.entries()) {
    const code = line.replace(/\/\*\*.*?\*\/|^ *\*.*$|'[^']*'/g, '');
    depth += (code.match(/[{([]/g)?.length ?? 0) - (code.match(/[})\]]/g)?.length ?? 0);
    if (depth === 0 && /[;}]$/.test(line)) return index + 1;
  }
  throw new Error(`expected an end of "${lines[0]}", found none`);
}

function toProse(comment) {
  return comment
    .join('\n')
    .replace(/^\/\*\*\s?|\s*\*\/$/g, '')
    .replace(/^ \* ?/gm, '')
    .split(/\n{2,}/)
    .flatMap(paragraph => paragraph.split(/\n(?=@)/))
    .map(paragraph => paragraph.trim().replaceAll('\n', ' '))
    .map(paragraph => paragraph.replace(/^@(\w)(\w+)/, (_tag, first, rest) => first.toUpperCase() + rest))
    .join('\n\n');
}

function resolve(specifier, from) {
  return `./${path.posix.join(path.posix.dirname(from), specifier)}.d.ts`;
}

function read(file) {
  return readFileSync(path.join(root, file), 'utf8');
}
