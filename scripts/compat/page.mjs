// npm run docs:compat: writes the list of known packages into docs/compat.md. With `--check` it only tells whether it is right.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const page = path.join(root, 'docs', 'compat.md');
const ACCESS = { read: 'read-only', write: 'write-only', both: 'read-write' };
const [BEGIN, END] = ['<!-- npm run docs:compat -->', '<!-- end -->'];

const text = readFileSync(page, 'utf8');
const [before, rest = ''] = text.split(BEGIN);
const after = rest.slice(rest.indexOf(END));
const fresh = `${before}${BEGIN}\n\n${list()}\n\n${after}`;
if (process.argv.includes('--check')) {
  if (fresh !== text) {
    console.error('docs/compat.md does not show what the compat table says: npm run docs:compat');
    process.exitCode = 1;
  }
} else writeFileSync(page, fresh);

/** One table, a row for each fact, so that a search on the page finds all that is known of a package. */
function list() {
  const folder = path.join(root, 'compat', 'packages');
  const packages = readdirSync(folder, { recursive: true })
    .filter(file => file.endsWith('.json'))
    .map(file => JSON.parse(readFileSync(path.join(folder, file), 'utf8')))
    .sort((a, b) => (a.package < b.package ? -1 : 1));
  return [
    `${packages.length} packages; the name links to the evidence.`,
    '',
    '| package | does | versions | what for |',
    '| --- | --- | --- | --- |',
    ...packages.flatMap(rows),
  ].join('\n');
}

function rows({ package: name, passes = [], launches = [], strays = [], starts = [] }) {
  const row = (does, { range, purpose }) =>
    `| [${name}](../compat/packages/${name}.json) | ${does} | ${code(range)} | ${inCell(purpose)} |`;
  return [
    ...passes.map(entry => row(`passes ${entry.kinds.join(', ')}${at(entry)}`, entry)),
    ...launches.map(entry => row('launches', entry)),
    ...strays.map(entry =>
      row(`leaves open ${code(entry.target)} (${entry.type}, ${ACCESS[entry.access]})`, entry),
    ),
    ...starts.map(entry => row(`starts natively: ${entry.exports.map(code).join(', ')}`, entry)),
  ];
}

/** Which of the FDs of these kinds: their numbers, what they point to, and in which files of the package. */
function at({ fds, target, callSite }) {
  return [
    fds === undefined ? '' : ` at FD ${fds.join(', ')}`,
    target === undefined ? '' : ` to ${code(target)}`,
    callSite === undefined ? '' : `, in ${code(callSite)}`,
  ].join('');
}

function code(value) {
  return `\`${inCell(value)}\``;
}

/** A bar ends a cell, also in code. */
function inCell(text) {
  return text.replaceAll('|', '\\|');
}
