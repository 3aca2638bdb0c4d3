// Begins an entry of the compat table: npm run compat:new NAME[@VERSION]
//
// Fetches the published package and writes compat/packages/NAME.json with a row of evidence for
// each place where `closefds scan` sees FDs passed. What the places are for, since when, and what
// breaks without them is left empty, and the table's test fails until a person has written it down.
// Writes over nothing. What only the search for words (find-passing.mjs) stops at is listed: it
// shows too much, and a person sees which of it the scan has missed.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPassing } from './find-passing.mjs';
import { createPublished } from './published.mjs';

const require = createRequire(import.meta.url);
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const [, name, given] = /^((?:@[^@/]+\/)?[^@/]+)(?:@(.+))?$/.exec(process.argv[2] ?? '') ?? [];
if (name === undefined) fail(`expected NAME or NAME@VERSION, found ${process.argv[2] ?? 'nothing'}`, 2);

const file = path.join(root, 'compat', 'packages', `${name}.json`);
if (existsSync(file)) fail(`${path.relative(root, file)} is there already; add to it by hand`, 1);

const published = createPublished(path.join(root, '.cache'));
const { integrity, files, version } = await newest();
const { places: words, starters } = findPassing(files);
const { places: found } = await scanned();
const places = found.filter(({ what }) => what === 'stdio' || what === 'explicit');
if (places.length === 0 && words.length === 0) {
  const reason = starters.length === 0 ? 'starts no process by itself' : 'is seen to pass nothing';
  const command = `npm run compat:checked -- --write ${name}@${version}`;
  fail(`${name}@${version} ${reason}, so there is nothing to begin with. To record that: ${command}`, 1);
}

const unseen = words.filter(
  word => !found.some(place => place.fileInPackage === word.file && place.lines.includes(word.line)),
);
if (unseen.length > 0) {
  console.log('The scan sees nothing at these places, which have the words:');
  for (const { file, line, sign, shows } of unseen) console.log(`  ${file}:${line} ${sign}: ${shows}`);
}
for (const { what, via, file } of found)
  if (what === 'patch') console.log(`${file} replaces ${via} of child_process: see "launches".`);
  else if (what === 'addon')
    console.log(`${file} imports ${via}: run it before you write "strays" or "starts".`);
if (places.length === 0)
  fail(`${name}@${version} has no place that the scan takes for one; nothing was written`, 1);

mkdirSync(path.dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(draft(), null, 2)}\n`);
console.log(`${path.relative(root, file)}: ${places.length} places of ${name}@${version} to read.`);
console.log('Remove what passes nothing, fill in what is empty, then follow compat/README.md from step 2.');

async function scanned() {
  const { scan } = require(path.join(root, 'dist', 'src', 'scan', 'index.js'));
  const { loadCompat } = require(path.join(root, 'dist', 'src', 'compat.js'));
  return scan({
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
    return fail(`${process.argv[2]} cannot be had: ${String(error.message).split('\n', 1)[0]}`, 1);
  }
}

function draft() {
  const kinds = [...new Set(places.flatMap(place => place.kinds))].sort();
  const fds = [...new Set(places.flatMap(place => place.slots))].sort((a, b) => a - b);
  return {
    $schema: `${'../'.repeat(name.split('/').length)}schema.json`,
    package: name,
    passes: [
      {
        range: `>=${version} <=${version}`,
        kinds,
        // Only if each is known.
        ...(!places.some(place => place.more) && { fds }),
        purpose: '',
        breaks: '',
        evidence: places.map(place => ({
          version,
          file: place.fileInPackage,
          line: place.shownAt,
          shows: place.shows,
          integrity,
          checked: new Date().toISOString().slice(0, 10),
          exercised: 'read',
        })),
      },
    ],
  };
}

function fail(what, code) {
  console.error(`compat:new: ${what}.`);
  process.exit(code);
}
