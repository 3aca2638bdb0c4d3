// Measures what closefds costs, beside the same programs without closefds.
//
//   npm run bench -- [--quick] [--section NAME]... [--out FILE]
//   npm run bench -- --check
//   npm run bench -- --show
//
// All sections make the numbers of docs/dev/performance.md: they are kept in bench/results.json and
// written into the page. With --section, the other sections stay unchanged. --quick takes less than a minute,
// has rough numbers, and writes no file without --out. --check compares page faults and instructions with those in
// bench/results.json, and fails if they grew by more than 3 %. --show prints all tables of
// bench/results.json.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { compareCheck, measureCheck, readCheck } from './check.mjs';
import { toText } from './render.mjs';
import { buildTools } from './tools.mjs';
import { RESULTS, writeDocs } from './write-docs.mjs';

const SECTIONS = ['spawn', 'peers', 'startup', 'scale', 'load', 'memory', 'deep'];

const values = readOptions();
const unknown = values.section.filter(name => !SECTIONS.includes(name));
if (unknown.length > 0) {
  console.error(`--section: expected one of ${SECTIONS.join(', ')}, found ${unknown.join(', ')}`);
  process.exit(2);
}

if (values.show) {
  const { check, ...sections } = JSON.parse(readFileSync(RESULTS, 'utf8'));
  console.log(Object.values(sections).map(toText).join('\n\n'));
  process.exit();
}

buildTools();
const folder = mkdtempSync(path.join(os.tmpdir(), 'closefds-bench-'));
const results = {};
try {
  if (values.check) {
    const kept = readCheck(RESULTS);
    process.exitCode = compareCheck(measureCheck(folder, kept), kept) ? 0 : 1;
  } else {
    await measureSections();
  }
} finally {
  rmSync(folder, { recursive: true });
}

function readOptions() {
  const options = {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    show: { type: 'boolean', default: false },
    section: { type: 'string', multiple: true, default: SECTIONS },
    out: { type: 'string' },
  };
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`bench: ${error.message}; the options are --${Object.keys(options).join(', --')}`);
    process.exit(2);
  }
}

async function measureSections() {
  for (const name of values.section) {
    results[name] = await measure(name);
    console.log(`${toText(results[name])}\n`);
  }
  const isWhole = values.section.length === SECTIONS.length && !values.quick;
  keep(isWhole ? { ...results, check: measureCheck(folder) } : results);
}

async function measure(name) {
  const { title, run } = await import(`./sections/${name}.mjs`);
  const load = [os.loadavg()[0]];
  const begin = performance.now();
  const progress = text => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${name}: ${text}`);
  const { tables, notes = [] } = await run({ quick: values.quick, folder, progress });
  progress('');
  load.push(os.loadavg()[0]);
  return {
    title,
    date: new Date().toISOString().slice(0, 10),
    seconds: Math.round((performance.now() - begin) / 1000),
    load: load.map(value => Number(value.toFixed(1))),
    machine: machine(),
    tables: tables.map(rounded),
    notes,
  };
}

function machine() {
  const [cpu] = os.cpus();
  return {
    cpu: `${os.cpus().length} x ${cpu?.model ?? os.arch()}`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GB`,
    kernel: `${os.type()} ${os.release()}`,
    node: process.version,
  };
}

/** More digits are noise, and change every line of the file with each run. */
function rounded(table) {
  return JSON.parse(JSON.stringify(table), (_key, value) =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value,
  );
}

function keep(sections) {
  const file = values.out ?? (values.quick ? undefined : RESULTS);
  if (file === undefined) return;
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const all = { ...before, ...sections };
  const lines = [...SECTIONS, 'check']
    .filter(name => name in all)
    .map(name => `${JSON.stringify(name)}: ${JSON.stringify(all[name])}`);
  writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
  if (values.out === undefined) writeDocs();
  console.log(`kept in ${path.relative(process.cwd(), path.resolve(file))}`);
}
