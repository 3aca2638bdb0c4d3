// npm run docs:compat: writes the list of known packages into compat/PACKAGES.md. With `--check` it only tells whether it is right.
//
// Reads what `npm run build` made of the table.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const require = createRequire(import.meta.url);
const { factInWords, factsFile, loadCompatFacts } = require(
  path.join(root, 'dist', 'src', 'policy', 'compat-facts.js'),
);
const page = path.join(root, 'compat', 'PACKAGES.md');
const [BEGIN, END] = ['<!-- npm run docs:compat -->', '<!-- end -->'];

const text = readFileSync(page, 'utf8');
const [before, rest = ''] = text.split(BEGIN);
const after = rest.slice(rest.indexOf(END));
const fresh = `${before}${BEGIN}\n\n${list()}\n\n${after}`;
if (process.argv.includes('--check')) {
  if (fresh !== text) {
    console.error('compat/PACKAGES.md does not show what the compat table says: npm run docs:compat');
    process.exitCode = 1;
  }
} else writeFileSync(page, fresh);

/** One table, a row for each fact, so that a search on the page finds all that is known of a package. */
function list() {
  const packages = [...loadCompatFacts()].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `${packages.length} packages; the name links to the evidence.`,
    '',
    '| package | does | versions | what for |',
    '| --- | --- | --- | --- |',
    ...packages.flatMap(([name, facts]) => rows(name, facts)),
  ].join('\n');
}

function rows(name, facts) {
  return facts.map(
    fact =>
      `| [${name}](${path.posix.relative('compat', factsFile(name))}) | ${factInWords(fact, code)} | ${code(fact.range)} | ${inCell(fact.purpose)} |`,
  );
}

function code(value) {
  return `\`${inCell(value)}\``;
}

/** A bar ends a cell, also in code. */
function inCell(text) {
  return text.replaceAll('|', '\\|');
}
