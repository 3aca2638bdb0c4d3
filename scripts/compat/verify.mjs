// Holds the compat table against the published packages: npm run compat:verify [-- --write] [NAME...]
//
// One line an entry, sorted:
//   ok                        the evidence stands, and no newer version is out
//   unverified newer version  the newest version has the same text, but was not checked yet
//   no longer passes          the newest version does not have the text any more
//   evidence moved            the text is in the tarball, but not where the evidence says
//   evidence wrong            it is not in the tarball, or the tarball is another one or gone
//
// The last two make the exit code 1. With --write, an evidence's `line` and a missing `integrity`
// are filled in; nothing else is ever written, so a wrong hash stays wrong until a person looks.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import semver from 'semver';
import { createPublished, replaceFile } from './published.mjs';
import { readArguments } from './read-arguments.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = path.join(root, 'compat', 'packages');

/** The arrays of a file that hold entries. */
const ENTRY_KINDS = ['passes', 'launches', 'strays', 'starts'];

/** How far a text may stand from its line: a formatter's worth. */
const NEAR = 3;

const WRONG = new Set(['evidence moved', 'evidence wrong']);

const published = createPublished(path.join(root, '.cache'));
const { write, names } = readArguments('write');

const lines = [];
const files = filesOf(names);
await published.fetch(files.flatMap(tarballsOf));
for (const file of files) lines.push(...(await verifyFile(file)));
lines.sort();
for (const line of lines) console.log(line);
process.exitCode = lines.some(line => WRONG.has(line.split(': ', 1)[0])) ? 1 : 0;

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

function tarballsOf(file) {
  const table = JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
  const entries = ENTRY_KINDS.flatMap(kind => table[kind] ?? []);
  const seen = entries.flatMap(({ ends, evidence }) => (ends === undefined ? evidence : [...evidence, ends]));
  return seen.map(({ version }) => ({ name: table.package, version }));
}

async function verifyFile(file) {
  const place = path.join(folder, file);
  const text = readFileSync(place, 'utf8');
  const table = JSON.parse(text);
  const lines = [];
  for (const kind of ENTRY_KINDS) {
    for (const entry of table[kind] ?? []) {
      const { status, why } = await verifyEntry(table.package, entry);
      const what = `${table.package} ${kind} ${describe(entry)}${entry.range}`;
      lines.push(`${status}: ${what}${why === undefined ? '' : ` (${why})`}`);
    }
  }
  if (write) {
    const filled = `${JSON.stringify(table, withEvidenceInOrder, 2)}\n`;
    if (filled !== text) replaceFile(place, filled);
  }
  return lines;
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

async function verifyEntry(name, entry) {
  for (const evidence of entry.evidence) {
    const problem = await verifyEvidence(name, evidence);
    if (problem !== undefined) return problem;
  }
  return (await verifyEnd(name, entry)) ?? newer(name, entry);
}

// ---------------------------------------------------------------------------------------------
// What was seen, still there?
// ---------------------------------------------------------------------------------------------

async function verifyEvidence(name, evidence) {
  const { version, file, shows } = evidence;
  const at = `${version} ${file}:${evidence.line}`;
  const wrong = why => ({ status: 'evidence wrong', why: `${at}: ${why}` });
  const fetched = await fetchTarball(name, version);
  if (fetched.error !== undefined) return wrong(fetched.error);

  if (write) evidence.integrity ??= fetched.integrity;
  if (evidence.integrity !== fetched.integrity) return wrong(`the tarball is ${fetched.integrity}`);

  const found = linesWith(fetched.files.get(file), shows);
  if (found.some(line => Math.abs(line - evidence.line) <= NEAR)) return undefined;
  if (write && found.length === 1) {
    evidence.line = found[0];
    return undefined;
  }
  if (found.length > 0) return { status: 'evidence moved', why: `${at}: now at line ${found.join(', ')}` };
  const elsewhere = holders(fetched.files, shows);
  return elsewhere.length === 0
    ? wrong(`${JSON.stringify(shows)} is not in the tarball`)
    : { status: 'evidence moved', why: `${at}: now in ${elsewhere.join(', ')}` };
}

/** The version in which it ended must not have it. */
async function verifyEnd(name, { ends, evidence }) {
  if (ends === undefined) return undefined;
  const wrong = why => ({ status: 'evidence wrong', why: `ends in ${ends.version}: ${why}` });
  const fetched = await fetchTarball(name, ends.version);
  if (fetched.error !== undefined) return wrong(fetched.error);

  if (write) ends.integrity ??= fetched.integrity;
  if (ends.integrity !== fetched.integrity) return wrong(`the tarball is ${fetched.integrity}`);
  const still = lastOf(evidence).find(({ file, shows }) => fetched.files.get(file)?.includes(shows));
  return still === undefined ? undefined : wrong(`${still.file} still has ${JSON.stringify(still.shows)}`);
}

function lastOf(evidence) {
  const last = evidence
    .map(({ version }) => version)
    .sort(semver.compare)
    .at(-1);
  return evidence.filter(({ version }) => version === last);
}

async function fetchTarball(name, version) {
  try {
    return await published.tarball(name, version);
  } catch (error) {
    return { error: `not to be had (${error.message})` };
  }
}

function linesWith(text, shows) {
  const lines = text?.split('\n') ?? [];
  return lines.flatMap((line, index) => (line.includes(shows) ? [index + 1] : []));
}

function holders(files, shows) {
  return [...files]
    .filter(([, text]) => text.includes(shows))
    .map(([file]) => file)
    .sort()
    .slice(0, 3);
}

// ---------------------------------------------------------------------------------------------
// What was published since?
// ---------------------------------------------------------------------------------------------

/** Looks at the newest version inside the range, and at the newest of all unless the entry says where it ended. */
async function newer(name, { range, ends, evidence }) {
  const { all, error } = await listVersions(name);
  if (error !== undefined) return { status: 'evidence wrong', why: `no versions: ${error}` };
  const stable = all.filter(version => semver.prerelease(version) === null).sort(semver.compare);
  const inside = stable.filter(version => semver.satisfies(version, range)).at(-1);
  const beyond = ends === undefined ? stable.at(-1) : undefined;

  const last = lastOf(evidence);
  let found = { status: 'ok' };
  for (const version of new Set([inside, beyond])) {
    if (version === undefined || semver.lte(version, last[0].version)) continue;
    found = await compare(name, version, last);
    if (found.status !== 'unverified newer version') break;
  }
  return found;
}

async function listVersions(name) {
  try {
    return await published.versions(name);
  } catch (error) {
    return { error: error.message };
  }
}

async function compare(name, version, last) {
  const fetched = await fetchTarball(name, version);
  if (fetched.error !== undefined) return { status: 'evidence wrong', why: `${version}: ${fetched.error}` };
  const gone = last.find(({ shows }) => holders(fetched.files, shows).length === 0);
  return gone === undefined
    ? { status: 'unverified newer version', why: `${version} has the same text` }
    : { status: 'no longer passes', why: `${version} lacks ${JSON.stringify(gone.shows)}` };
}
