// Holds the compat table against the published packages: npm run compat:verify [-- OPTION... NAME...]
//
//   --write          fills in the `line` and a missing `integrity` of evidence; nothing else is ever
//                    written, so a wrong hash stays wrong until a person looks
//   --fresh          reads each tarball again, also those that an earlier run has read
//   --markdown FILE  writes the result as Markdown, too: for the summary of a scheduled job
//
// One line an entry, sorted, and a summary:
//   ok                        the evidence stands, and no newer version is out
//   unverified newer version  the newest version has the same text, but was not checked yet
//   no longer passes          the newest version does not have the text any more
//   evidence moved            the text is in the tarball, but not where the evidence says
//   evidence wrong            it is not in the tarball, or the tarball is another one or gone
//   not checked               the registry did not answer
//
// Exits with 0 if nothing has to be done at once (the first two), with 1 for the next three, and with 3
// if entries were not checked and nothing is worse.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { newestOf, questionsOf, verifyEntry } from './check-entry.mjs';
import { toMarkdown, toSummary } from './drift.mjs';
import { createEvidence } from './evidence.mjs';
import { createPublished, inParallel, replaceFile } from './published.mjs';
import { readArguments } from './read-arguments.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = path.join(root, 'compat', 'packages');
const cache = path.join(root, '.cache');

/** The arrays of a file that hold entries. */
const ENTRY_KINDS = ['passes', 'launches', 'strays', 'starts'];
const TO_DO = new Set(['no longer passes', 'evidence moved', 'evidence wrong']);
/** npm takes longer to start than to ask. */
const VIEWS_AT_ONCE = 6;

const { write, fresh, markdown, names } = readArguments('write', 'fresh', 'markdown=');
const published = createPublished(cache);
const evidence = createEvidence(published, cache, { isFresh: fresh });

const files = filesOf(names).map(file => ({ file, ...readTable(file) }));
const versions = new Map();
await inParallel(files, VIEWS_AT_ONCE, async ({ table }) => {
  versions.set(table.package, await listVersions(table.package));
});
await evidence.prepare(
  files.flatMap(({ table }) =>
    entriesOf(table).flatMap(({ entry }) => questionsOf(table.package, entry, versions.get(table.package))),
  ),
);
const rows = files.flatMap(verifyFile).sort((a, b) => (lineOf(a) < lineOf(b) ? -1 : 1));
for (const row of rows) console.log(lineOf(row));
console.log(`\n${toSummary(rows)}`);
if (markdown !== undefined) writeFileSync(markdown, toMarkdown(rows));
process.exitCode = exitCodeOf(rows);

function filesOf(names) {
  const known = readdirSync(folder, { recursive: true })
    .filter(file => file.endsWith('.json'))
    .map(file => file.split(path.sep).join('/'))
    .sort();
  const missing = names.filter(name => !known.includes(`${name}.json`));
  if (missing.length > 0) {
    console.error(`No such file: ${missing.map(name => `compat/packages/${name}.json`).join(', ')}`);
    process.exit(2);
  }
  return names.length === 0 ? known : known.filter(file => names.includes(file.slice(0, -5)));
}

function readTable(file) {
  const text = readFileSync(path.join(folder, file), 'utf8');
  return { text, table: JSON.parse(text) };
}

function entriesOf(table) {
  return ENTRY_KINDS.flatMap(kind => (table[kind] ?? []).map(entry => ({ kind, entry })));
}

/** Of a file without entries, nothing is asked. */
async function listVersions(name) {
  if (name === undefined) return { all: [] };
  try {
    return await published.versions(name);
  } catch (error) {
    return { error: error.message, isGone: error.isGone === true };
  }
}

function verifyFile({ file, text, table }) {
  const listed = versions.get(table.package);
  const rows = entriesOf(table).map(({ kind, entry }) => ({
    package: table.package,
    entry: `${kind} ${describe(entry)}${entry.range}`,
    ...verifyEntry(table.package, entry, { listed, find: evidence.find, write }),
    lastChecked: newestOf(entry.evidence)[0].version,
  }));
  if (write) {
    const filled = `${JSON.stringify(table, withEvidenceInOrder, 2)}\n`;
    if (filled !== text) replaceFile(path.join(folder, file), filled);
  }
  return rows;
}

function lineOf({ status, package: name, entry, why }) {
  return `${status}: ${name} ${entry}${why === undefined ? '' : ` (${why})`}`;
}

/** What tells the entries of one package apart, next to their ranges. */
function describe({ kinds, fds, target, access, exports }) {
  const words = [...(kinds ?? []), ...(fds ?? []), target, access, ...(exports ?? [])].filter(
    word => word !== undefined,
  );
  return words.length === 0 ? '' : `${words.join(' ')} `;
}

function withEvidenceInOrder(key, value) {
  if (key !== 'evidence') return value;
  // `value` is an array of what the schema asks for; more is kept behind it.
  return value.map(({ version, file, line, shows, integrity, checked, exercised, ...rest }) => ({
    ...{ version, file, line, shows, integrity, checked, exercised },
    ...rest,
  }));
}

function exitCodeOf(rows) {
  if (rows.some(({ status }) => TO_DO.has(status))) return 1;
  return rows.some(({ status }) => status === 'not checked') ? 3 : 0;
}
