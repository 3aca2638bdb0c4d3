// npm run verify:conformance [-- --all | MAJOR...] [--write]: the conformance list in every way of the stray guard, on
// the newest Node that is supported, with --all on every one. `npm test` has it on the Node of .nvmrc.
//
// --write runs on all and writes the results into docs/dev/conformance.md.
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { ROWS } from '../../dist/test/conformance/rows.js';
import { CONFORMANCE_WAYS } from '../../dist/test/conformance/ways.js';
import { limited } from '../../dist/test/support/routes.js';
import { fetchNodes, majorsOf, NEWEST } from './fetch-nodes.mjs';

const PAGE = new URL('../../docs/dev/conformance.md', import.meta.url);
const SAYS = JSON.parse(readFileSync(new URL('../../test/conformance/rows.json', import.meta.url), 'utf8'));

const args = process.argv.slice(2);
const wrong = args.filter(arg => !['--write', '--all'].includes(arg) && !/^\d+$/.test(arg));
if (wrong.length > 0) {
  console.error(`expected major versions of Node, --all and --write, found ${wrong.join(' ')}`);
  process.exit(2);
}
const writes = args.includes('--write');
if (writes && args.some(arg => /^\d/.test(arg))) {
  console.error('the page is about all versions: --write goes without MAJOR');
  process.exit(2);
}

const nodes = [...(await fetchNodes(majorsOf(writes ? ['--all'] : args, [NEWEST])))];
const inTurn = limited(os.availableParallelism());
const cells = await Promise.all(
  ROWS.flatMap(row => CONFORMANCE_WAYS.flatMap(way => nodes.map(node => inTurn(() => cell(row, way, node))))),
);

const failed = cells.filter(({ outcome }) => outcome === 'failed');
for (const { row, way, version, detail } of failed)
  console.log(`failed: ${row}, ${way}, Node ${version}\n${detail}\n`);
const passed = cells.filter(({ outcome }) => outcome === 'passed').length;
console.log(`${passed} passed, ${failed.length} failed, ${cells.length - passed - failed.length} exempt`);
if (writes) writeFileSync(PAGE, page());
process.exitCode = failed.length === 0 ? 0 : 1;

async function cell({ id, observe, expected, exempt }, way, [version, node]) {
  const place = { row: id, way: way.name, version };
  const reason = exempt?.(way);
  if (reason !== undefined) return { ...place, outcome: 'exempt', detail: reason };
  try {
    const observed = await observe({ node, way });
    if (isDeepStrictEqual(observed, expected(way))) return { ...place, outcome: 'passed' };
    const detail = `expected ${shown(expected(way))}\nobserved ${shown(observed)}`;
    return { ...place, outcome: 'failed', detail };
  } catch (error) {
    return { ...place, outcome: 'failed', detail: error.message };
  }
}

function shown(value) {
  const text = JSON.stringify(value);
  return text.length > 2000 ? `${text.slice(0, 2000)}...` : text;
}

function page() {
  const ways = CONFORMANCE_WAYS.map(({ name }) => name);
  const reasons = [...new Set(cells.filter(c => c.outcome === 'exempt').map(c => c.detail))];
  const versions = nodes.map(([version]) => version);
  const table = [
    ['row', 'from', 'what holds', ...ways],
    Array(3 + ways.length).fill('---'),
    ...SAYS.map(({ id, from, says }) => [id, from, says, ...ways.map(way => result(id, way, reasons))]),
  ];
  return `# Conformance

What other systems that close FDs test, restated for Node. The rows are in \`test/conformance/\`, and this page is written by \`npm run verify:conformance -- --write\`, from what it saw.

Run on ${new Date().toISOString().slice(0, 10)} with Node ${versions.join(', ')} on Linux ${/^\d+\.\d+/.exec(os.release())} (${os.arch()}). A cell counts the versions of Node on which the row passed.

${aligned(table)}

${reasons.map((reason, i) => `${i + 1}. Not in this way: ${reason}.`).join('\n')}

The ways are those of [How it works](how-it-works.md#the-fallback-chain): marking in the forked child by each step of the fallback chain, marking in the parent alone (\`posix_spawn\`, for which a library stands that makes processes without the handlers), and [the fallback guard](how-it-works.md#the-fallback-guard). Rows of the list that speak of other systems' own functions have no number here.
`;
}

function result(id, way, reasons) {
  const here = cells.filter(c => c.row === id && c.way === way);
  const [{ outcome, detail }] = here;
  if (outcome === 'exempt') return `(${reasons.indexOf(detail) + 1})`;
  return `${here.filter(c => c.outcome === 'passed').length} of ${here.length}`;
}

/** Formatted as the formatter requires. */
function aligned(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map(row => row[i].length)));
  return rows
    .map(
      (row, at) =>
        `| ${row.map((text, i) => (at === 1 ? '-'.repeat(widths[i]) : text.padEnd(widths[i]))).join(' | ')} |`,
    )
    .join('\n');
}
