// Runs every route in each way of the stray guard: on the oldest and the newest Node that is supported, with --all on
// every one.
//
//   npm run verify:matrix [-- --all | MAJOR...]
//
// The routes are test/support/routes.ts. The last line says how many passed, failed and were skipped.
import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import {
  expectation,
  holeOf,
  limited,
  observe,
  ROUTES,
  reasonToSkip,
  WAYS,
} from '../../dist/test/support/routes.js';
import { fetchNodes, majorsOf, NEWEST, OLDEST } from './fetch-nodes.mjs';

const COLUMNS = [
  { title: 'off', way: WAYS[0], mode: 'off' },
  ...WAYS.map(way => ({ title: way.name, way, mode: 'enforce' })),
];
const MARKS = { passed: '+', hole: 'o', failed: 'F', skipped: '-' };

const args = process.argv.slice(2);
const wrong = args.filter(arg => arg !== '--all' && !/^\d+$/.test(arg));
if (wrong.length > 0) {
  console.error(`expected major versions of Node or --all, found ${wrong.join(' ')}`);
  process.exit(2);
}
const nodes = [...(await fetchNodes(majorsOf(args, [OLDEST, NEWEST])))].map(([version, binary]) => ({
  version,
  binary,
}));
const inTurn = limited(availableParallelism());
const cells = await Promise.all(
  nodes.flatMap(node =>
    ROUTES.flatMap(route => COLUMNS.map(column => inTurn(() => cell(node, route, column)))),
  ),
);

printMatrix();
printDetails();
process.exitCode = count('failed') > 0 ? 1 : 0;
console.log(
  `${count('passed') + count('hole')} passed, ${count('failed')} failed, ${count('skipped')} skipped`,
);

async function cell(node, route, column) {
  const place = { node, route, column };
  const reason = reasonToSkip(route, node);
  if (reason !== undefined) return { ...place, outcome: 'skipped', detail: reason };
  const expected = expectation(route, column.way, column.mode);
  try {
    const observed = await observe(route, node, column.way, column.mode);
    if (!isDeepStrictEqual(observed, expected))
      return {
        ...place,
        outcome: 'failed',
        detail: `expected ${JSON.stringify(expected)}\nobserved ${JSON.stringify(observed)}`,
      };
  } catch (error) {
    return { ...place, outcome: 'failed', detail: error.message };
  }
  const hole = column.mode !== 'off' && holeOf(route, column.way) !== undefined;
  return { ...place, outcome: hole ? 'hole' : 'passed' };
}

function count(outcome) {
  return cells.filter(cell => cell.outcome === outcome).length;
}

function printMatrix() {
  const width = Math.max(...ROUTES.map(route => route.name.length));
  console.log(`For each version: ${COLUMNS.map(column => column.title).join(', ')}.`);
  console.log(
    `${MARKS.passed} as expected, ${MARKS.hole} a known hole, ${MARKS.failed} failed, ${MARKS.skipped} skipped\n`,
  );
  console.log(`${' '.repeat(width)}  ${nodes.map(node => node.version.padEnd(8)).join('  ')}`);
  for (const route of ROUTES) {
    const marks = nodes.map(node =>
      cells
        .filter(cell => cell.node === node && cell.route === route)
        .map(cell => MARKS[cell.outcome])
        .join(' ')
        .padEnd(8),
    );
    console.log(`${route.name.padEnd(width)}  ${marks.join('  ')}`.trimEnd());
  }
}

function printDetails() {
  console.log();
  for (const { node, route, column, outcome, detail } of cells) {
    if (outcome === 'failed')
      console.log(`failed: Node ${node.version}, ${route.name}, ${column.title}\n${detail}\n`);
  }
  const skips = cells.filter(cell => cell.outcome === 'skipped');
  for (const reason of new Set(skips.map(cell => `Node ${cell.node.version}: ${cell.detail}`))) {
    const alike = skips.filter(cell => `Node ${cell.node.version}: ${cell.detail}` === reason);
    console.log(`skipped, ${alike.length} times: ${reason}`);
  }
}
