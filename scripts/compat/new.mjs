// Begins an entry of the compat table: npm run compat:new NAME[@VERSION]
//
// Fetches the published package and writes compat/packages/NAME.json with a row of evidence for
// each place where `closefds scan` sees FDs passed or child_process patched. What the places are for,
// since when, and what breaks without them is left empty, and the table's test fails until a person
// has written it down. Writes over nothing. What only the search for words (find-passing.mjs) stops
// at is listed: it shows too much, and a person sees which of it the scan has missed.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPassing } from './find-passing.mjs';
import { createPublished, parsePackage } from './published.mjs';
import { readArguments } from './read-arguments.mjs';

const require = createRequire(import.meta.url);
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { names } = readArguments();
const { name, version: given } = (names.length === 1 && parsePackage(names[0])) || {};
if (name === undefined) fail(`expected NAME or NAME@1.2.3, found ${names.join(' ') || 'nothing'}`, 2);

const file = path.join(root, 'compat', 'packages', `${name}.json`);
if (existsSync(file)) fail(`${path.relative(root, file)} is there already; add to it by hand`, 1);

const published = createPublished(path.join(root, '.cache'));
const { integrity, files, version } = await newest();
const { places: words, starters } = findPassing(files);
const { places: found } = await scanned();
const places = found.filter(({ siteType }) => siteType === 'stdio' || siteType === 'explicit');
const patches = found.filter(({ siteType }) => siteType === 'patch');
tellRest();
if (places.length + patches.length === 0) fail(`${name}@${version} ${whyNothing()}; nothing was written`, 1);

mkdirSync(path.dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(draft(), null, 2)}\n`);
console.log(
  `${path.relative(root, file)}: ${places.length + patches.length} places of ${name}@${version} to read.`,
);
console.log('Remove what passes nothing, fill in what is empty, then follow compat/README.md from step 2.');

/** What no entry can be made of by reading. */
function tellRest() {
  const unseen = words.filter(
    word => !found.some(place => place.fileInPackage === word.file && place.lines.includes(word.line)),
  );
  if (unseen.length > 0) {
    console.log('The scan sees nothing at these places, which have the words:');
    for (const { file, line, sign, shows } of unseen) console.log(`  ${file}:${line} ${sign}: ${shows}`);
  }
  for (const { siteType, callee, file } of found)
    if (siteType === 'addon')
      console.log(`${file} imports ${callee}: run it before you write "strays" or "starts".`);
}

function whyNothing() {
  if (words.length > 0) return 'has no place that the scan takes for one';
  const seen = starters.length === 0 ? 'starts no process by itself' : 'is seen to pass nothing';
  if ([...files.keys()].some(file => file === 'binding.gyp' || file.endsWith('.node')))
    return `${seen}, but has native code, of which only a run tells what it leaves open`;
  return `${seen} (to record that: npm run compat:checked -- --write ${name}@${version})`;
}

async function scanned() {
  const { scanFolders } = require(path.join(root, 'dist', 'src', 'scan', 'index.js'));
  const { loadCompat } = require(path.join(root, 'dist', 'src', 'policy', 'compat-table.js'));
  return scanFolders({
    roots: [await published.tarballFile(name, version)],
    policy: { rules: [], aliases: {}, expired: [], validUntil: Number.POSITIVE_INFINITY },
    table: loadCompat(),
    useCache: false,
    env: process.env,
  });
}

async function newest() {
  try {
    const version = given ?? (await published.versions(name)).latest;
    await published.fetch([{ name, version }]);
    return { version, ...(await published.tarball(name, version)) };
  } catch (error) {
    return fail(`${names[0]} cannot be had: ${error.message}`, 1);
  }
}

function draft() {
  const range = `>=${version} <=${version}`;
  const kinds = [...new Set(places.flatMap(place => place.kinds))].sort();
  const fds = [...new Set(places.flatMap(place => place.slots))].sort((a, b) => a - b);
  // Only if each is known.
  const numbers = places.some(place => place.more) ? {} : { fds };
  const evidence = places.map(toEvidence);
  return {
    $schema: `${'../'.repeat(name.split('/').length)}schema.json`,
    package: name,
    ...(places.length > 0 && {
      passes: [{ range, kinds, ...numbers, purpose: '', breaks: '', evidence }],
    }),
    ...(patches.length > 0 && {
      launches: [{ range, purpose: '', evidence: patches.map(toEvidence) }],
    }),
  };
}

function toEvidence({ fileInPackage, snippet, snippetLine }) {
  const checked = new Date().toISOString().slice(0, 10);
  return {
    version,
    file: fileInPackage,
    line: snippetLine,
    shows: snippet,
    integrity,
    checked,
    exercised: 'read',
  };
}

function fail(what, code) {
  console.error(`compat:new: ${what}.`);
  process.exit(code);
}
