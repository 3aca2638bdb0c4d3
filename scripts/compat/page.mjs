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

function list() {
  const folder = path.join(root, 'compat', 'packages');
  const packages = readdirSync(folder, { recursive: true })
    .filter(file => file.endsWith('.json'))
    .map(file => JSON.parse(readFileSync(path.join(folder, file), 'utf8')))
    .sort((a, b) => (a.package < b.package ? -1 : 1));
  return packages.map(lines).join('\n');
}

function lines({ package: name, passes = [], launches = [], strays = [], starts = [] }) {
  return [
    `- **${name}**`,
    ...passes.map(
      ({ range, kinds, fds, purpose }) =>
        `  - passes ${kinds.join(', ')}${fds === undefined ? '' : ` at FD ${fds.join(', ')}`}, ${code(range)}: ${purpose}`,
    ),
    ...launches.map(({ range, purpose }) => `  - launches, ${code(range)}: ${purpose}`),
    ...strays.map(
      ({ range, target, type, access }) =>
        `  - leaves open, ${code(range)}: ${code(target)} (${type}, ${ACCESS[access]})`,
    ),
    ...starts.map(
      ({ range, exports }) => `  - starts natively, ${code(range)}: ${exports.map(code).join(', ')}`,
    ),
  ].join('\n');
}

function code(value) {
  return `\`${value}\``;
}
